package client_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"connectrpc.com/connect"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/client"
	"github.com/escher-dbai/cloudops-engine/internal/wire"
)

func start(t *testing.T, e engine.API, format string, args ...any) engine.ID {
	t.Helper()
	id, err := e.Execute(t.Context(), engine.Request{Command: engine.Exec("sh", "-c", fmt.Sprintf(format, args...))})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// gate is a file that a command waits for.
func gate(t *testing.T) (wait string, open func()) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "gate")
	return "until [ -e " + path + " ]; do sleep 0.02; done", func() {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// numbers is a command that writes 1 to n, and waits in between, as often as it is cut.
func numbers(t *testing.T, cuts, each int) (line string, release []func()) {
	t.Helper()
	var b strings.Builder
	for i := range cuts {
		wait, open := gate(t)
		release = append(release, open)
		fmt.Fprintf(&b, "seq %d %d; printf %d; %s; ", i*each+1, (i+1)*each-1, (i+1)*each, wait)
		fmt.Fprint(&b, "echo; ")
	}
	return b.String(), release
}

// A daemon that is replaced again and again, also amid a line, costs a reader no event and
// no byte, and gives it none twice.
func TestClient_GoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	const cuts, each = 10, 300
	e, path := newEngine(t), socket(t)
	stop := serve(t, e, path)
	c := dial(t, path, client.Config{})
	line, release := numbers(t, cuts, each)
	id := start(t, c, "%s", line)
	replace := func(i int) {
		stop()
		stop = serve(t, e, path)
		release[i]()
	}
	lines := 0
	for ev, err := range c.Watch(t.Context(), id, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if ev.Kind != engine.StdoutWritten {
			continue
		}
		if !ev.Partial {
			lines++
			if want := fmt.Sprint(lines); string(ev.Line) != want || ev.Number != int64(lines) {
				t.Fatalf("want line %s, got %s, number %d", want, ev.Line, ev.Number)
			}
		} else if n := int(ev.Number); n%each == 0 && n/each <= cuts {
			replace(n/each - 1)
		}
	}
	if lines != cuts*each {
		t.Errorf("want %d lines, got %d", cuts*each, lines)
	}
}

func TestClient_OutputGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	const cuts, each = 5, 300
	e, path := newEngine(t), socket(t)
	stop := serve(t, e, path)
	c := dial(t, path, client.Config{})
	line, release := numbers(t, cuts, each)
	id := start(t, c, "%s", line)
	waited := make(chan error, 1)
	go func() {
		_, err := c.Wait(t.Context(), id) // goes on over the same cuts
		waited <- err
	}()
	var got bytes.Buffer
	for o, err := range c.Output(t.Context(), id, 0) {
		if err != nil {
			t.Fatal(err)
		}
		got.Write(o.Data)
		if n := bytes.Count(got.Bytes(), []byte{'\n'}) + 1; n%each == 0 && bytes.HasSuffix(got.Bytes(), fmt.Append(nil, n)) {
			stop()
			stop = serve(t, e, path)
			release[n/each-1]()
		}
	}
	r, err := e.Wait(t.Context(), id)
	if err != nil || r.Stdout != got.String() || bytes.Count(got.Bytes(), []byte{'\n'}) != cuts*each {
		t.Errorf("got %d bytes of %d, %v", got.Len(), len(r.Stdout), err)
	}
	if err := <-waited; err != nil {
		t.Errorf("wait: %v", err)
	}
}

// deaf has the answer of the first Execute lost.
type deaf struct {
	*http.Transport

	calls atomic.Int32
}

// RoundTrip makes the request.
func (d *deaf) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := d.Transport.RoundTrip(r)
	if err == nil && strings.HasSuffix(r.URL.Path, "/Execute") && d.calls.Add(1) == 1 {
		_ = response.Body.Close()
		return nil, io.ErrUnexpectedEOF
	}
	return response, err
}

// A request whose answer is lost is made again, and runs once.
func TestExecute_RunsOnceWhenItsAnswerIsLost(t *testing.T) {
	t.Parallel()
	e, path := newEngine(t), socket(t)
	serve(t, e, path)
	transport := &deaf{Transport: transportTo(t, path)}
	c := dial(t, path, client.Config{HTTP: &http.Client{Transport: transport}})
	if _, err := c.Stats(t.Context()); err != nil { // it has met the engine
		t.Fatal(err)
	}
	id := start(t, c, "echo once")
	if r, err := c.Wait(t.Context(), id); err != nil || r.Stdout != "once\n" {
		t.Errorf("%+v, %v", r, err)
	}
	if s, err := e.Stats(t.Context()); err != nil || s.Accepted != 1 || transport.calls.Load() != 2 {
		t.Errorf("accepted %d by %d calls, %v", s.Accepted, transport.calls.Load(), err)
	}
}

// Where there is nobody, and never was, that is said at once.
func TestClient_SaysThatNobodyIsThere(t *testing.T) {
	t.Parallel()
	c := dial(t, socket(t), client.Config{})
	if _, err := c.Get(t.Context(), engine.ID{1}); !errors.Is(err, client.ErrUnreachable) {
		t.Errorf("got %v", err)
	}
	for _, err := range c.Watch(t.Context(), engine.ID{1}, 0) {
		if !errors.Is(err, client.ErrUnreachable) {
			t.Errorf("got %v", err)
		}
	}
}

// An engine that went away is waited for, and not for ever.
func TestClient_IsPatientForAWhile(t *testing.T) {
	t.Parallel()
	e, path := newEngine(t), socket(t)
	stop := serve(t, e, path)
	c := dial(t, path, client.Config{Patience: 50 * time.Millisecond})
	wait, release := gate(t)
	id := start(t, c, "%s", wait)
	stop()
	if _, err := c.Status(t.Context(), id); !errors.Is(err, client.ErrUnreachable) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	cancel(enough)
	if _, err := c.Wait(ctx, id); !errors.Is(err, enough) {
		t.Errorf("want the cause of the context, got %v", err)
	}
	serve(t, e, path)
	release()
	if r, err := c.Wait(t.Context(), id); err != nil || !r.Success {
		t.Errorf("when it is back: %+v, %v", r, err)
	}
}

// silent answers the first two streams with a message at most and then nothing, one with less
// than a whole message, one without an end, and the next with its end.
type silent struct{ calls int }

// Do answers.
func (s *silent) Do(r *http.Request) (*http.Response, error) {
	s.calls++
	body := io.NopCloser(io.Reader(bytes.NewReader([]byte{2, 0, 0, 0, 2, '{', '}'}))) // the end of a stream
	switch s.calls {
	case 1: // a message, so that the client has met somebody
		body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(make([]byte, 5)), hush{r.Context()}), io.NopCloser(nil)}
	case 2:
		body = struct {
			io.Reader
			io.Closer
		}{hush{r.Context()}, io.NopCloser(nil)}
	case 3:
		body = io.NopCloser(bytes.NewReader(make([]byte, 3)))
	case 4:
		body = io.NopCloser(bytes.NewReader(nil))
	}
	return &http.Response{
		StatusCode: http.StatusOK, ProtoMajor: 1, ProtoMinor: 1, Request: r, Body: body,
		Header: http.Header{"Content-Type": {"application/connect+proto"}},
	}, nil
}

// hush is a connection on which nothing comes.
type hush struct{ ctx context.Context }

// Read waits for the end of the request.
func (h hush) Read([]byte) (int, error) {
	<-h.ctx.Done()
	return 0, h.ctx.Err()
}

// A stream that says nothing for three keep-alives is opened anew, and so is one that stops
// without its end.
func TestWatch_LeavesASilentStream(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began, s := time.Now(), &silent{}
		c, err := client.New("http://engine", client.Config{HTTP: s, KeepAlive: 10 * time.Second, Patience: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range c.Watch(t.Context(), engine.ID{1}, 0) {
			t.Errorf("got %v", err)
		}
		if took := time.Since(began); s.calls != 5 || took < time.Minute || took > 65*time.Second {
			t.Errorf("%d streams in %v", s.calls, took)
		}
	})
}

// trailerless speaks gRPC, and leaves the first stream without its end.
type trailerless struct{ calls int }

// Do answers.
func (s *trailerless) Do(r *http.Request) (*http.Response, error) {
	s.calls++
	end := http.Header{}
	if s.calls > 1 {
		end.Set("Grpc-Status", "0")
	}
	return &http.Response{
		StatusCode: http.StatusOK, ProtoMajor: 2, Request: r, Body: io.NopCloser(bytes.NewReader(make([]byte, 5))), Trailer: end,
		Header: http.Header{"Content-Type": {"application/grpc"}},
	}, nil
}

// In gRPC, too, a stream without its end was cut.
func TestWatch_GoesOnWhereGRPCStops(t *testing.T) {
	t.Parallel()
	s := &trailerless{}
	c, err := client.New("http://engine", client.Config{HTTP: s, Options: []connect.ClientOption{connect.WithGRPC()}})
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range c.Watch(t.Context(), engine.ID{1}, 0) {
		t.Errorf("got %v", err)
	}
	if s.calls != 2 {
		t.Errorf("%d streams", s.calls)
	}
}

// ending answers the first call as an engine that ends, or cuts the connection, and hands on
// the others.
type ending struct {
	*http.Transport

	cut   bool
	calls atomic.Int32
}

// RoundTrip makes the request.
func (e *ending) RoundTrip(r *http.Request) (*http.Response, error) {
	switch {
	case e.calls.Add(1) > 1:
		return e.Transport.RoundTrip(r)
	case e.cut:
		return nil, io.EOF
	}
	w := httptest.NewRecorder()
	err := connect.NewErrorWriter().Write(w, r, wire.EncodeConnect(fmt.Errorf("%w: it is being replaced", engine.ErrClosed)))
	return w.Result(), err
}

// Who comes as an engine is replaced by the next asks that, also where they come for the
// first time, and also for what may not be done twice: an engine that ends has done nothing.
func TestClient_AsksTheNextEngine(t *testing.T) {
	t.Parallel()
	e, path := newEngine(t), socket(t)
	serve(t, e, path)
	wait, release := gate(t)
	id := start(t, e, "%s", wait)
	defer release()
	for what, call := range map[string]func(c *client.Client) error{
		"status":  func(c *client.Client) error { _, err := c.Status(t.Context(), id); return err },
		"execute": func(c *client.Client) error { start(t, c, "true"); return nil },
		"extend":  func(c *client.Client) error { _, err := c.Extend(t.Context(), id, time.Minute); return err },
		"watch": func(c *client.Client) error {
			for _, err := range c.Watch(t.Context(), id, 0) {
				return err
			}
			return errors.New("nothing")
		},
	} {
		transport := &ending{Transport: transportTo(t, path)}
		c := dial(t, path, client.Config{HTTP: &http.Client{Transport: transport}})
		if err := call(c); err != nil || transport.calls.Load() != 2 {
			t.Errorf("%s: %v, after %d calls", what, err, transport.calls.Load())
		}
	}
	transport := &ending{Transport: transportTo(t, path), cut: true}
	c := dial(t, path, client.Config{HTTP: &http.Client{Transport: transport}})
	if _, err := c.Status(t.Context(), id); err != nil || transport.calls.Load() != 2 {
		t.Errorf("status, cut: %v, after %d calls", err, transport.calls.Load())
	}
	transport = &ending{Transport: transportTo(t, path), cut: true}
	c = dial(t, path, client.Config{HTTP: &http.Client{Transport: transport}})
	if _, err := c.Extend(t.Context(), id, time.Minute); !errors.Is(err, client.ErrUnreachable) || transport.calls.Load() != 1 {
		t.Errorf("extend, cut: %v, after %d calls", err, transport.calls.Load())
	}
}
