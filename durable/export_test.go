package durable

import (
	"context"

	engine "github.com/escher-dbai/cloudops-engine"
)

// Relaxed reports whether what is written of an execution does not wait for the device.
func (e *Engine) Relaxed(id engine.ID) (bool, error) {
	f, err := e.folders.Find(id.String())
	return err == nil && f.Relaxed(), err
}

// Cleaned waits until the cleanup at the opening is over, during which the history is locked.
func (e *Engine) Cleaned() { <-e.cleaned }

// Reconcile is what is done when the directory is opened and from time to time: it looks
// at every folder. The first cleanup is over.
func (e *Engine) Reconcile(ctx context.Context) error {
	<-e.cleaned
	return e.reconcile(ctx)
}
