package rpc_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/rpc"
)

func logsOf(id engine.ID, query string) string {
	return "/v1/executions/" + id.String() + "/logs" + query
}

// Text is what was written, to the byte; with tail or a stream, a part of it.
func TestLogs_AreText(t *testing.T) {
	t.Parallel()
	d := open(t, rpc.Config{}, itself)
	wait, release := gate(t)
	id := d.start(`printf 'one\ntwo\r\n\377\nlast'; %s; echo err >&2`, wait)
	for o, err := range d.Output(t.Context(), id, 0) { // each stream is a pipe of its own: which comes first is not sure
		if err != nil {
			t.Fatal(err)
		}
		if bytes.HasSuffix(o.Data, []byte("last")) {
			release()
		}
	}
	for query, want := range map[string]string{
		"":                           "one\ntwo\r\n\xff\nlasterr\n",
		"?stream=stdout&format=text": "one\ntwo\r\n\xff\nlast",
		"?stream=stderr&follow=1":    "err\n",
		"?stream=stdout&tail=2":      "\xff\nlast",
		"?after=7&stream=stdout":     "two\r\n\xff\nlast",
	} {
		if a := d.ask("GET", logsOf(id, query), ""); a.body != want || a.header.Get("Content-Type") != "text/plain; charset=utf-8" {
			t.Errorf("%q: want %q, got %q as %v", query, want, a.body, a.header)
		}
	}
	if a := d.ask("HEAD", logsOf(id, "?follow=1"), ""); a.status != http.StatusOK || a.body != "" {
		t.Errorf("HEAD: %+v", a)
	}
}

// Events are those of the library's JSON, a line each, up to the ending.
func TestLogs_AreEvents(t *testing.T) {
	t.Parallel()
	d := open(t, rpc.Config{}, itself)
	id := d.ended(`echo one; echo two; printf 'caf\351'`).ID
	kinds := func(body string) (all string) {
		for line := range strings.Lines(body) {
			var ev engine.Event
			if err := json.Unmarshal([]byte(line), &ev); err != nil || ev.ExecutionID != id {
				t.Errorf("%q: %v", line, err)
			}
			all += fmt.Sprintf("%s %s,", ev.Kind, ev.Line)
		}
		return all
	}
	const end = "status_changed ,completed ,"
	for query, want := range map[string]string{
		"":                       "accepted ,status_changed ,started ,stdout one,stdout two,stdout caf\xe9," + end,
		"?tail=2":                "stdout two,stdout caf\xe9," + end,
		"?stream=stdout&after=7": "stdout two,stdout caf\xe9,completed ,",
		"?stream=stderr":         "completed ,",
	} {
		a := d.ask("GET", logsOf(id, query), "", "Accept", "application/x-ndjson")
		if got := kinds(a.body); got != want {
			t.Errorf("%q: want %q, got %q", query, want, got)
		}
	}
}

// What is there is given without waiting for what comes; with follow, what comes.
func TestLogs_Follow(t *testing.T) {
	t.Parallel()
	d := open(t, rpc.Config{}, itself)
	wait, release := gate(t)
	id := d.start("echo one; printf 'Password: '; %s; echo ok", wait)
	for ev, err := range d.Watch(t.Context(), id, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if ev.Partial && string(ev.Line) == "Password: " {
			break
		}
	}
	if a := d.ask("GET", logsOf(id, ""), ""); a.body != "one\nPassword: " {
		t.Errorf("what is there: %q", a.body)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.url+logsOf(id, "?follow=true&tail=1"), nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := d.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	body := bufio.NewReader(response.Body)
	if prompt, err := body.Peek(len("Password: ")); string(prompt) != "Password: " {
		t.Errorf("while it runs: %q, %v", prompt, err)
	}
	release()
	if line, err := body.ReadString(0); line != "Password: ok\n" {
		t.Errorf("to the end: %q, %v", line, err)
	}
	if err := response.Body.Close(); err != nil {
		t.Error(err)
	}
}

// An EventSource that comes back with the id of the last event that it saw gets the rest,
// and is told when there is none.
func TestLogs_AreServerSentEvents(t *testing.T) {
	t.Parallel()
	d := open(t, rpc.Config{}, itself)
	r := d.ended(`echo one; echo two; exit 3`)
	whole := d.ask("GET", logsOf(r.ID, ""), "", "Accept", "text/event-stream").body
	events := strings.SplitAfter(strings.ReplaceAll(whole, ":\n\n", ""), "\n\n")
	if len(events) != 8 || !strings.Contains(events[6], `"exit_code":3`) {
		t.Fatalf("got %q", events)
	}
	for i, ev := range events[:6] {
		id, _, _ := strings.Cut(strings.TrimPrefix(ev, "id: "), "\n")
		a := d.ask("GET", logsOf(r.ID, "?format=sse&tail=1&after=1"), "", "Last-Event-ID", id)
		if want := strings.Join(events[i+1:], ""); strings.ReplaceAll(a.body, ":\n\n", "") != want {
			t.Errorf("after %s: want %q, got %q", id, want, a.body)
		}
	}
	if a := d.ask("GET", logsOf(r.ID, "?format=sse"), "", "Last-Event-ID", fmt.Sprint(r.Cursor)); a.status != http.StatusNoContent {
		t.Errorf("at the end: %+v", a)
	}
}

func TestLogs_Refuse(t *testing.T) {
	t.Parallel()
	d := open(t, rpc.Config{}, itself)
	r := d.ended("echo one")
	for path, want := range map[string]int{
		logsOf(r.ID, "?tail=0"):                            http.StatusBadRequest,
		logsOf(r.ID, "?tail=x"):                            http.StatusBadRequest,
		logsOf(r.ID, "?after=-1"):                          http.StatusBadRequest,
		logsOf(r.ID, "?follow=maybe"):                      http.StatusBadRequest,
		logsOf(r.ID, "?stream=tty"):                        http.StatusBadRequest,
		logsOf(r.ID, "?format=xml"):                        http.StatusBadRequest,
		logsOf(r.ID, "?since=1"):                           http.StatusBadRequest,
		logsOf(r.ID, "?after=x"):                           http.StatusBadRequest,
		logsOf(r.ID, "?tail=1&tail=2"):                     http.StatusBadRequest,
		logsOf(engine.ID{1}, ""):                           http.StatusNotFound,
		"/v1/executions/..%2f..%2fetc/logs":                http.StatusBadRequest,
		logsOf(r.ID, fmt.Sprintf("?after=%d", r.Cursor+1)): http.StatusRequestedRangeNotSatisfiable,
	} {
		a := d.ask("GET", path, "")
		var told struct{ Code, Message, Hint string }
		if err := json.Unmarshal([]byte(a.body), &told); err != nil || a.status != want || told.Code == "" || told.Message == "" || told.Hint == "" ||
			strings.Contains(told.Message, "strconv") {
			t.Errorf("%s: want %d, got %d %q, %v", path, want, a.status, a.body, err)
		}
	}
	if a := d.ask("GET", logsOf(r.ID, "?tail=%zz"), ""); a.status != http.StatusBadRequest || !strings.Contains(a.body, "%zz") {
		t.Errorf("a broken query: %+v", a)
	}
	if a := d.ask("POST", logsOf(r.ID, ""), ""); a.status != http.StatusMethodNotAllowed {
		t.Errorf("POST: %+v", a)
	}
}
