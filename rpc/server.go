package rpc

import (
	"io"
	"log/slog"
	"net/http"
	"time"
)

// How long a client may take: for its header, for its message, and to read what it was
// sent. Who is slower is left, and comes back with its cursor.
const (
	headerPatience = 10 * time.Second
	bodyPatience   = 30 * time.Second
	writePatience  = time.Minute
)

// NewServer returns a server for a handler and what is beside it: HTTP/1.1 and HTTP/2, also
// without TLS, with bounds on what a client can hold up. The caller serves, and shuts down.
func NewServer(h http.Handler, log *slog.Logger) *http.Server {
	protocols := &http.Protocols{}
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	s := &http.Server{
		Handler:           impatient(h),
		Protocols:         protocols,
		ReadHeaderTimeout: headerPatience,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: 1000, // each is one of a browser's tabs, or of a tool's executions
			SendPingTimeout:      15 * time.Second,
			PingTimeout:          15 * time.Second,
			WriteByteTimeout:     writePatience,
		},
	}
	if log != nil {
		s.ErrorLog = slog.NewLogLogger(log.Handler(), slog.LevelWarn)
	}
	return s
}

// impatient has a client send its message, and read what it is sent, within bounds. The
// timeouts of http.Server would end streams, whose answers take as long as they take.
func impatient(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := http.NewResponseController(w)
		if r.Body != nil && r.Body != http.NoBody {
			_ = c.SetReadDeadline(time.Now().Add(bodyPatience)) // where there is none, the server's hold
			r.Body = &impatientBody{r.Body, c}
		}
		next.ServeHTTP(&impatientWriter{w, c}, r)
	})
}

// impatientBody takes the deadline away when the message is there.
type impatientBody struct {
	io.ReadCloser

	c *http.ResponseController
}

func (b *impatientBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		_ = b.c.SetReadDeadline(time.Time{})
	}
	return n, err
}

// impatientWriter gives each write its time.
type impatientWriter struct {
	http.ResponseWriter

	c *http.ResponseController
}

func (w *impatientWriter) Write(p []byte) (int, error) {
	_ = w.c.SetWriteDeadline(time.Now().Add(writePatience))
	return w.ResponseWriter.Write(p)
}

// Flush sends what was written.
func (w *impatientWriter) Flush() { _ = w.c.Flush() }

// Unwrap is for http.NewResponseController.
func (w *impatientWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
