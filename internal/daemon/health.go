package daemon

import (
	"context"
	"io"
	"net/http"
)

// isHealth reports whether a path tells how the daemon is. It tells nothing else, so that
// nobody needs a token for it.
func isHealth(path string) bool { return path == "/healthz" || path == "/readyz" }

// serveHealth says that the daemon lives, and whether it takes work.
func (d *Daemon) serveHealth(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "how the daemon is, is asked for by GET", http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if r.URL.Path == "/readyz" && !d.ready.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, "ending\n") // or they are gone
		return
	}
	_, _ = io.WriteString(w, "ok\n") // likewise
}

// Answers reports whether the engine answers. One that hangs does not, nor does this.
func (d *Daemon) Answers(ctx context.Context) bool {
	_, err := d.engine.Stats(ctx)
	return err == nil
}
