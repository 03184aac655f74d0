package engine

import (
	"reflect"
	"strings"
	"testing"
)

// NewLocalRunner is the runner of processes, as New makes it.
func NewLocalRunner(t *testing.T) Runner {
	t.Helper()
	l, err := newLocalRunner("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// ResetGlobal forgets the engine that InitGlobal made.
func ResetGlobal() {
	global.mu.Lock()
	defer global.mu.Unlock()
	global.engine = nil
}

// Transitions is the table of the life of an execution.
func Transitions() map[Status][]Status {
	all := make(map[Status][]Status)
	for _, s := range statuses() {
		all[s] = nil
		for _, next := range statuses() {
			if s.CanBecome(next) {
				all[s] = append(all[s], next)
			}
		}
	}
	return all
}

// Codes are the codes of notes.
func Codes(names ...string) (codes []uint8) {
	for _, name := range names {
		codes = append(codes, map[string]uint8{
			"accepted": noteAccepted, "started": noteStarted, "stopping": noteStopping, "killing": noteKilling,
			"ended": noteEnded, "resized": noteResized, "extended": noteExtended,
		}[name])
	}
	return codes
}

// FillSteps leaves no room for what a handler of lives has not heard yet.
func FillSteps(e *Engine) {
	e.lives.mu.Lock()
	defer e.lives.mu.Unlock()
	for len(e.lives.steps) < mostSteps {
		e.lives.steps = append(e.lives.steps, step{x: &execution{}})
	}
}

// RequestFields are the names of the fields of a request, and of what is in it, in JSON.
func RequestFields() map[string][]string {
	all := map[string][]string{}
	for name, t := range map[string]reflect.Type{
		"request": reflect.TypeFor[requestJSON](), "limits": reflect.TypeFor[limitsJSON](), "actor": reflect.TypeFor[Actor](),
		"metadata": reflect.TypeFor[Metadata](), "trace": reflect.TypeFor[Trace](), "terminal": reflect.TypeFor[TerminalSize](),
	} {
		for f := range t.Fields() {
			field, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			all[name] = append(all[name], field)
		}
	}
	return all
}

// CommandTypes are all types of command.
func CommandTypes() []CommandType { return commandTypes() }
