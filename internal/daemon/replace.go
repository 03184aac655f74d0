package daemon

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"connectrpc.com/connect"

	"github.com/escher-dbai/cloudops-engine/internal/lifecycle"
)

// A daemon is replaced without a moment in which nobody listens: the next one gets the
// listeners themselves, as descriptors. They speak so, at the socket:
//
//	next: POST /v1/handover {"state_dir": …, "pid": …}
//	this: 101, or why not
//	next: go                 it has read the answer, and nothing beyond
//	this: an estate, with the descriptors, when it has ended
//	next: ready              it serves
//	this: the end of the connection
//
// Where the connection ends before ready, this one goes on.
const handoverPath = "/v1/handover"

// How long the two wait for each other: for a word, and for one to open or end an engine.
const (
	wordWait   = 10 * time.Second
	ripeWait   = time.Minute
	estateWait = 2 * ripeWait
)

// succession is what the next daemon says of itself.
type succession struct {
	StateDir string `json:"state_dir"`
	PID      int    `json:"pid"`
}

// estate is what a daemon leaves to the next.
type estate struct {
	// Listen is the setting that a listener of a network is there for.
	Listen string `json:"listen,omitempty"`
	// Paths are those of the sockets among the listeners, "" for what has no path of ours. The
	// descriptor of a socket is followed by that of its lock.
	Paths    []string `json:"paths"`
	Notifier Notifier `json:"notifier,omitzero"`
	files    []*os.File
}

// close gives the descriptors back.
func (e *estate) close() (err error) {
	for _, f := range e.files {
		err = errors.Join(err, f.Close())
	}
	e.files = nil
	return err
}

// Heir is a daemon that wants to take the place of this one.
type Heir struct {
	// PID is its number, as it says.
	PID    int
	conn   net.Conn
	estate *estate
}

// turnAway lets a daemon go that does not take over.
func (h *Heir) turnAway() error { return errors.Join(h.conn.Close(), h.estate.close()) }

// Heirs are those who ask to take over, one at a time. Who gets one from here hands over
// to it.
func (d *Daemon) Heirs() <-chan *Heir { return d.heirs }

// serveHandover hears who wants to take over, or says why not.
func (d *Daemon) serveHandover(w http.ResponseWriter, r *http.Request) error {
	var q succession
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(&q); err != nil {
		return refuse(http.StatusBadRequest, connect.CodeInvalidArgument, "it is not said who takes over", "cloudops serve --replace says it")
	}
	if why := d.cannotHandOver(&q); why != "" {
		return refuse(http.StatusConflict, connect.CodeFailedPrecondition, why, "stop it, and start the next one without --replace")
	}
	if !d.leaving.CompareAndSwap(false, true) {
		return refuse(http.StatusConflict, connect.CodeFailedPrecondition, "another one takes over at this moment", "wait for it, and try again")
	}
	c, words, err := http.NewResponseController(w).Hijack()
	if err != nil {
		d.leaving.Store(false)
		return refuse(http.StatusHTTPVersionNotSupported, connect.CodeInvalidArgument, "this is for HTTP/1.1 at the socket", "cloudops serve --replace asks so")
	}
	h := &Heir{PID: q.PID, conn: c}
	if err := d.promise(h, words); err != nil {
		d.leaving.Store(false)
		d.note(r.Context(), "nothing was handed over", errors.Join(err, c.Close()))
		return nil
	}
	d.heirs <- h // it has room: there is one at a time
	return nil
}

// cannotHandOver says why not.
func (d *Daemon) cannotHandOver(q *succession) string {
	if d.config.Ephemeral {
		return "the daemon that runs is ephemeral: what it runs ends with its process, and nobody can take it over"
	}
	ours, err := os.Stat(d.config.StateDir)
	theirs, also := os.Stat(q.StateDir)
	if errors.Join(err, also) != nil || !os.SameFile(ours, theirs) {
		return fmt.Sprintf("the daemon that runs has another state directory, %s", d.config.StateDir)
	}
	return ""
}

// promise says yes, and takes a copy of what the heir is to get.
func (d *Daemon) promise(h *Heir, words *bufio.ReadWriter) (err error) {
	if err := h.conn.SetDeadline(time.Now().Add(wordWait)); err != nil {
		return err
	}
	const yes = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: cloudops-handover\r\n\r\n"
	if _, err := h.conn.Write([]byte(yes)); err != nil {
		return err
	}
	if err := expect(words.Reader, "go"); err != nil {
		return err
	}
	h.estate, err = d.copyEstate()
	return err
}

func (d *Daemon) copyEstate() (*estate, error) {
	e := &estate{Listen: d.config.Listen}
	for _, p := range d.doors {
		path, files, err := lend(p.given)
		e.Paths, e.files = append(e.Paths, path), append(e.files, files...)
		if err != nil {
			return nil, errors.Join(err, e.close())
		}
	}
	return e, nil
}

// expect reads one word.
func expect(r *bufio.Reader, word string) error {
	line, err := r.ReadString('\n')
	if err == nil && line != word+"\n" {
		err = fmt.Errorf("%.20q instead of %q", line, word)
	}
	return err
}

// HandOver ends the daemon in favour of an heir, and returns nil when that serves. It takes
// no more requests, those that were begun are answered, streams are told that they can be
// had again, and the engine is closed, within the context. Where the heir does not get so
// far, the error says why, and back are the listeners: nobody who connects meanwhile is
// turned away, and the next Open has to get them.
func (d *Daemon) HandOver(ctx context.Context, h *Heir, n Notifier) (back []net.Listener, err error) {
	d.note(ctx, "the daemon has not ended as it should", errors.Join(d.retire(ctx), d.engine.Shutdown(ctx)))
	h.estate.Notifier = n
	var also error
	if err = h.pass(); err == nil {
		also = n.Tell(ctx, fmt.Sprintf("MAINPID=%d", h.PID))
	} else {
		err = fmt.Errorf("hand over to process %d: %w", h.PID, err)
		back, also = h.estate.listeners()
	}
	d.note(ctx, "not all was handed over", errors.Join(also, h.turnAway(), d.closeDoors(ctx)))
	return back, err
}

// note logs what keeps nobody from going on.
func (d *Daemon) note(ctx context.Context, what string, err error) {
	if err != nil {
		d.log.LogAttrs(ctx, slog.LevelWarn, "going on, although something went wrong", slog.String("what", what), slog.String("error", err.Error()))
	}
}

// retire answers what was asked, and nothing more. Connections stay a while: one that is cut
// as its client begins to speak looks like an engine that is gone, and who is told that we
// end asks again.
func (d *Daemon) retire(ctx context.Context) (err error) {
	d.ready.Store(false)
	for _, p := range d.doors {
		p.guard.inside.close()
		keep(p.given)
		err = errors.Join(err, p.listener.Close())
	}
	d.handler.Close()
	patient, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	for _, p := range d.doors {
		over := p.guard.inside.close()
		select {
		case <-over:
		case <-patient.Done(): // somebody does not take what they are sent
			err = errors.Join(err, p.server.Close())
			<-over
		}
	}
	return err
}

// pass gives an heir its estate, and waits until it serves.
func (h *Heir) pass() error {
	if err := h.conn.SetDeadline(time.Now().Add(ripeWait)); err != nil {
		return err
	}
	text, err := json.Marshal(h.estate)
	if err != nil {
		return err
	}
	if err := sendFiles(h.conn, append(text, '\n'), h.estate.files); err != nil {
		return err
	}
	return expect(bufio.NewReader(h.conn), "ready")
}

// listeners makes listeners of descriptors, which stay open.
func (e *estate) listeners() (all []net.Listener, err error) {
	files := e.files
	for _, path := range e.Paths {
		n := 1
		if path != "" {
			n = 2
		}
		if len(files) < n {
			return all, fmt.Errorf("%d descriptors for %q", len(e.files), e.Paths)
		}
		l, err := adopt(path, files[:n])
		if err != nil {
			return all, err
		}
		all, files = append(all, l), files[n:]
	}
	return all, nil
}

// closeDoors lets nobody in any more, and returns when nobody is inside.
func (d *Daemon) closeDoors(ctx context.Context) error {
	closing := lifecycle.New()
	faults := make([]error, len(d.doors))
	for i, p := range d.doors {
		closing.Go(func(context.Context) { faults[i] = p.close(context.WithoutCancel(ctx)) })
	}
	closing.Wait()
	d.group.Wait()
	d.lastWords(ctx)
	return errors.Join(faults...)
}
