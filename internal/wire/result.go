package wire

import (
	"encoding/json"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	engine "github.com/escher-dbai/cloudops-engine"
	pb "github.com/escher-dbai/cloudops-engine/gen/cloudops/v1"
)

// EncodeResult makes the message of a result, with what is kept of its output, or without.
func EncodeResult(r *engine.Result, withOutput bool) (*pb.Result, error) {
	m, rest := &pb.Result{}, *r
	rest.Stdout, rest.Stderr = "", ""
	if err := encode(rest, m); err != nil {
		return nil, err
	}
	m.Stdout, m.Stderr = nil, nil
	if withOutput {
		m.Stdout, m.StdoutBase64 = textAndBytes(r.Stdout)
		m.Stderr, m.StderrBase64 = textAndBytes(r.Stderr)
	}
	return m, nil
}

// EncodeRecord makes the message of what is kept of an execution. A request that is whole
// has secrets, and is left out.
func EncodeRecord(r *engine.Record) (m *pb.RecordResponse, err error) {
	m = &pb.RecordResponse{Execution: EncodeExecution(&r.Execution)}
	if !r.Whole {
		if m.Request, err = EncodeRequest(r.Request); err != nil {
			return nil, err
		}
	}
	if r.Result != nil {
		m.Result, err = EncodeResult(r.Result, false)
	}
	return m, err
}

// DecodeRecord makes a record of its message. The request of one that is whole is not there.
func DecodeRecord(m *pb.RecordResponse) (r engine.Record, err error) {
	if r.Execution, err = DecodeExecution(m.GetExecution()); err != nil {
		return engine.Record{}, err
	}
	if r.Whole = m.GetRequest() == nil; !r.Whole {
		if r.Request, err = DecodeRequest(m.GetRequest()); err != nil {
			return engine.Record{}, err
		}
	}
	if m.GetResult() != nil {
		result, err := DecodeResult(m.GetResult())
		if err != nil {
			return engine.Record{}, err
		}
		r.Result = &result
	}
	return r, nil
}

// DecodeResult makes a result of its message, which nobody else may have meanwhile.
func DecodeResult(m *pb.Result) (r engine.Result, err error) {
	stdout, stdoutBytes, stderr, stderrBytes := m.Stdout, m.StdoutBase64, m.Stderr, m.StderrBase64
	m.Stdout, m.StdoutBase64, m.Stderr, m.StderrBase64 = nil, nil, nil, nil // they may be large, and need no JSON
	err = decodeInto(m, &r)
	m.Stdout, m.StdoutBase64, m.Stderr, m.StderrBase64 = stdout, stdoutBytes, stderr, stderrBytes
	if err != nil {
		return engine.Result{}, err
	}
	r.Stdout, r.Stderr = exact(stdout, stdoutBytes), exact(stderr, stderrBytes)
	r.Duration, err = duration(m.GetDuration())
	return r, err
}

// decodeInto reads what a daemon answers by its JSON. A newer one may say more than is
// known here.
func decodeInto(m proto.Message, noun any) error {
	data, err := lenient.decode(m)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, noun)
}

// textAndBytes is text, and its bytes where it is not UTF-8.
func textAndBytes[T ~string | ~[]byte](data T) (*string, []byte) {
	s := string(data)
	if utf8.ValidString(s) {
		return &s, nil
	}
	return new(text(s)), []byte(data)
}

// exact is what textAndBytes was given.
func exact(text *string, data []byte) string {
	if data != nil || text == nil {
		return string(data)
	}
	return *text
}
