package wire

import (
	"encoding/json"
	"fmt"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	engine "github.com/escher-dbai/cloudops-engine"
)

// The fields of most messages have the names, and the values the forms, of the JSON that
// the engine reads and writes. Such a noun goes by way of that JSON, whose rules are then
// those of the wire: no second list of fields, and no second check of them.

// encode makes a message of a noun by its JSON.
func encode(noun json.Marshaler, m proto.Message) error {
	data, err := noun.MarshalJSON()
	if err != nil {
		return err
	}
	return protojson.Unmarshal(data, m)
}

// reading is how a message is read: strict refuses fields that are not known here.
type reading bool

const (
	strict  reading = true
	lenient reading = false
)

// decode makes the JSON of a noun of a message. Unlike in proto JSON, every number is a
// number there.
func (r reading) decode(m proto.Message) ([]byte, error) {
	fields, err := r.message(m.ProtoReflect())
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(fields)
	if err != nil { // no number, or one without end
		return nil, fmt.Errorf("%w: %s: %w", engine.ErrInvalid, m.ProtoReflect().Descriptor().Name(), err)
	}
	return data, nil
}

func (r reading) message(m protoreflect.Message) (any, error) {
	switch t := m.Interface().(type) {
	case *timestamppb.Timestamp:
		return t.AsTime().Format(time.RFC3339Nano), nil
	case *structpb.Struct: // the engine's JSON as it is: parts of a plan
		return t.AsMap(), nil
	}
	if r == strict && len(m.GetUnknown()) > 0 {
		return nil, fmt.Errorf("%w: %s has a field that is not known here: whoever sent it is newer", engine.ErrInvalid, m.Descriptor().Name())
	}
	fields := make(map[string]any)
	var failed error
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		fields[string(f.Name())], failed = r.field(f, v)
		return failed == nil
	})
	return fields, failed
}

func (r reading) field(f protoreflect.FieldDescriptor, v protoreflect.Value) (any, error) {
	switch {
	case f.IsMap(): // all of ours are of strings
		entries := make(map[string]string)
		v.Map().Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
			entries[k.String()] = v.String()
			return true
		})
		return entries, nil
	case f.IsList():
		list := make([]any, v.List().Len())
		for i := range list {
			var err error
			if list[i], err = r.value(f, v.List().Get(i)); err != nil {
				return nil, err
			}
		}
		return list, nil
	}
	return r.value(f, v)
}

func (r reading) value(f protoreflect.FieldDescriptor, v protoreflect.Value) (any, error) {
	if f.Kind() == protoreflect.MessageKind {
		return r.message(v.Message())
	}
	return v.Interface(), nil
}
