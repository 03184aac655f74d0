package process

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"
)

// ErrNoStdin is returned by Write and CloseStdin for a process whose stdin is not
// open: it was started with another, or somebody has closed it, or it has.
var ErrNoStdin = errors.New("the process has no open stdin")

// endOfFile is the character (^D) that ends the input of a terminal.
const endOfFile = 0x04

// input writes to the stdin of a process that runs: a pipe, or its terminal.
type input struct {
	file     *os.File
	terminal bool
	turn     chan struct{} // holds a token while somebody writes
}

func newInput(f *os.File, terminal bool) *input {
	return &input{file: f, terminal: terminal, turn: make(chan struct{}, 1)}
}

// Write writes to the stdin of a process that was started with Interactive or
// Terminal. It waits while the process does not read, until the context is done,
// and returns how many bytes were taken. Calls come one after another. Errors:
// [ErrNoStdin], or the context's.
func (p *Process) Write(ctx context.Context, b []byte) (int, error) {
	if p.input == nil || p.hasLeft() {
		return 0, ErrNoStdin
	}
	return p.input.write(ctx, b)
}

// hasLeft reports whether nobody is at the terminal any more: the kernel takes what
// is typed at one that nobody has open, and forgets it.
func (p *Process) hasLeft() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.exited && p.input.terminal
}

// CloseStdin ends what the process reads, after the writes that came before. On a
// terminal it types the end-of-file character, and the terminal stays. Errors as
// of Write; a second call on a pipe is an ErrNoStdin.
func (p *Process) CloseStdin(ctx context.Context) error {
	switch in := p.input; {
	case in == nil:
		return ErrNoStdin
	case in.terminal:
		_, err := p.Write(ctx, []byte{endOfFile})
		return err
	default:
		return in.finish(ctx)
	}
}

// Resize changes the size of the terminal, which the program hears of by WINCH.
// Errors: [ErrNoTerminal], [os.ErrClosed] once Close was called.
func (p *Process) Resize(s Size) error {
	if p.input == nil || !p.input.terminal {
		return ErrNoTerminal
	}
	return setSize(p.input.file, s)
}

// closeInput frees the descriptor. A write that waits ends.
func (p *Process) closeInput() {
	if p.input != nil {
		_ = p.input.file.Close() // it may be closed already
	}
}

// begin takes the turn to write.
func (in *input) begin(ctx context.Context) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	select {
	case in.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (in *input) finish(ctx context.Context) error {
	if err := in.begin(ctx); err != nil {
		return err
	}
	defer func() { <-in.turn }()
	if in.file.Close() != nil {
		return ErrNoStdin
	}
	return nil
}

func (in *input) write(ctx context.Context, b []byte) (int, error) {
	if err := in.begin(ctx); err != nil {
		return 0, err
	}
	defer func() { <-in.turn }()
	interrupted := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = in.file.SetWriteDeadline(time.Unix(1, 0)) // long ago: a write that waits ends
		close(interrupted)
	})
	n, err := in.file.Write(b)
	if !stop() {
		<-interrupted
		_ = in.file.SetWriteDeadline(time.Time{}) // for the next
	}
	return n, in.reason(ctx, err)
}

// reason is why a write ended early. A pipe without a reader and a terminal that
// nobody has open any more are what a stdin looks like from here when the process
// is done with it.
func (in *input) reason(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return context.Cause(ctx)
	case errors.Is(err, os.ErrClosed), errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.EIO):
		return ErrNoStdin
	}
	return err
}
