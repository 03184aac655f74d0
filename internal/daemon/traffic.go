package daemon

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/escher-dbai/cloudops-engine/internal/exposition"
)

// traffic counts requests. The zero value is ready.
type traffic struct {
	inside atomic.Int64

	mu   sync.Mutex
	done map[answered]int64
}

// answered is what requests are told apart by: both are one of few.
type answered struct {
	verb   string
	status int
}

// visit is one request while it is served.
type visit struct {
	who caller
}

type visitKey struct{}

// visitOf is the request of a context.
func visitOf(ctx context.Context) *visit {
	if v, ok := ctx.Value(visitKey{}).(*visit); ok {
		return v
	}
	return &visit{}
}

// through counts and logs what goes through a door, what is refused there too. Nothing of a
// request is logged but where it goes, from whom, and what became of it.
func (d *Daemon) through(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begin := time.Now()
		v := &visit{}
		out := &answer{ResponseWriter: w, status: http.StatusOK}
		d.traffic.inside.Add(1)
		defer func() { d.went(r, v, out.status, time.Since(begin)) }()
		next.ServeHTTP(out, r.WithContext(context.WithValue(r.Context(), visitKey{}, v)))
	})
}

// went counts and logs a request that is over.
func (d *Daemon) went(r *http.Request, v *visit, status int, took time.Duration) {
	d.traffic.inside.Add(-1)
	verb := verbOf(r.URL.Path)
	d.traffic.count(answered{verb, status})
	if d.log.Enabled(r.Context(), slog.LevelDebug) {
		d.log.LogAttrs(r.Context(), slog.LevelDebug, "request", slog.String("verb", verb), slog.Int("status", status),
			slog.Duration("duration", took), slog.String("caller", v.who.String()), slog.String("from", r.RemoteAddr))
	}
}

// String names a caller in logs: by the name of the token, never the token.
func (c caller) String() string {
	switch {
	case c.local:
		return "local"
	case c.role == "":
		return "nobody"
	}
	return cmp.Or(c.name, "unnamed") + " (" + string(c.role) + ")"
}

// verbOf is what a path asks for, as one of few words.
func verbOf(path string) string {
	if verb, ok := strings.CutPrefix(path, service); ok {
		if _, err := verbRight(path); err == nil {
			return verb
		}
	}
	for prefix, verb := range map[string]string{
		"/v1/executions/": "logs", "/metrics": "metrics", pprofPath: "pprof", "/healthz": "health", "/readyz": "health",
		"/grpc.health.v1.Health/": "health", "/grpc.reflection.": "reflection",
	} {
		if strings.HasPrefix(path, prefix) {
			return verb
		}
	}
	return "other"
}

func (t *traffic) count(a answered) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.done == nil {
		t.done = make(map[answered]int64)
	}
	t.done[a]++
}

// expose writes the counts.
func (t *traffic) expose(out *exposition.Families) {
	t.mu.Lock()
	done := maps.Clone(t.done)
	t.mu.Unlock()
	out.Gauge("cloudops_requests_in_flight", "Requests and streams that are served.", float64(t.inside.Load()))
	out.Add("cloudops_requests_total", exposition.Counter, "Requests and streams that were served or refused, by verb and status of HTTP.")
	for _, a := range slices.SortedFunc(maps.Keys(done), func(a, b answered) int {
		return cmp.Or(cmp.Compare(a.verb, b.verb), cmp.Compare(a.status, b.status))
	}) {
		out.Sample(float64(done[a]), "verb", a.verb, "status", strconv.Itoa(a.status))
	}
}

// answer remembers the status of a response.
type answer struct {
	http.ResponseWriter

	status int
	begun  bool
}

// WriteHeader begins the answer.
func (a *answer) WriteHeader(status int) {
	if !a.begun && status >= http.StatusOK {
		a.begun, a.status = true, status
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write writes to the answer.
func (a *answer) Write(p []byte) (int, error) {
	a.begun = true
	return a.ResponseWriter.Write(p)
}

// Flush sends what was written.
func (a *answer) Flush() { _ = http.NewResponseController(a.ResponseWriter).Flush() } // or they are gone

// Unwrap is for http.NewResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
