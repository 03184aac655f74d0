package engine

import "sync"

// global is the one engine of a program that wants one.
//
//nolint:gochecknoglobals // a singleton is what the original's users ask for
var global struct {
	mu     sync.Mutex
	engine *Engine
}

// InitGlobal makes the program's one engine, which [Global] returns. It runs one
// execution at a time, whatever c says, and queues the others: the original's
// singleton, which refused them. Errors: ErrGlobalSet on a second call, and those
// of [New].
func InitGlobal(c Config) (*Engine, error) {
	global.mu.Lock()
	defer global.mu.Unlock()
	if global.engine != nil {
		return nil, Advise(fault(ErrGlobalSet, "InitGlobal was called before"), "call it once, at the start; use engine.New for a further engine")
	}
	c.MaxConcurrent, c.FailFast = 1, false
	e, err := New(c)
	if err != nil {
		return nil, err
	}
	global.engine = e
	return e, nil
}

// Global returns the engine that InitGlobal made. Error: ErrNoGlobal before.
func Global() (*Engine, error) {
	global.mu.Lock()
	defer global.mu.Unlock()
	if global.engine == nil {
		return nil, Advise(fault(ErrNoGlobal, "Global was called before InitGlobal"), "call engine.InitGlobal at the start of the program")
	}
	return global.engine, nil
}
