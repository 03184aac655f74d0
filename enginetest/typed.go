package enginetest

import (
	"context"
	"slices"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

// typed is the stdin of a scripted execution.
type typed struct {
	turn chan struct{} // holds a token while somebody writes
	text chan []byte   // closed at the end of stdin
	gone chan struct{} // closed when the execution has ended
	shut bool          // text is closed; guarded by turn
}

func newTyped() *typed {
	return &typed{turn: make(chan struct{}, 1), text: make(chan []byte), gone: make(chan struct{})}
}

// Write hands p to the script once it reads. See engine.Stdin.
func (s *typed) Write(ctx context.Context, p []byte) (int, error) {
	if err := s.begin(ctx); err != nil {
		return 0, err
	}
	defer func() { <-s.turn }()
	if s.shut {
		return 0, engine.ErrNoStdin
	}
	if len(p) == 0 {
		return 0, nil
	}
	select {
	case s.text <- slices.Clone(p):
		return len(p), nil
	case <-s.gone:
		return 0, engine.ErrNoStdin
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}

// Close ends it. See engine.Stdin.
func (s *typed) Close(ctx context.Context) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer func() { <-s.turn }()
	if s.shut {
		return engine.ErrNoStdin
	}
	s.shut = true
	close(s.text)
	return nil
}

// begin takes the turn to write.
func (s *typed) begin(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
		return nil
	case <-s.gone:
		return engine.ErrNoStdin
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// leave is called when nobody reads any more.
func (s *typed) leave() { close(s.gone) }

// read copies stdin to stdout up to its end and reports whether nobody stopped it
// meanwhile.
func (p *play) read() bool {
	if !p.script.Reads || p.script.Instant || p.typed == nil {
		return true
	}
	for {
		text, ok := p.await(engine.Forever, p.typed.text)
		if !ok || text == nil {
			return ok
		}
		p.print(engine.Stdout, string(text))
	}
}

// Stdin is what writes to its stdin. See engine.Control.
func (p *play) Stdin() engine.Stdin {
	if p.typed == nil {
		return nil
	}
	return p.typed
}

// Resize takes any size. See engine.Control.
func (p *play) Resize(engine.TerminalSize) error {
	if p.launch.Terminal == nil {
		return engine.ErrNoTerminal
	}
	return nil
}

// Extend moves its deadline. See engine.Control.
func (p *play) Extend(timeout time.Duration) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cause != "" || p.over || p.timeout == engine.Forever {
		return false
	}
	p.timeout = max(p.timeout, timeout)
	select {
	case p.moved <- struct{}{}:
	default:
	}
	return true
}
