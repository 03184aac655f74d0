package engine_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/token"
	"strings"
	"testing"

	engine "github.com/escher-dbai/cloudops-engine"
)

// conditions are all errors that the package exports, by name.
func conditions() map[string]error {
	return map[string]error{
		"ErrInvalid": engine.ErrInvalid, "ErrInvalidCommand": engine.ErrInvalidCommand,
		"ErrProgramNotFound": engine.ErrProgramNotFound, "ErrNotExecutable": engine.ErrNotExecutable,
		"ErrScriptNotFound": engine.ErrScriptNotFound, "ErrWorkingDir": engine.ErrWorkingDir,
		"ErrTimeoutTooLarge": engine.ErrTimeoutTooLarge, "ErrUnsupported": engine.ErrUnsupported,
		"ErrInvalidConfig": engine.ErrInvalidConfig, "ErrConflict": engine.ErrConflict,
		"ErrNotFound": engine.ErrNotFound, "ErrExpired": engine.ErrExpired, "ErrNotFinished": engine.ErrNotFinished,
		"ErrFinished": engine.ErrFinished, "ErrBeyondEnd": engine.ErrBeyondEnd, "ErrDenied": engine.ErrDenied,
		"ErrQueueFull": engine.ErrQueueFull, "ErrConcurrencyLimit": engine.ErrConcurrencyLimit, "ErrBusy": engine.ErrBusy,
		"ErrStore":  engine.ErrStore,
		"ErrClosed": engine.ErrClosed, "ErrNoGlobal": engine.ErrNoGlobal, "ErrGlobalSet": engine.ErrGlobalSet,
		"ErrNoStdin": engine.ErrNoStdin, "ErrNoTerminal": engine.ErrNoTerminal,
	}
}

func TestErrors_EveryOneHasItsOwnCode(t *testing.T) {
	t.Parallel()
	known := conditions()
	codes := make(map[string]string)
	for _, spec := range declared(t, "errors.go", token.VAR) {
		for _, name := range spec.Names {
			if !ast.IsExported(name.Name) {
				continue
			}
			err := known[name.Name]
			if err == nil {
				t.Errorf("%s is not in conditions()", name.Name)
				continue
			}
			code := engine.ErrorCode(err)
			if other := codes[code]; other != "" || code == "internal" || code == "" {
				t.Errorf("%s has the code %q, as %s", name.Name, code, other)
			}
			codes[code] = name.Name
			if err.Error() == "" || err.Error() != strings.ToLower(err.Error()) {
				t.Errorf("%s reads %q", name.Name, err)
			}
		}
	}
	if len(codes) != len(known) {
		t.Errorf("%d of %d conditions are declared", len(codes), len(known))
	}
}

func TestErrors_SurviveWrapping(t *testing.T) {
	t.Parallel()
	for name, err := range conditions() {
		wrapped := fmt.Errorf("run it: %w", errors.Join(errors.New("other"), fmt.Errorf("now: %w", err)))
		if !errors.Is(wrapped, err) || engine.ErrorCode(wrapped) != engine.ErrorCode(err) || engine.Retryable(wrapped) != engine.Retryable(err) {
			t.Errorf("%s is lost in %v", name, wrapped)
		}
		for other, not := range conditions() {
			if other != name && other != "ErrInvalid" && errors.Is(wrapped, not) {
				t.Errorf("%s is a %s", name, other)
			}
		}
	}
	if engine.ErrorCode(errors.New("x")) != "internal" || engine.Retryable(errors.New("x")) || engine.Hint(errors.New("x")) != "" {
		t.Error("an error of somebody else is one of ours")
	}
}

func TestErrors_RetryableAreThoseThatPass(t *testing.T) {
	t.Parallel()
	passing := map[string]bool{"ErrNotFinished": true, "ErrQueueFull": true, "ErrConcurrencyLimit": true, "ErrBusy": true, "ErrStore": true}
	for name, err := range conditions() {
		if engine.Retryable(err) != passing[name] {
			t.Errorf("%s: want retryable %v", name, passing[name])
		}
	}
}

// What a person can do something about has a hint.
func TestErrors_TellWhatToDo(t *testing.T) {
	t.Parallel()
	e := open(t, engine.Config{})
	for name, r := range map[string]engine.Request{
		"no command":   {},
		"no program":   {Command: engine.Exec("no-such-program-here")},
		"relative dir": {Command: engine.Exec("sh"), WorkingDir: "tmp"},
		"long timeout": {Command: engine.Exec("sh"), Timeout: engine.Forever},
	} {
		if _, err := e.Execute(t.Context(), r); engine.Hint(fmt.Errorf("run: %w", err)) == "" {
			t.Errorf("%s: there is no hint with %v", name, err)
		}
	}
}
