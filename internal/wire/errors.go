package wire

import (
	"context"
	"errors"
	"slices"

	"connectrpc.com/connect"

	engine "github.com/escher-dbai/cloudops-engine"
	pb "github.com/escher-dbai/cloudops-engine/gen/cloudops/v1"
)

// condition pairs what an error is here with what it is called there: its name in the
// detail, and the code that clients see who know nothing of the detail.
type condition struct {
	err  error
	name string
	code connect.Code
}

// conditions is the one table of errors, read both ways. Where several hold, the first
// that does gives the code.
func conditions() []condition {
	all := []condition{
		{err: engine.ErrProgramNotFound, code: connect.CodeInvalidArgument},
		{err: engine.ErrNotExecutable, code: connect.CodeInvalidArgument},
		{err: engine.ErrScriptNotFound, code: connect.CodeInvalidArgument},
		{err: engine.ErrWorkingDir, code: connect.CodeInvalidArgument},
		{err: engine.ErrTimeoutTooLarge, code: connect.CodeInvalidArgument},
		{err: engine.ErrInvalidCommand, code: connect.CodeInvalidArgument},
		{err: engine.ErrUnsupported, code: connect.CodeInvalidArgument},
		{err: engine.ErrInvalid, code: connect.CodeInvalidArgument},
		{err: engine.ErrInvalidConfig, code: connect.CodeInternal},
		{err: engine.ErrConflict, code: connect.CodeAlreadyExists},
		{err: engine.ErrNotFound, code: connect.CodeNotFound},
		{err: engine.ErrExpired, code: connect.CodeNotFound},
		{err: engine.ErrNotFinished, code: connect.CodeFailedPrecondition},
		{err: engine.ErrFinished, code: connect.CodeFailedPrecondition},
		{err: engine.ErrNoStdin, code: connect.CodeFailedPrecondition},
		{err: engine.ErrNoTerminal, code: connect.CodeFailedPrecondition},
		{err: engine.ErrBeyondEnd, code: connect.CodeOutOfRange},
		{err: engine.ErrDenied, code: connect.CodePermissionDenied},
		{err: engine.ErrQueueFull, code: connect.CodeResourceExhausted},
		{err: engine.ErrConcurrencyLimit, code: connect.CodeResourceExhausted},
		{err: engine.ErrBusy, code: connect.CodeResourceExhausted},
		{err: engine.ErrStore, code: connect.CodeUnavailable},
		{err: engine.ErrClosed, code: connect.CodeUnavailable},
		{err: engine.ErrNoGlobal, code: connect.CodeInternal},
		{err: engine.ErrGlobalSet, code: connect.CodeInternal},
		{err: context.Canceled, name: "canceled", code: connect.CodeCanceled},
		{err: context.DeadlineExceeded, name: "deadline_exceeded", code: connect.CodeDeadlineExceeded},
	}
	for i := range all {
		if all[i].name == "" {
			all[i].name = engine.ErrorCode(all[i].err)
		}
	}
	return all
}

// internal is the name of an error that is none of the engine's.
const internal = "internal"

// EncodeError makes the detail of an error, nil of nil.
func EncodeError(err error) *pb.Error {
	if err == nil {
		return nil
	}
	m, _ := describe(err)
	return m
}

// describe is the detail of an error, and its code.
func describe(err error) (*pb.Error, connect.Code) {
	m := &pb.Error{Code: engine.ErrorCode(err), Message: text(err.Error()), Hint: text(engine.Hint(err)), Retryable: engine.Retryable(err)}
	code := connect.CodeInternal
	for _, c := range conditions() {
		if !errors.Is(err, c.err) {
			continue
		}
		if m.GetCode() == internal {
			m.Code = c.name
		}
		if m.GetCode() == c.name {
			code = c.code
		}
		m.Conditions = append(m.Conditions, c.name)
	}
	if i := slices.Index(m.GetConditions(), m.GetCode()); i > 0 {
		m.Conditions = slices.Insert(slices.Delete(m.Conditions, i, i+1), 0, m.GetCode())
	}
	return m, code
}

// DecodeError makes an error of its detail, nil of nil. What it is called there and is not
// known here is left out.
func DecodeError(m *pb.Error) error {
	if m == nil {
		return nil
	}
	remote := &remoteError{message: m.GetMessage(), hint: m.GetHint()}
	for _, name := range m.GetConditions() {
		for _, c := range conditions() {
			if c.name == name {
				remote.is = append(remote.is, c.err)
			}
		}
	}
	return remote
}

// EncodeOutcome makes the message of what became of a request: its id, or the error alone.
func EncodeOutcome(o engine.Outcome) *pb.Outcome {
	if o.Err != nil {
		return &pb.Outcome{Error: EncodeError(o.Err)}
	}
	return &pb.Outcome{Id: o.ID.String()}
}

// DecodeOutcome makes an outcome of its message.
func DecodeOutcome(m *pb.Outcome) engine.Outcome {
	if m.GetError() != nil {
		return engine.Outcome{Err: DecodeError(m.GetError())}
	}
	id, err := engine.ParseID(m.GetId())
	return engine.Outcome{ID: id, Err: err}
}

// EncodeConnect makes what a handler returns of an error, nil of nil. A Connect error
// stays what it is.
func EncodeConnect(err error) error {
	if err == nil {
		return nil
	}
	if known, ok := errors.AsType[*connect.Error](err); ok {
		return known
	}
	m, code := describe(err)
	out := connect.NewError(code, errors.New(m.GetMessage()))
	if detail, failed := connect.NewErrorDetail(m); failed == nil {
		out.AddDetail(detail)
	}
	return out
}

// DecodeConnect makes an error of what a call returned, nil of nil, and reports whether the
// engine said it. Else the transport did, or something in between, which may have had a
// hint.
func DecodeConnect(err error) (decoded error, said bool) {
	failed, ok := errors.AsType[*connect.Error](err)
	if !ok {
		return err, false
	}
	for _, detail := range failed.Details() {
		if value, _ := detail.Value(); value != nil { // another's may be of a type that is not known here
			m, ok := value.(*pb.Error)
			switch {
			case ok && len(m.GetConditions()) == 0 && m.GetCode() != internal: // a door before the engine
				return hinted(err, m.GetHint()), false
			case ok:
				return DecodeError(m), true
			}
		}
	}
	return err, false
}

// hinted is an error with a hint, if there is one.
func hinted(err error, hint string) error {
	if hint == "" {
		return err
	}
	return engine.Advise(err, "%s", hint)
}

// remoteError is an error of the other side.
type remoteError struct {
	message, hint string
	is            []error
}

func (e *remoteError) Error() string   { return e.message }
func (e *remoteError) Unwrap() []error { return e.is }

// Hint is what to do about it.
func (e *remoteError) Hint() string { return e.hint }
