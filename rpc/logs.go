package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"connectrpc.com/connect"

	engine "github.com/escher-dbai/cloudops-engine"
)

// logs answers GET /v1/executions/{id}/logs: what an execution wrote, for those who have no
// library. It has the rules of Watch, in other clothes.
func (h *Handler) logs(w http.ResponseWriter, r *http.Request) {
	q, err := readLogQuery(r)
	if err != nil {
		refuse(w, err)
		return
	}
	x, err := h.engine.Get(r.Context(), q.id)
	switch over := err == nil && x.Status.Terminal(); {
	case err != nil:
		refuse(w, err)
		return
	case over && q.after > x.Cursor:
		refuse(w, fmt.Errorf("%w: execution %s ends at %d", engine.ErrBeyondEnd, q.id, x.Cursor))
		return
	case over && q.format.ends && q.after == x.Cursor:
		w.WriteHeader(http.StatusNoContent) // an EventSource comes back for ever, unless told so
		return
	case over:
		q.follow = true // to the end, which is there
	}
	w.Header().Set("Content-Type", q.format.mime)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	out := http.NewResponseController(w)
	send := func(batch [][]byte) error {
		if len(batch) == 0 {
			batch = [][]byte{[]byte(q.format.alive)}
		}
		for _, piece := range batch {
			if _, err := w.Write(piece); err != nil { //nolint:gosec // it is text, and the header says so
				return err
			}
		}
		return out.Flush()
	}
	if r.Method == http.MethodHead {
		return
	}
	err = stream(r.Context(), h, h.config.KeepAlive, send, func(ctx context.Context, f *feed[[]byte]) error {
		if err := h.log(ctx, f, &q); err != nil && ctx.Err() == nil {
			f.put(ctx, q.format.failure(err), overhead)
		}
		return nil
	})
	switch {
	case errors.Is(err, engine.ErrClosed): // so that nobody takes it for the end of the execution
		_ = send([][]byte{q.format.failure(fmt.Errorf("%w: the rest is to be had again", err))})
	case err != nil: // they may not any more, or have gone: then nobody hears it
		_ = send([][]byte{q.format.failure(err)})
	}
}

// log puts what is asked for into a feed: the tail, then what is behind it.
func (h *Handler) log(ctx context.Context, f *feed[[]byte], q *logQuery) error {
	q.unended = make(map[engine.Stream]int64)
	if q.tail > 0 || !q.follow {
		last, err := h.logLines(ctx, f, q)
		if err != nil || !q.follow {
			return err
		}
		q.after = max(q.after, last)
	}
	if q.format.event == nil {
		return h.logBytes(ctx, f, q)
	}
	for ev, err := range h.engine.Watch(ctx, q.id, q.after) {
		if err != nil {
			return err
		}
		if !q.wants(&ev) {
			continue
		}
		data, err := q.format.event(&ev)
		if err != nil {
			return err
		}
		if !f.put(ctx, data, len(data)) {
			return context.Cause(ctx)
		}
	}
	return nil
}

// logLines puts the lines that are there into a feed, and returns where they end.
func (h *Handler) logLines(ctx context.Context, f *feed[[]byte], q *logQuery) (last engine.Cursor, err error) {
	lines := engine.LineQuery{Streams: q.streams, From: q.after, Last: q.tail}
	for l, err := range h.engine.Lines(ctx, q.id, lines) {
		if err != nil {
			return last, err
		}
		if l.Unended {
			q.unended[l.Stream] = l.Number
		}
		data, err := q.format.line(q.id, &l)
		if err != nil {
			return last, err
		}
		if !f.put(ctx, data, len(data)) {
			return last, context.Cause(ctx)
		}
		last = l.Cursor
	}
	return last, nil
}

// logBytes puts output into a feed as it was written.
func (h *Handler) logBytes(ctx context.Context, f *feed[[]byte], q *logQuery) error {
	for o, err := range h.engine.Output(ctx, q.id, q.after) {
		if err != nil {
			return err
		}
		if !q.has(o.Stream) {
			continue
		}
		data := append([]byte(nil), o.Data...)
		if o.Skipped > 0 {
			data = fmt.Appendf(nil, "\n[... %d bytes of %s left out ...]\n", o.Skipped, o.Stream)
		}
		if !f.put(ctx, data, len(data)) {
			return context.Cause(ctx)
		}
	}
	return nil
}

// refuse answers with an error in JSON: its code, its text and what to do.
func refuse(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	for _, c := range []struct {
		is     error
		status int
	}{
		{engine.ErrInvalid, http.StatusBadRequest},
		{engine.ErrNotFound, http.StatusNotFound},
		{engine.ErrExpired, http.StatusGone},
		{engine.ErrBeyondEnd, http.StatusRequestedRangeNotSatisfiable},
		{engine.ErrDenied, http.StatusForbidden},
		{engine.ErrClosed, http.StatusServiceUnavailable},
		{engine.ErrStore, http.StatusServiceUnavailable},
	} {
		if errors.Is(err, c.is) {
			status = c.status
			break
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(append(failureJSON(err), '\n')) //nolint:gosec // it is JSON, and the header says so; who has gone needs no answer
}

// failureJSON is an error as an object. One that stands before the engine has its own code.
func failureJSON(err error) []byte {
	code, message := engine.ErrorCode(err), err.Error()
	if said, ok := errors.AsType[*connect.Error](err); ok {
		code, message = said.Code().String(), said.Message()
	}
	data, _ := json.Marshal(struct { // strings can always be written
		Code    string `json:"code"`
		Message string `json:"message"`
		Hint    string `json:"hint,omitempty"`
	}{code, message, engine.Hint(err)})
	return data
}
