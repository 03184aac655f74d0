package rpc

import (
	"encoding/json"
	"mime"
	"net/http"
	"path"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	pb "github.com/escher-dbai/cloudops-engine/gen/cloudops/v1"
)

// explained says what is wrong with a call that is asked for in no way that its verb knows.
// Connect answers those with a status and no word.
func explained(next http.Handler) http.Handler {
	verbs := pb.File_cloudops_v1_execution_service_proto.Services().ByName("ExecutionService").Methods()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		verb := verbs.ByName(protoreflect.Name(path.Base(r.URL.Path)))
		if verb == nil {
			next.ServeHTTP(w, r)
			return
		}
		status, hint := misasked(verb, r)
		if status == 0 {
			if r.ProtoMajor == 1 && r.Body != nil {
				r.Body = body{r.Body}
			}
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.WriteHeader(status)
		out := json.NewEncoder(w)
		out.SetEscapeHTML(false) // a hint has an & to copy
		_ = out.Encode(struct {  // who has gone needs no answer
			Code    string `json:"code"`
			Message string `json:"message"`
			Hint    string `json:"hint"`
		}{"unimplemented", string(verb.Name()) + " is not asked for so", hint})
	})
}

// misasked is what to do about a call that Connect would refuse without a word, and the
// status of that; 0: it takes it.
func misasked(verb protoreflect.MethodDescriptor, r *http.Request) (status int, hint string) {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")) // what is none is none of ours
	options, _ := verb.Options().(*descriptorpb.MethodOptions)
	byGET := options.GetIdempotencyLevel() == descriptorpb.MethodOptions_NO_SIDE_EFFECTS
	switch {
	case r.Method == http.MethodGet && byGET:
		if encoding := r.URL.Query().Get("encoding"); encoding != "json" && encoding != "proto" {
			return http.StatusUnsupportedMediaType, "POST it as application/json, or GET it with ?connect=v1&encoding=json&message=%7B%7D, the message in JSON"
		}
	case r.Method != http.MethodPost:
		return http.StatusMethodNotAllowed, "POST it as " + kindOf(verb)
	case verb.IsStreamingServer() && (kind == "application/json" || kind == "application/proto"),
		!verb.IsStreamingServer() && strings.HasPrefix(kind, "application/connect+"):
		return http.StatusUnsupportedMediaType, "POST it as " + kindOf(verb)
	}
	return 0, ""
}

// kindOf is the type of a verb's request, for people.
func kindOf(verb protoreflect.MethodDescriptor) string {
	if verb.IsStreamingServer() {
		return "application/connect+json, by a library of Connect or gRPC; without one, GET /v1/executions/ID/logs has lines and events"
	}
	return "application/json"
}
