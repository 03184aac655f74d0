package sidecar_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"go.uber.org/goleak"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/rpc"
	"github.com/escher-dbai/cloudops-engine/sidecar"
)

func TestMain(m *testing.M) {
	engine.ReaperMain()
	goleak.VerifyTestMain(m)
}

// host is a program that has a sidecar. It reads when it is asked to, and not before.
type host struct {
	*engine.Engine

	t      testing.TB
	in     *io.PipeWriter
	out    *io.PipeReader
	lines  *bufio.Reader
	asked  int
	noted  []frame // notifications that came while an answer was waited for
	served chan error
	ended  bool
}

// frame is what a sidecar says.
type frame struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
		Data    struct {
			Code, Message, Hint string
			Retryable           bool
			Conditions          []string
		} `json:"data"`
	} `json:"error"`
}

// start has a sidecar without hello, and what is different about it.
func start(tb testing.TB, different ...func(*sidecar.Config)) *host {
	tb.Helper()
	e, err := engine.New(engine.Config{})
	if err != nil {
		tb.Fatal(err)
	}
	handler := rpc.New(e, rpc.Config{Version: "v1.2.3"})
	c := sidecar.Config{Engine: e, Service: handler.Service(), Streams: handler, Version: "v1.2.3", Kind: "process", Quiet: true}
	for _, change := range different {
		change(&c)
	}
	sidecarIn, in := io.Pipe()
	out, sidecarOut := io.Pipe()
	h := &host{Engine: e, t: tb, in: in, out: out, lines: bufio.NewReader(out), served: make(chan error, 1)}
	go func() { h.served <- sidecar.Serve(tb.Context(), sidecarIn, sidecarOut, c) }()
	tb.Cleanup(func() {
		_ = in.Close()  // it is a pipe in memory
		_ = out.Close() // likewise
		if !h.ended {
			<-h.served //nolint:errcheck // what it says is of tests that wait for its end
		}
		handler.Close()
		now, cancel := context.WithCancel(context.Background())
		cancel()
		if err := e.Shutdown(now); err != nil && !errors.Is(err, context.Canceled) {
			tb.Error(err)
		}
	})
	return h
}

// write writes lines to the sidecar.
func (h *host) write(lines ...string) {
	h.t.Helper()
	for _, line := range lines {
		if _, err := io.WriteString(h.in, line+"\n"); err != nil {
			h.t.Fatal(err)
		}
	}
}

// writing writes a line of which the sidecar does not read all before it is heard.
func (h *host) writing(line string) {
	go func() { _, _ = io.WriteString(h.in, line+"\n") }() // what is missing is not answered
}

// line reads one line.
func (h *host) line() string {
	h.t.Helper()
	line, err := h.lines.ReadString('\n')
	if err != nil {
		h.t.Fatalf("read a frame: %v", err)
	}
	return strings.TrimSuffix(line, "\n")
}

// frame reads one frame.
func (h *host) frame() (f frame) {
	h.t.Helper()
	line := h.line()
	if err := json.Unmarshal([]byte(line), &f); err != nil {
		h.t.Fatalf("%q: %v", line, err)
	}
	return f
}

// ask makes a call and returns its id.
func (h *host) ask(method, params string, values ...any) string {
	h.t.Helper()
	h.asked++
	h.write(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":%q,"params":%s}`, h.asked, method, fmt.Sprintf(params, values...)))
	return fmt.Sprint(h.asked)
}

// answer reads the answer to a call.
func (h *host) answer(id string) frame {
	h.t.Helper()
	for {
		f := h.frame()
		if f.Method == "" {
			if string(f.ID) != id {
				h.t.Fatalf("an answer to %s, want one to %s: %+v", f.ID, id, f)
			}
			return f
		}
		h.noted = append(h.noted, f)
	}
}

// call makes a call that is done, and reads its result.
func (h *host) call(into any, method, params string, values ...any) {
	h.t.Helper()
	f := h.answer(h.ask(method, params, values...))
	if f.Error != nil {
		h.t.Fatalf("%s: %s (%s)", method, f.Error.Message, f.Error.Data.Code)
	}
	if into != nil {
		if err := json.Unmarshal(f.Result, into); err != nil {
			h.t.Fatalf("%s: %s: %v", method, f.Result, err)
		}
	}
}

// shell executes a line of sh.
func (h *host) shell(line string, values ...any) (id string) {
	h.t.Helper()
	var out struct{ ID string }
	h.call(&out, "Execute", `{"command":{"type":"shell","command":%q,"shell":"sh"}}`, fmt.Sprintf(line, values...))
	return out.ID
}

// note reads the next notification.
func (h *host) note() (f frame) {
	h.t.Helper()
	if len(h.noted) > 0 {
		f, h.noted = h.noted[0], h.noted[1:]
		return f
	}
	if f = h.frame(); f.Method == "" {
		h.t.Fatalf("an answer to %s where a notification should be", f.ID)
	}
	return f
}

// batch is a notification of a subscription.
type batch struct {
	Subscription, Batch int64
	Error               *struct{ Code, Message string }
	Body                struct {
		Events []struct {
			EventType string `json:"event_type"`
			Line      string
			Cursor    string
		}
		Chunks []struct {
			Stream string
			Data   []byte
		}
		Lines    []struct{ Line string }
		Failures []struct {
			Error struct{ Code string }
		}
	}
}

// batch reads the next notification of a subscription, and says which it is.
func (h *host) batch() (method string, b batch) {
	h.t.Helper()
	f := h.note()
	if err := json.Unmarshal(f.Params, &b); err != nil {
		h.t.Fatalf("%s %s: %v", f.Method, f.Params, err)
	}
	return f.Method, b
}

// end closes the stdin of the sidecar, reads what comes, and waits for it.
func (h *host) end() (rest []string) {
	h.t.Helper()
	if err := h.in.Close(); err != nil {
		h.t.Fatal(err)
	}
	return h.over()
}

// over reads what comes until the sidecar has ended.
func (h *host) over() (rest []string) {
	h.t.Helper()
	lines := make(chan []string)
	go func() {
		all, _ := io.ReadAll(h.lines) // until we close it
		lines <- strings.Split(string(all), "\n")
	}()
	if err := <-h.served; err != nil {
		h.t.Error(err)
	}
	h.ended = true
	if err := h.out.Close(); err != nil {
		h.t.Fatal(err)
	}
	rest = <-lines
	return rest[:len(rest)-1]
}
