package wire_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"testing"

	"connectrpc.com/connect"
	"pgregory.net/rapid"

	engine "github.com/escher-dbai/cloudops-engine"
	pb "github.com/escher-dbai/cloudops-engine/gen/cloudops/v1"
	"github.com/escher-dbai/cloudops-engine/internal/wire"
)

// known are all errors that have a name.
func known() []error {
	return []error{
		engine.ErrInvalid, engine.ErrInvalidCommand, engine.ErrProgramNotFound, engine.ErrNotExecutable, engine.ErrScriptNotFound,
		engine.ErrWorkingDir, engine.ErrTimeoutTooLarge, engine.ErrUnsupported, engine.ErrInvalidConfig, engine.ErrConflict,
		engine.ErrNotFound, engine.ErrExpired, engine.ErrNotFinished, engine.ErrFinished, engine.ErrNoStdin, engine.ErrNoTerminal,
		engine.ErrBeyondEnd, engine.ErrDenied, engine.ErrQueueFull, engine.ErrConcurrencyLimit, engine.ErrBusy, engine.ErrStore,
		engine.ErrClosed, engine.ErrNoGlobal, engine.ErrGlobalSet, context.Canceled, context.DeadlineExceeded,
	}
}

// Every condition that the engine has is in the table: the list here is checked against
// its source, the table against the list.
func TestErrors_AreAllInTheTable(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("../../errors.go")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, err := range known() {
		names = append(names, engine.ErrorCode(err))
		if got, said := wire.DecodeConnect(wire.EncodeConnect(err)); !said || !errors.Is(got, err) {
			t.Errorf("%v came as %v", err, got)
		}
	}
	for _, found := range regexp.MustCompile(`condition\{code: "(\w+)"`).FindAllStringSubmatch(string(source), -1) {
		if !slices.Contains(names, found[1]) {
			t.Errorf("the condition %s of errors.go is new: it needs a row in the table, and its place above", found[1])
		}
	}
}

// advised is an error with a hint.
type advised struct {
	error
	hint string
}

func (a advised) Unwrap() error { return a.error }
func (a advised) Hint() string  { return a.hint }

func TestErrors_ComeAsTheyWent(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var faults []error
		for _, c := range rapid.SliceOfN(rapid.SampledFrom(known()), 0, 3).Draw(t, "conditions") {
			faults = append(faults, fmt.Errorf("%w: %s", c, rapid.String().Draw(t, "detail")))
		}
		want := fmt.Errorf("%s: %w", rapid.String().Draw(t, "text"), errors.Join(append(faults, errors.New("else"))...))
		if rapid.Bool().Draw(t, "has a hint") {
			want = advised{want, rapid.String().Draw(t, "hint")}
		}
		byConnect, said := wire.DecodeConnect(wire.EncodeConnect(want))
		if !said {
			t.Fatal("it is not the engine's")
		}
		for _, got := range []error{byConnect, wire.DecodeError(over(t, wire.EncodeError(want)))} {
			for _, c := range known() {
				same(t, errors.Is(want, c), errors.Is(got, c))
			}
			same(t, want.Error(), got.Error())
			same(t, engine.ErrorCode(want), engine.ErrorCode(got))
			same(t, engine.Retryable(want), engine.Retryable(got))
			same(t, engine.Hint(want), engine.Hint(got))
		}
	})
}

// What did not come from the engine is told apart, and left as it is.
func TestDecodeConnect_LeavesOthersAlone(t *testing.T) {
	t.Parallel()
	if wire.EncodeConnect(nil) != nil || wire.EncodeError(nil) != nil || wire.DecodeError(nil) != nil {
		t.Error("no error became one")
	}
	for _, err := range []error{connect.NewError(connect.CodeUnavailable, errors.New("refused")), errors.New("cut")} {
		if got, said := wire.DecodeConnect(err); said || !errors.Is(got, err) {
			t.Errorf("%v came as %v, said %t", err, got, said)
		}
	}
}

// What a door before the engine says is none of the engine's, and its hint is kept.
func TestDecodeConnect_KeepsTheHintOfADoor(t *testing.T) {
	t.Parallel()
	sent := connect.NewError(connect.CodePermissionDenied, errors.New("the role viewer may not"))
	detail, err := connect.NewErrorDetail(&pb.Error{Code: "permission_denied", Message: "the role viewer may not", Hint: "ask for another"})
	if err != nil {
		t.Fatal(err)
	}
	sent.AddDetail(detail)
	got, said := wire.DecodeConnect(sent)
	if said || !errors.Is(got, sent) || connect.CodeOf(got) != connect.CodePermissionDenied || engine.Hint(got) != "ask for another" {
		t.Errorf("it came as %v, hint %q, said %t", got, engine.Hint(got), said)
	}
}

// The code is for those who know nothing of the detail.
func TestEncodeConnect_HasACode(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]connect.Code{
		engine.ErrProgramNotFound: connect.CodeInvalidArgument, engine.ErrExpired: connect.CodeNotFound,
		engine.ErrQueueFull: connect.CodeResourceExhausted, context.Canceled: connect.CodeCanceled,
		errors.New("disk full"): connect.CodeInternal, connect.NewError(connect.CodeAborted, nil): connect.CodeAborted,
	} {
		if got := connect.CodeOf(wire.EncodeConnect(err)); got != want {
			t.Errorf("%v: want %v, got %v", err, want, got)
		}
	}
}
