package supervisor

import (
	"encoding/json"
	"errors"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/process"
)

// The protocol is lines of JSON over a stream socket. The supervisor speaks first: hello.
// Requests have a number and get one answer each, in any order; beside them come the
// phases of a stop, and last the ending. Whoever meets a field or an operation
// that it does not know passes over the one and refuses the other.

const (
	// version is what this program speaks, oldest the first version that a partner may
	// speak.
	version = 1
	oldest  = 1
)

// The operations.
const (
	opStop   = "stop"        // cause, by
	opKill   = "kill"        // cause, by
	opWrite  = "write"       // data
	opClose  = "close_stdin" //
	opResize = "resize"      // size
	opExtend = "extend"      // timeout_ns
	opMask   = "add_secrets" // secrets
	opWake   = "wake"        // cursor: answered when something stands behind it
	opCancel = "cancel"      // of: the answer to that request is not waited for any more
)

// prepare is the first line that a supervisor gets from whoever starts it: what it needs
// to get ready.
type prepare struct {
	Version     int                `json:"version"`
	Containment engine.Containment `json:"containment,omitempty"`
}

// order has it start an execution. With it come the lock of the folder, and the slot if
// there is one.
type order struct {
	State   string          `json:"state"` // the state directory
	Launch  *engine.Launch  `json:"launch"`
	About   json.RawMessage `json:"about,omitempty"`
	Relaxed bool            `json:"relaxed,omitempty"`
}

// request is a line from who controls.
type request struct {
	Number  int64                `json:"number"`
	Op      string               `json:"op"`
	Cause   engine.Cause         `json:"cause,omitempty"`
	By      engine.Actor         `json:"by,omitzero"`
	Data    []byte               `json:"data,omitempty"`
	Size    *engine.TerminalSize `json:"size,omitempty"`
	Timeout time.Duration        `json:"timeout_ns,omitempty"`
	Secrets [][]byte             `json:"secrets,omitempty"`
	Cursor  int64                `json:"cursor,omitempty"`
	Of      int64                `json:"of,omitempty"`
}

// waits reports whether the answer may be long in coming.
func (r *request) waits() bool { return r.Op == opWrite || r.Op == opClose || r.Op == opWake }

// message is a line from the supervisor: what one of its fields says.
type message struct {
	Hello   *hello           `json:"hello,omitempty"`
	Started *started         `json:"started,omitempty"`
	Refused *problem         `json:"refused,omitempty"` // the start
	Answer  *answer          `json:"answer,omitempty"`
	Phase   engine.EventKind `json:"phase,omitempty"`
	Masked  [][]byte         `json:"masked,omitempty"` // by another partner
	Ending  *engine.Ending   `json:"ending,omitempty"` // the last
}

// hello is who a supervisor is.
type hello struct {
	Version int       `json:"version"`
	Oldest  int       `json:"oldest"`
	ID      engine.ID `json:"execution_id,omitzero"` // zero: it waits for one
}

// started is what is to be known of an execution that runs.
type started struct {
	At       time.Time          `json:"at"`
	Timeout  time.Duration      `json:"timeout_ns"`
	Typed    bool               `json:"typed,omitempty"` // stdin can be written to
	Terminal bool               `json:"terminal,omitempty"`
	Phases   []engine.EventKind `json:"phases,omitempty"` // so far
}

// answer is to the request of that number.
type answer struct {
	Number  int64    `json:"number"`
	Won     bool     `json:"won,omitempty"`   // what Stop, Kill and Extend return
	Taken   int      `json:"taken,omitempty"` // bytes, by a write
	Problem *problem `json:"problem,omitempty"`
}

// problem is an error on its way.
type problem struct {
	Code string `json:"code"`
	Text string `json:"text"`
}

func problemOf(err error) *problem {
	if err == nil {
		return nil
	}
	return &problem{Code: engine.ErrorCode(err), Text: err.Error()}
}

// conditions are the errors that are told apart behind a wire.
func conditions() []error {
	return []error{
		engine.ErrBusy, engine.ErrNoStdin, engine.ErrNoTerminal, engine.ErrFinished, engine.ErrUnsupported, engine.ErrInvalid,
	}
}

// err is the error that it was: the same text and condition.
func (p *problem) err() error {
	if p == nil {
		return nil
	}
	for _, condition := range conditions() {
		if engine.ErrorCode(condition) == p.Code {
			return &remoteError{text: p.Text, condition: condition}
		}
	}
	return errors.New(p.Text)
}

// remoteError is an error of another process.
type remoteError struct {
	text      string
	condition error
}

func (e *remoteError) Error() string { return e.text }
func (e *remoteError) Unwrap() error { return e.condition }

// description is what execution.json says.
type description struct {
	process.Trail

	// Socket is where whoever runs it can be spoken to.
	Socket string `json:"socket"`
	// StartingAt is a moment before the start.
	StartingAt time.Time `json:"starting_at"`
	// Unenforced and LogPath are what of its ending is known before the start.
	Unenforced []string `json:"unenforced,omitempty"`
	LogPath    string   `json:"log_path,omitempty"`
	// About is what whoever asked for it wants known of it: see Options.About.
	About json.RawMessage `json:"about,omitempty"`
}
