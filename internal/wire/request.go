package wire

import (
	"bytes"
	"fmt"
	"math"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	pb "github.com/escher-dbai/cloudops-engine/gen/cloudops/v1"
)

// forever is what a request has for engine.Forever: the last number of 32 bits.
const forever = math.MaxInt32 * time.Millisecond

// EncodeRequest makes the message of a request, without its trace: that is in the headers of
// a call. Errors: ErrInvalidCommand, ErrInvalid for
// text that is not UTF-8, ErrTimeoutTooLarge for a duration above 24 days that is not
// engine.Forever, ErrUnsupported for a reader or a tee, which only a program can have.
func EncodeRequest(r engine.Request) (*pb.ExecuteRequest, error) {
	if r.StdinFrom != nil || r.Tee != nil {
		return nil, fmt.Errorf("%w: a reader as stdin and a tee stay in the program that has them; "+
			"give stdin as bytes or interactive, and watch the output", engine.ErrUnsupported)
	}
	for name, d := range requestDurations(&r) {
		if *d > 0 {
			*d = max(d.Round(time.Millisecond), time.Millisecond)
		}
		switch {
		case *d >= engine.Forever-time.Millisecond:
			*d = forever
		case *d >= forever:
			return nil, fmt.Errorf("%w: %s is %v: must be below %v, or engine.Forever", engine.ErrTimeoutTooLarge, name, *d, forever)
		}
	}
	r.Trace = engine.Trace{}
	m := &pb.ExecuteRequest{}
	if err := encode(exactly{r}, m); err != nil {
		return nil, err
	}
	return m, nil
}

// exactly is a request whose JSON is no other than the request.
type exactly struct{ engine.Request }

// MarshalJSON refuses text that JSON would change.
func (s exactly) MarshalJSON() ([]byte, error) {
	data, err := s.Request.MarshalJSON()
	if err == nil && replaced(data) {
		err = fmt.Errorf("%w: the request has text that is not UTF-8; stdin alone may", engine.ErrInvalid)
	}
	return data, err
}

// replaced reports whether encoding/json put U+FFFD where something was not UTF-8: there
// alone it writes it as an escape.
func replaced(data []byte) bool {
	for {
		i := bytes.Index(data, []byte(`\ufffd`))
		if i < 0 {
			return false
		}
		slashes := len(data[:i]) - len(bytes.TrimRight(data[:i], `\`))
		if slashes%2 == 0 {
			return true
		}
		data = data[i+1:]
	}
}

// DecodeRequest makes a request of its message. Errors: ErrInvalid and what is more
// precise.
func DecodeRequest(m *pb.ExecuteRequest) (engine.Request, error) {
	data, err := strict.decode(m)
	if err != nil {
		return engine.Request{}, err
	}
	r, err := engine.ParseRequest(data)
	if err != nil {
		return engine.Request{}, err
	}
	for _, d := range requestDurations(&r) {
		if *d == forever {
			*d = engine.Forever
		}
	}
	return r, nil
}

func requestDurations(r *engine.Request) map[string]*time.Duration {
	return map[string]*time.Duration{
		"timeout_ms": &r.Timeout, "idle_timeout_ms": &r.IdleTimeout, "queue_timeout_ms": &r.QueueTimeout,
		"grace_ms": &r.Grace, "wait_delay_ms": &r.WaitDelay,
	}
}
