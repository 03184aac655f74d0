package process

import (
	"io"
	"os"
)

// feeder writes to a process's stdin what a reader gives.
type feeder struct{ to *os.File }

// feedFrom starts copying r into w in a goroutine that ends when r does, or at
// the first write after the reader of the pipe has gone. A process that does
// not read its stdin is no error of the process.
func feedFrom(r io.Reader, w *os.File) *feeder {
	f := &feeder{to: w}
	go func() {
		_, _ = io.Copy(w, r)
		_ = w.Close()
	}()
	return f
}

// stopFeeding closes our end of stdin, which ends a goroutine that waits to write.
// One that waits for its reader ends when that returns.
func (p *Process) stopFeeding() {
	p.closeInput()
	if p.feed != nil {
		_ = p.feed.to.Close()
	}
}
