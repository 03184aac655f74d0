package engine_test

import (
	"context"
	"testing"

	engine "github.com/escher-dbai/cloudops-engine"
)

// A runner that tells of an end where it told of no start: how it ended is not
// known, and it is no success.
func TestStatus_OfWhatEndedWithoutAStartIsLost(t *testing.T) {
	t.Parallel()
	e := open(t, engine.Config{Runner: forgetful{}})
	r := do(t, e, engine.Request{Command: engine.Exec("true")})
	if r.Status != engine.Lost || r.Success {
		t.Errorf("it is %s, success %v; want it lost", r.Status, r.Success)
	}
}

// forgetful ends what it was given with success, and never says that it started.
type forgetful struct{}

func (forgetful) Start(_ context.Context, l *engine.Launch) (engine.Control, error) {
	l.Ended(engine.Ending{Cause: engine.CauseExit})
	return unstarted{}, nil
}

// unstarted controls nothing.
type unstarted struct{ engine.Control }
