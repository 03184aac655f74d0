package sidecar

import (
	"encoding/json"
	"fmt"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	engine "github.com/escher-dbai/cloudops-engine"
	pb "github.com/escher-dbai/cloudops-engine/gen/cloudops/v1"
	"github.com/escher-dbai/cloudops-engine/internal/wire"
)

// The codes of JSON-RPC, and ours.
const (
	codeInvalidJSON    = -32700
	codeInvalidRequest = -32600
	codeUnknownMethod  = -32601
	codeInvalidParams  = -32602
	codeInternal       = -32603
	codeEngine         = -32000
)

// fault is why a call is not done: the code of JSON-RPC, and what the daemon would say.
type fault struct {
	code int
	said *pb.Error
}

func newFault(code int, name, text, hint string) *fault {
	return &fault{code, &pb.Error{Code: name, Message: text, Hint: hint}}
}

func invalidJSON(text string) *fault {
	return newFault(codeInvalidJSON, "invalid_json", text, "a frame is one JSON object on one line, in UTF-8")
}

func invalidRequest(text string) *fault {
	return newFault(codeInvalidRequest, "invalid_request", text, "")
}

func invalidParams(text string) *fault {
	return newFault(codeInvalidParams, engine.ErrorCode(engine.ErrInvalid), text, "")
}

// faultOf is what an error of the engine is.
func faultOf(err error) *fault {
	said, _ := wire.DecodeConnect(err)
	return &fault{codeEngine, wire.EncodeError(said)}
}

// answers is the id under which a call is refused: none where it is that of another one.
func (f *fault) answers(id json.RawMessage) json.RawMessage {
	if f.code == codeInvalidRequest {
		return nil
	}
	return id
}

// object is the error member of an answer.
func (f *fault) object() json.RawMessage {
	data, _ := json.Marshal(struct { // text and a number can always be written
		Code    int             `json:"code"`
		Message string          `json:"message"`
		Data    json.RawMessage `json:"data"`
	}{f.code, f.said.GetMessage(), encode(f.said)})
	return data
}

// encode writes a message as the daemon does.
func encode(m proto.Message) json.RawMessage {
	data, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(m)
	if err != nil { // it has text that is not UTF-8, which wire sees to
		return json.RawMessage(`{"code":"internal","message":"the answer cannot be written"}`)
	}
	return data
}

// tooMany is that a host has to wait for answers first.
func tooMany() *fault {
	return faultOf(fmt.Errorf("%w: %d calls are not answered yet", engine.ErrBusy, maxCalls))
}
