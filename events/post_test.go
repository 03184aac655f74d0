package events_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/events"
)

// receiver is the other end of a Post, in memory: it answers with one status after
// the other, the last for ever; 0 is a connection that breaks.
type receiver struct {
	answers []int
	after   string        // Retry-After
	slow    chan struct{} // where not nil, each answer waits for it, or for the request's context

	mu       sync.Mutex
	requests []*http.Request
	bodies   []string
	at       []time.Duration // since the first
	first    time.Time
}

func (r *receiver) RoundTrip(request *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return nil, err
	}
	status := r.note(request, string(body))
	if r.slow != nil {
		select {
		case <-r.slow:
		case <-request.Context().Done():
			return nil, context.Cause(request.Context())
		}
	}
	if status == 0 {
		return nil, errBroken
	}
	header := http.Header{"Location": {"http://elsewhere.test/"}}
	if r.after != "" {
		header.Set("Retry-After", r.after)
	}
	return &http.Response{StatusCode: status, Header: header, Body: http.NoBody, Request: request}, nil
}

func (r *receiver) note(request *http.Request, body string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.requests) == 0 {
		r.first = time.Now()
	}
	r.at = append(r.at, time.Since(r.first))
	r.requests = append(r.requests, request)
	r.bodies = append(r.bodies, body)
	return r.answers[min(len(r.requests), len(r.answers))-1]
}

const target = "https://hooks.test/services/token-in-the-path"

// post makes a Poster to a receiver in memory.
func post(t *testing.T, r *receiver, o events.PostOptions) *events.Poster {
	t.Helper()
	o.Client = &http.Client{Transport: r}
	if o.Logger == nil {
		o.Logger = silent()
	}
	p, err := events.Post(target, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPost_PostsEndingsWithoutOutput(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &receiver{answers: []int{204}}
		header := http.Header{"Authorization": {"Bearer x"}, "Idempotency-Key": {"not this"}}
		p := post(t, r, events.PostOptions{Header: header})
		header.Set("Authorization", "changed later")
		end := ended(1, 7)
		p.HandleEvents([]engine.Event{line(1, 1), end, {Kind: engine.ExecutionStarted, ExecutionID: id(2)}})
		closed(t, p)
		if len(r.requests) != 1 {
			t.Fatalf("%d requests, want 1", len(r.requests))
		}
		h := r.requests[0].Header
		if h.Get("Idempotency-Key") != id(1).String() || h.Get("Authorization") != "Bearer x" || h.Get("Content-Type") != "application/json" {
			t.Errorf("header: %v", h)
		}
		var got engine.Event
		if err := json.Unmarshal([]byte(r.bodies[0]), &got); err != nil {
			t.Fatal(err)
		}
		if got.Kind != engine.ExecutionCompleted || got.ExecutionID != id(1) || got.Result == nil || got.Result.Output.StdoutBytes != 4 {
			t.Errorf("body: %s", r.bodies[0])
		}
		if got.Result.Stdout != "" || got.Result.Stderr != "" || strings.Contains(r.bodies[0], `out\n`) {
			t.Errorf("output was posted: %s", r.bodies[0])
		}
		if end.Result.Stdout != "out\n" {
			t.Error("the caller's result was changed")
		}
	})
}

func TestPost_IncludesTheEndOfTheOutputIfAsked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &receiver{answers: []int{200}}
		p := post(t, r, events.PostOptions{IncludeOutput: true})
		end := ended(1, 7)
		end.Result.Stdout = "é" + strings.Repeat("x", 64<<10-1)
		p.HandleEvents([]engine.Event{end})
		closed(t, p)
		var got engine.Event
		if err := json.Unmarshal([]byte(r.bodies[0]), &got); err != nil {
			t.Fatal(err)
		}
		want := "[... 2 bytes left out ...]\n" + strings.Repeat("x", 64<<10-1)
		if got.Result.Stdout != want || got.Result.Stderr != "err\n" {
			t.Errorf("stdout has %d bytes and begins %.40q; stderr is %q", len(got.Result.Stdout), got.Result.Stdout, got.Result.Stderr)
		}
	})
}

func TestPost_TriesAgainLaterAndLater(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &receiver{answers: []int{0, 503, 429, 408, 200}}
		p := post(t, r, events.PostOptions{Delay: time.Second, MaxDelay: 4 * time.Second})
		p.HandleEvents([]engine.Event{ended(1, 7)})
		closed(t, p)
		if got := p.Counts(); got != (events.PostCounts{Received: 1, Delivered: 1, Attempts: 5}) {
			t.Errorf("counts: %+v", got)
		}
		for i, most := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 4 * time.Second} {
			if pause := r.at[i+1] - r.at[i]; pause < most/2 || pause > most {
				t.Errorf("pause %d is %v, want between %v and %v", i+1, pause, most/2, most)
			}
		}
		for _, request := range r.requests {
			if request.Header.Get("Idempotency-Key") != id(1).String() {
				t.Errorf("an attempt has the key %q", request.Header.Get("Idempotency-Key"))
			}
		}
	})
}

func TestPost_HeedsRetryAfter(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		after string
		want  time.Duration
	}{
		{"20", 20 * time.Second},
		{"3600", 45 * time.Second},
		{"Sat, 01 Jan 2000 00:00:30 GMT", 30 * time.Second}, // the clock of a bubble starts half a minute before
	} {
		t.Run(tt.after, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := &receiver{answers: []int{503, 200}, after: tt.after}
				p := post(t, r, events.PostOptions{MaxDelay: 45 * time.Second})
				p.HandleEvents([]engine.Event{ended(1, 7)})
				closed(t, p)
				if got := r.at[1]; got != tt.want {
					t.Errorf("tried again after %v, want %v", got, tt.want)
				}
			})
		})
	}
}

func TestPost_GivesUp(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		answers  []int
		attempts int64
	}{
		{"what is refused", []int{400}, 1},
		{"what would be redirected", []int{302}, 1},
		{"after so many attempts", []int{500}, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				r := &receiver{answers: tt.answers}
				p := post(t, r, events.PostOptions{
					Attempts: 3, Logger: slog.New(slog.NewTextHandler(&log, nil)), Header: http.Header{"Authorization": {"Bearer s3cr3t"}},
				})
				p.HandleEvents([]engine.Event{ended(1, 7)})
				closed(t, p)
				if got := p.Counts(); got != (events.PostCounts{Received: 1, Failed: 1, Attempts: tt.attempts}) {
					t.Errorf("counts: %+v", got)
				}
				checkLog(t, log.String())
			})
		})
	}
}

// checkLog checks that a log names the execution, and nothing that may be secret.
func checkLog(t *testing.T, text string) {
	t.Helper()
	if !strings.Contains(text, id(1).String()) {
		t.Errorf("the log does not name the execution: %s", text)
	}
	if strings.Contains(text, "token-in-the-path") || strings.Contains(text, "s3cr3t") {
		t.Errorf("the log tells a secret: %s", text)
	}
}

func TestPost_BreaksWithoutTellingTheURL(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		p := post(t, &receiver{answers: []int{0}}, events.PostOptions{Attempts: 1, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		p.HandleEvents([]engine.Event{ended(1, 7)})
		closed(t, p)
		checkLog(t, log.String())
		if !strings.Contains(log.String(), errBroken.Error()) {
			t.Errorf("the log does not say why: %s", log.String())
		}
	})
}

func TestPost_BoundsTheQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &receiver{answers: []int{200}, slow: make(chan struct{})}
		p := post(t, r, events.PostOptions{Queue: 3, Concurrent: 2, Timeout: time.Hour})
		for n := byte(1); n <= 10; n++ {
			p.HandleEvents([]engine.Event{ended(n, 1)})
			synctest.Wait() // two are under way, three wait
		}
		close(r.slow)
		closed(t, p)
		if got := p.Counts(); got != (events.PostCounts{Received: 10, Delivered: 5, Dropped: 5, Attempts: 5}) {
			t.Errorf("counts: %+v", got)
		}
		var keys []string
		for _, request := range r.requests[2:] {
			keys = append(keys, request.Header.Get("Idempotency-Key"))
		}
		for n := byte(8); n <= 10; n++ {
			if !strings.Contains(strings.Join(keys, " "), id(n).String()) {
				t.Errorf("ending %d was given up, though it was among the last: %v", n, keys)
			}
		}
	})
}

func TestPost_OneThatFailsDoesNotHoldUpTheOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &receiver{answers: []int{503, 200}}
		p := post(t, r, events.PostOptions{Concurrent: 1, Delay: 40 * time.Second})
		p.HandleEvents([]engine.Event{ended(1, 1), ended(2, 1)})
		synctest.Wait()
		if got := p.Counts(); got.Delivered != 1 || got.Attempts != 2 {
			t.Errorf("counts while one waits: %+v", got)
		}
		closed(t, p)
	})
}

func TestPost_CloseIsBoundedByItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &receiver{answers: []int{200}, slow: make(chan struct{})}
		p := post(t, r, events.PostOptions{Concurrent: 1, Timeout: time.Hour})
		p.HandleEvents([]engine.Event{ended(1, 1), ended(2, 1)})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := p.Close(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "2 endings") {
			t.Errorf("Close: %v, want the deadline and 2 endings", err)
		}
		p.HandleEvents([]engine.Event{ended(3, 1)})
		closed(t, p)
		if got := p.Counts(); got != (events.PostCounts{Received: 3, Dropped: 3, Attempts: 1}) {
			t.Errorf("counts: %+v", got)
		}
	})
}

func TestPost_BoundsEachAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		p := post(t, &receiver{answers: []int{200}, slow: make(chan struct{})}, events.PostOptions{Attempts: 1, Timeout: 7 * time.Second})
		p.HandleEvents([]engine.Event{ended(1, 1)})
		closed(t, p)
		if got := time.Since(start); got != 7*time.Second {
			t.Errorf("given up after %v, want 7s", got)
		}
	})
}

func TestPost_RefusesWhatIsNoURL(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "hooks.test/x", "ftp://hooks.test/x", "http://", "https://secret@ /\x00"} {
		if _, err := events.Post(text, events.PostOptions{}); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("Post(%q): %v, want an error without it", text, err)
		}
	}
}

// TestPost_ToAServer is over a real connection, with the client that Post makes.
func TestPost_ToAServer(t *testing.T) {
	t.Parallel()
	got := make(chan string, 1)
	fails := true
	var mu sync.Mutex
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if fails {
			fails = false
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		var ev engine.Event
		if err := json.NewDecoder(r.Body).Decode(&ev); err != nil {
			t.Errorf("decode: %v", err)
		}
		got <- string(ev.Kind) + " " + r.Header.Get("Idempotency-Key")
	}))
	defer server.Close()
	p, err := events.Post(server.URL, events.PostOptions{Delay: time.Millisecond, Logger: silent()})
	if err != nil {
		t.Fatal(err)
	}
	p.HandleEvents([]engine.Event{ended(1, 7)})
	closed(t, p)
	if text := <-got; text != "completed "+id(1).String() {
		t.Errorf("the server got %q", text)
	}
}
