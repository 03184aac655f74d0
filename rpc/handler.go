package rpc

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync/atomic"

	"connectrpc.com/connect"
	"connectrpc.com/grpchealth"
	"connectrpc.com/grpcreflect"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/gen/cloudops/v1/cloudopsv1connect"
	"github.com/escher-dbai/cloudops-engine/internal/lifecycle"
	"github.com/escher-dbai/cloudops-engine/internal/wire"
)

// Handler answers for an engine. It is safe for concurrent use; make it with [New].
type Handler struct {
	engine engine.API
	config Config
	mux    *http.ServeMux
	group  *lifecycle.Group // what reads for streams
	// streams is how many are open.
	streams atomic.Int64
	health  *grpchealth.StaticChecker
}

// New returns a handler that answers for an engine, which stays its caller's.
func New(e engine.API, c Config) *Handler {
	h := &Handler{
		engine: e, config: c.withDefaults(), mux: http.NewServeMux(), group: lifecycle.New(),
		health: grpchealth.NewStaticChecker(cloudopsv1connect.ExecutionServiceName),
	}
	options := append([]connect.HandlerOption{
		connect.WithReadMaxBytes(h.config.MaxRequestBytes),
		connect.WithCompressMinBytes(compressFrom),
		connect.WithRecover(h.recovered),
	}, h.config.Options...)
	at, verbs := cloudopsv1connect.NewExecutionServiceHandler(&service{h}, append(slices.Clone(options), wire.JSON())...)
	h.mux.Handle(at, explained(verbs))
	h.mux.HandleFunc("GET /v1/executions/{id}/logs", h.logs)
	h.tools(options)
	return h
}

// tools answers what tools of gRPC ask any server: whether it is well, and what it serves.
func (h *Handler) tools(options []connect.HandlerOption) {
	path, health := grpchealth.NewHandler(h.health, options...)
	h.mux.Handle(path, health)
	h.mux.Handle(path+"Watch", h.ended(health))
	reflector := grpcreflect.NewStaticReflector(cloudopsv1connect.ExecutionServiceName)
	path, reflection := grpcreflect.NewHandlerV1(reflector, options...)
	h.mux.Handle(path, h.ended(reflection))
	path, reflection = grpcreflect.NewHandlerV1Alpha(reflector, options...)
	h.mux.Handle(path, h.ended(reflection))
}

// ended has Close end what has no other end.
func (h *Handler) ended(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, leave := h.within(r.Context())
		defer leave()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.mux.ServeHTTP(w, r) }

// Service returns what answers calls, for a door of another kind than HTTP. Its errors are
// those of Connect. Watch and ReadOutput are of Connect alone: Events and Output are them.
func (h *Handler) Service() cloudopsv1connect.ExecutionServiceHandler { return &service{h} }

// Close ends all streams and what waits, with engine.ErrClosed, and returns when they have
// ended. Calls that do not wait are answered as before; to who asks for its health it is not
// serving. It may be called twice.
func (h *Handler) Close() {
	for _, service := range []string{"", cloudopsv1connect.ExecutionServiceName} {
		h.health.SetStatus(service, grpchealth.StatusNotServing)
	}
	h.group.Stop(engine.ErrClosed)
	h.group.Wait()
}

// within is a context that Close ends too.
func (h *Handler) within(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(h.group.Context(), func() { cancel(engine.ErrClosed) })
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

// recovered makes an error of a panic.
func (h *Handler) recovered(ctx context.Context, spec connect.Spec, _ http.Header, panicked any) error {
	h.config.Logger.ErrorContext(ctx, "a call panicked", slog.String("procedure", spec.Procedure), slog.Any("panic", panicked))
	return wire.EncodeConnect(fmt.Errorf("%s panicked: its log says more", spec.Procedure))
}
