package wire

import (
	"fmt"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// JSON gives a handler JSON with the names of the contract, which are those of the engine's
// JSON, and has it refuse fields that it does not know; Connect's own has camelCase and
// leaves them out. A client that takes it speaks JSON instead of protobuf.
func JSON() connect.Option {
	return connect.WithOptions(
		connect.WithCodec(jsonCodec{"json"}),
		connect.WithCodec(jsonCodec{"json; charset=utf-8"}),
	)
}

type jsonCodec struct{ name string }

// Name is the subtype of the content type.
func (c jsonCodec) Name() string { return c.name }

// Marshal writes a message.
func (c jsonCodec) Marshal(v any) ([]byte, error) { return c.MarshalAppend(nil, v) }

// MarshalAppend writes a message behind what is there.
func (c jsonCodec) MarshalAppend(to []byte, v any) ([]byte, error) {
	m, ok := v.(proto.Message)
	if !ok {
		return nil, fmt.Errorf("%T is no message", v)
	}
	return protojson.MarshalOptions{UseProtoNames: true}.MarshalAppend(to, m)
}

// Unmarshal reads a message.
func (c jsonCodec) Unmarshal(data []byte, v any) error {
	m, ok := v.(proto.Message)
	if !ok {
		return fmt.Errorf("%T is no message", v)
	}
	if len(data) == 0 {
		return fmt.Errorf("read %s: there is nothing; the smallest message is {}", m.ProtoReflect().Descriptor().Name())
	}
	return protojson.Unmarshal(data, m)
}
