package daemon

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"connectrpc.com/connect"

	pb "github.com/escher-dbai/cloudops-engine/gen/cloudops/v1"
)

// refusal is why a request goes no further: a status for those who speak HTTP alone, a
// code for clients of Connect and gRPC, and what to do for whoever reads it.
type refusal struct {
	status        int
	code          connect.Code
	message, hint string
	allow         string // the methods that there are, of a wrong one
}

func (r *refusal) Error() string { return r.message }

func refuse(status int, code connect.Code, message, hint string) *refusal {
	return &refusal{status: status, code: code, message: message, hint: hint}
}

// notByMethod says by which methods that is done which a right is needed for.
func notByMethod(r *http.Request, need right) *refusal {
	why := refuse(http.StatusMethodNotAllowed, connect.CodeUnimplemented, r.Method+" does not do that", "what has an effect is asked for by POST")
	why.allow = http.MethodPost
	if need == toLook || need == toProfile {
		why.allow = "GET, HEAD, POST"
		why.hint = "it is asked for by GET or POST"
	}
	return why
}

// detail is the refusal for clients that show hints. It has no condition: it is not the
// engine that refuses.
func (r *refusal) detail() (*connect.ErrorDetail, error) {
	return connect.NewErrorDetail(&pb.Error{Code: r.code.String(), Message: r.message, Hint: r.hint})
}

// connect is the refusal as Connect has it.
func (r *refusal) connect() *connect.Error {
	err := connect.NewError(r.code, r)
	if d, failed := r.detail(); failed == nil {
		err.AddDetail(d)
	}
	return err
}

// body is the refusal in JSON, as Connect has it, with the hint where curl shows it.
func (r *refusal) body() ([]byte, error) {
	type detail struct {
		Type  string `json:"type"`
		Value string `json:"value"`
	}
	d, err := r.detail()
	if err != nil {
		return nil, err
	}
	return json.Marshal(struct {
		Code    string   `json:"code"`
		Message string   `json:"message"`
		Hint    string   `json:"hint"`
		Details []detail `json:"details"`
	}{r.code.String(), r.message, r.hint, []detail{{d.Type(), base64.RawStdEncoding.EncodeToString(d.Bytes())}}})
}

// note logs what was refused, as far as there is not too much of it.
func (g *guard) note(r *http.Request, why *refusal) {
	loud := false
	g.noise.Do(func() { loud = true })
	if loud {
		g.log.LogAttrs(r.Context(), slog.LevelWarn, "a request was refused",
			slog.String("why", why.message), slog.Int("status", why.status), slog.String("from", r.RemoteAddr),
			slog.String("host", r.Host), slog.String("path", r.URL.Path))
	}
}

// deny says why not.
func (g *guard) deny(w http.ResponseWriter, r *http.Request, err error) {
	why, ok := errors.AsType[*refusal](err)
	if !ok {
		why = refuse(http.StatusInternalServerError, connect.CodeInternal, "the daemon has a fault", "its log says which")
	}
	g.note(r, why)
	header := w.Header()
	header.Set("X-Content-Type-Options", "nosniff")
	if why.status == http.StatusUnauthorized {
		header.Set("Www-Authenticate", "Bearer")
	}
	if why.allow != "" {
		header.Set("Allow", why.allow)
	}
	if g.errors.IsSupported(r) && strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
		_ = g.errors.Write(w, r, why.connect()) // or they are gone
		return
	}
	body, err := why.body()
	if err != nil {
		why.status = http.StatusInternalServerError // it is texts
	}
	header.Set("Content-Type", "application/json")
	w.WriteHeader(why.status)
	_, _ = w.Write(append(body, '\n')) //nolint:gosec // it is JSON, and the header says so; likewise
}
