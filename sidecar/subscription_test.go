package sidecar_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/escher-dbai/cloudops-engine/sidecar"
)

// The events of an execution come in batches behind the answer, in order, and then the end.
func TestWatch_GivesEvents(t *testing.T) {
	t.Parallel()
	h := start(t)
	id := h.shell(`printf 'a\rb\nc\342\200\250d\302\205e\n'; echo x >&2`)
	var sub struct{ Subscription int64 }
	h.call(&sub, "Watch", `{"executions":[{"id":%q},{"id":%q}],"without_output":true}`, id, nobody)
	if len(h.noted) > 0 || sub.Subscription != 1 {
		t.Errorf("subscription %d is answered behind %v", sub.Subscription, h.noted)
	}
	var kinds, lines []string
	failures := 0
	for n := int64(1); ; n++ {
		method, b := h.batch()
		if method == "end" {
			if b.Error != nil {
				t.Errorf("it ends with %+v", b.Error)
			}
			break
		}
		if method != "watch" || b.Subscription != 1 || b.Batch != n {
			t.Errorf("%s %d of %d, want watch %d of 1", method, b.Batch, b.Subscription, n)
		}
		for _, ev := range b.Body.Events {
			kinds = append(kinds, ev.EventType)
			if ev.EventType == "stdout" {
				lines = append(lines, ev.Line)
			}
		}
		failures += len(b.Body.Failures)
	}
	if kinds[0] != "accepted" || kinds[len(kinds)-1] != "completed" || failures != 1 {
		t.Errorf("events are %v, and %d could not be followed", kinds, failures)
	}
	if got := strings.Join(lines, "|"); got != "a\rb|c\u2028d\u0085e" {
		t.Errorf("lines are %q", got)
	}
	h.call(nil, "Unwatch", `{"subscription":1}`) // which has ended
}

// No frame has anything inside that somebody takes for the end of a line.
func TestServe_WritesNoLineSeparator(t *testing.T) {
	t.Parallel()
	h := start(t)
	id := h.shell(`printf 'a\rb\013c\014d\342\200\250e\342\200\251f\302\205g\034h\n'`)
	h.call(nil, "Watch", `{"executions":[{"id":%q}]}`, id)
	h.write(fmt.Sprintf(`{"jsonrpc":"2.0","id":"\u2028\u0085","method":"Wait","params":{"id":%q}}`, id))
	for n := 0; n < 2; {
		line := h.line()
		if strings.ContainsAny(line, "\r\n\v\f\u2028\u2029\u0085\x1c") {
			t.Errorf("a frame has a separator inside: %q", line)
		}
		if strings.Contains(line, `"method":"end"`) || strings.Contains(line, `"id":"\u2028\u0085"`) {
			n++
		}
	}
}

// With nothing acknowledged a subscription stops at its window, and everything else goes
// on; with an ack it goes on where it stopped.
func TestWatch_StaysInItsWindow(t *testing.T) {
	t.Parallel()
	const window, lines = 4, 4 * 4 * 128
	h := start(t, func(c *sidecar.Config) { c.Window = window })
	id := h.shell("seq %d; echo done >&2", lines)
	h.call(nil, "Wait", `{"id":%q}`, id)
	h.call(nil, "Watch", `{"executions":[{"id":%q}]}`, id)
	h.call(nil, "Watch", `{"executions":[{"id":%q}]}`, id)
	seen, last := map[int64]int{}, map[int64]int64{}
	read := func() {
		method, b := h.batch()
		if method != "watch" || b.Batch != last[b.Subscription]+1 {
			t.Fatalf("%s %d behind %d", method, b.Batch, last[b.Subscription])
		}
		last[b.Subscription] = b.Batch
		for _, ev := range b.Body.Events {
			if ev.EventType == "stdout" {
				if seen[b.Subscription]++; ev.Line != fmt.Sprint(seen[b.Subscription]) {
					t.Fatalf("line %s, want %d", ev.Line, seen[b.Subscription])
				}
			}
		}
	}
	for range 2 * window {
		read()
	}
	h.call(nil, "Ping", "{}") // nothing is before the answer, and
	h.call(nil, "Ping", "{}") // nothing behind
	if len(h.noted) > 0 || last[1] != window || last[2] != window {
		t.Fatalf("%v are on their way of each, and %d more", last, len(h.noted))
	}
	h.write(
		`{"jsonrpc":"2.0","method":"ack","params":{"subscription":1,"batch":3}}`,
		`{"jsonrpc":"2.0","method":"ack","params":{"subscription":1,"batch":2}}`,
		`{"jsonrpc":"2.0","method":"ack","params":{"subscription":77,"batch":2}}`,
		`{"jsonrpc":"2.0","method":"ack","params":{"subscription":"x"}}`,
		`{"jsonrpc":"2.0","method":"ack"}`,
	)
	for range 3 {
		read()
	}
	h.call(nil, "Ping", "{}")
	if len(h.noted) > 0 || last[1] != window+3 || last[2] != window {
		t.Fatalf("%v are on their way of each, and %d more", last, len(h.noted))
	}
	h.write(`{"jsonrpc":"2.0","method":"ack","params":{"subscription":1,"batch":99}}`) // only what was sent
	for seen[1] < lines {
		read()
		h.write(fmt.Sprintf(`{"jsonrpc":"2.0","method":"ack","params":{"subscription":1,"batch":%d}}`, last[1]))
	}
	for {
		method, b := h.batch()
		if method == "end" {
			break
		}
		if b.Subscription != 1 {
			t.Fatalf("batch %d of %d, which has its window full", b.Batch, b.Subscription)
		}
	}
	h.call(nil, "Unwatch", `{"subscription":2}`)
	h.call(nil, "Ping", "{}")
	if len(h.noted) > 0 {
		t.Errorf("behind the end of a subscription came %+v", h.noted)
	}
}

// Without a window a subscription runs ahead as far as the pipe lets it.
func TestWatch_WithoutAWindow(t *testing.T) {
	t.Parallel()
	h := start(t, func(c *sidecar.Config) { c.Window = -1 })
	id := h.shell("seq 20000")
	h.call(nil, "Watch", `{"executions":[{"id":%q}],"without_output":true}`, id)
	n := 0
	for {
		method, b := h.batch()
		if method == "end" {
			break
		}
		for _, ev := range b.Body.Events {
			if ev.EventType == "stdout" {
				n++
			}
		}
	}
	if n != 20_000 {
		t.Errorf("%d lines came", n)
	}
}

// Who comes back with a cursor has the rest, and nothing twice.
func TestWatch_GoesOnAtACursor(t *testing.T) {
	t.Parallel()
	h := start(t)
	id := h.shell("seq 1000")
	h.call(nil, "Wait", `{"id":%q}`, id)
	want, from := 1, "0"
	for number := 1; want <= 1000; number++ {
		h.call(nil, "Watch", `{"executions":[{"id":%q,"from":%s}]}`, id, from)
		_, b := h.batch()
		for _, ev := range b.Body.Events {
			from = ev.Cursor
			if ev.EventType == "stdout" {
				if ev.Line != fmt.Sprint(want) {
					t.Fatalf("line %s, want %d", ev.Line, want)
				}
				want++
			}
		}
		h.call(nil, "Unwatch", `{"subscription":%d}`, number)
		h.noted = nil
	}
}

func TestReadOutput_GivesBytesAndLines(t *testing.T) {
	t.Parallel()
	h := start(t)
	id := h.shell(`printf 'one\ntwo\377'; printf err >&2`)
	h.call(nil, "Wait", `{"id":%q}`, id)
	for _, c := range []struct{ params, want string }{
		{`{"id":%q}`, "one\ntwo\xff|err"},
		{`{"id":%q,"lines":{"match":"^o"}}`, "one,"},
	} {
		h.call(nil, "ReadOutput", c.params, id)
		bytes, lines := map[string]string{}, ""
		method, b := h.batch()
		for ; method == "output"; method, b = h.batch() {
			for _, chunk := range b.Body.Chunks {
				bytes[chunk.Stream] += string(chunk.Data)
			}
			for _, l := range b.Body.Lines {
				lines += l.Line + ","
			}
		}
		got := lines
		if len(bytes) > 0 {
			got = bytes["stdout"] + "|" + bytes["stderr"]
		}
		if method != "end" || b.Error != nil || got != c.want {
			t.Errorf("%s gives %q and %s %v, want %q", c.params, got, method, b.Error, c.want)
		}
	}
	h.call(nil, "ReadOutput", `{"id":%q}`, nobody)
	if method, b := h.batch(); method != "end" || b.Error == nil || b.Error.Code != "not_found" {
		t.Errorf("%s %+v of one that is not known", method, b.Error)
	}
}

// There may be so many subscriptions; one more is refused, and one that ends makes room.
func TestWatch_HasABound(t *testing.T) {
	t.Parallel()
	h := start(t)
	id := h.shell("sleep 100")
	for range 256 {
		h.call(nil, "Watch", `{"executions":[{"id":%q,"from":"100000"}]}`, id)
	}
	f := h.answer(h.ask("Watch", `{"executions":[{"id":%q}]}`, id))
	if f.Error == nil || f.Error.Data.Code != "busy" {
		t.Errorf("one more is answered with %+v", f)
	}
	h.call(nil, "Unwatch", `{"subscription":7}`)
	var sub struct{ Subscription int64 }
	h.call(&sub, "Watch", `{"executions":[{"id":%q,"from":"100000"}]}`, id)
	if sub.Subscription <= 256 {
		t.Errorf("number %d is given twice", sub.Subscription)
	}
}

// Answers with output are made one at a time, and each comes.
func TestWait_MakesOneLargeAnswerAtATime(t *testing.T) {
	t.Parallel()
	h := start(t)
	id := h.shell("head -c 1000000 /dev/zero | tr '\\0' x")
	for range 20 {
		h.ask("Wait", `{"id":%q}`, id)
	}
	h.write(fmt.Sprintf(`[{"jsonrpc":"2.0","id":"a","method":"Wait","params":{"id":%q}},{"jsonrpc":"2.0","id":"b","method":"Wait","params":{"id":%[1]q}}]`, id))
	for range 21 {
		line := h.line()
		if n := len(line); n < 1_000_000 {
			t.Errorf("an answer has %d bytes", n)
		}
		if !json.Valid([]byte(line)) {
			t.Error("an answer is no JSON")
		}
	}
	late := h.ask("Wait", `{"id":%q,"without_output":true}`, id)
	if f := h.answer(late); f.Error != nil || len(f.Result) > 2000 {
		t.Errorf("without output it has %d bytes", len(f.Result))
	}
}
