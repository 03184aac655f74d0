package rpc

import (
	"context"
	"strings"

	"connectrpc.com/connect"

	engine "github.com/escher-dbai/cloudops-engine"
)

// traceOf is the trace that a caller is in, by the headers of its call. What cannot be read
// is left out, as the W3C has it: it is no reason to refuse a request.
func traceOf(ctx context.Context) engine.Trace {
	call, ok := connect.CallInfoForHandlerContext(ctx)
	if !ok {
		return engine.Trace{}
	}
	h := call.RequestHeader()
	t := engine.Trace{Parent: h.Get("Traceparent")}
	if t.Parent == "" || t.Validate() != nil {
		return engine.Trace{}
	}
	with := engine.Trace{Parent: t.Parent, State: strings.Join(h.Values("Tracestate"), ",")}
	if with.Validate() != nil {
		return t
	}
	return with
}
