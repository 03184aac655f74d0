package durable_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/durable"
)

// A directory is closed while its folders are looked at. What could not be looked at to
// the end for that is not damaged, and nobody is told so.
func TestShutdown_CallsNothingDamaged(t *testing.T) {
	t.Parallel()
	dir, log := place(t), &said{}
	e := open(t, dir, durable.Config{Guest: true, Engine: engine.Config{Logger: slog.New(slog.NewTextHandler(log, nil))}})
	f, err := folders(t, dir).Create(engine.ID{1}.String())
	if err == nil {
		err = f.Leave()
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Reconcile(newEndsSoon(t)); !errors.Is(err, context.Canceled) {
		t.Errorf("it was cut short: %v", err)
	}
	if damaged := e.Report().Damaged; len(damaged) > 0 {
		t.Errorf("damaged: %v", damaged)
	}
	if lines := log.take(); bytes.Contains(lines, []byte("WARN")) {
		t.Errorf("logged:\n%s", lines)
	}
}

// endsSoon is a context that is cancelled once somebody has seen that it is not.
type endsSoon struct {
	context.Context

	cancel context.CancelFunc
}

func newEndsSoon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	return endsSoon{ctx, cancel}
}

func (c endsSoon) Err() error {
	err := c.Context.Err()
	c.cancel()
	return err
}
