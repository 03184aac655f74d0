package durable

import engine "github.com/escher-dbai/cloudops-engine"

// Relaxed reports whether what is written of an execution does not wait for the device.
func (e *Engine) Relaxed(id engine.ID) (bool, error) {
	f, err := e.folders.Find(id.String())
	return err == nil && f.Relaxed(), err
}
