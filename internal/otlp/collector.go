package otlp

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/escher-dbai/cloudops-engine/internal/lifecycle"
)

// How long one request may take, and how often, and how far apart, it is tried.
const (
	defaultTimeout = 10 * time.Second
	attempts       = 5
	firstPause     = 250 * time.Millisecond
	longestPause   = 5 * time.Second
)

// collector takes one signal by OTLP over HTTP, in protobuf.
type collector struct {
	signal  signal
	url     string
	name    string // the URL without a password
	headers http.Header
	gzip    bool
	http    *http.Client
	log     *slog.Logger
	life    *lifecycle.Group // of requests, and no goroutine: when it is stopped none goes on

	sent, dropped atomic.Int64
	complained    atomic.Int64 // when, in seconds: a collector that is gone is worth a line a minute
}

// send sends a message that has n of what it sends. What is not taken is dropped, counted and
// logged here: the SDK's own way to say it is one for the whole program.
func (c *collector) send(ctx context.Context, m proto.Message, n int64) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.life.Context(), cancel)() //nolint:contextcheck // it ends ours, and gives nothing
	body, err := proto.Marshal(m)
	if err == nil {
		err = c.deliver(ctx, body)
	}
	if err == nil {
		c.sent.Add(n)
		return
	}
	c.dropped.Add(n)
	now := time.Now().Unix()
	if last := c.complained.Load(); now-last >= 60 && c.complained.CompareAndSwap(last, now) {
		c.log.LogAttrs(ctx, slog.LevelWarn, "what was for a collector was dropped: it does not take it", slog.String("signal", string(c.signal)),
			slog.String("collector", c.name), slog.Int64("count", n), slog.String("error", err.Error()))
	}
}

// deliver tries until it is taken, or refused for good.
func (c *collector) deliver(ctx context.Context, body []byte) error {
	if c.gzip {
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		if _, err := w.Write(body); err != nil {
			return err
		}
		if err := w.Close(); err != nil {
			return err
		}
		body = packed.Bytes()
	}
	pause := firstPause
	for try := 1; ; try++ {
		after, err := c.post(ctx, body)
		if err == nil || after < 0 || try == attempts {
			return err
		}
		timer := time.NewTimer(min(max(pause, after), longestPause))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return errors.Join(err, context.Cause(ctx))
		}
		pause *= 2
	}
}

// never says that it is of no use to try again.
const never = time.Duration(-1)

// post tries once. Where there is an error it says after how long to try again.
func (c *collector) post(ctx context.Context, body []byte) (after time.Duration, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return never, err
	}
	r.Header = c.headers.Clone()
	r.Header.Set("Content-Type", "application/x-protobuf")
	if c.gzip {
		r.Header.Set("Content-Encoding", "gzip")
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return 0, err
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10)) // so that the connection is used again
	if err := answer.Body.Close(); err != nil {
		return 0, err
	}
	switch answer.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		seconds, _ := strconv.Atoi(answer.Header.Get("Retry-After")) // a date, or nothing: no longer than ours
		after = time.Duration(max(seconds, 0)) * time.Second
	default:
		after = never
	}
	if answer.StatusCode/100 == 2 {
		return 0, nil
	}
	return after, fmt.Errorf("it answers %s", answer.Status)
}
