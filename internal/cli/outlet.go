package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"sync/atomic"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/ansi"
)

// outlet is where output leaves the program: the bytes of the command as they
// come, or events. It is safe for concurrent use: both streams come at once.
type outlet struct {
	to     [2]io.Writer // by stream
	shut   [2]atomic.Bool
	broken chan error // the first write that went wrong
	pace   *pace      // nil where bytes go out themselves
}

func newOutlet(stdout, stderr io.Writer) *outlet {
	return &outlet{to: [2]io.Writer{engine.Stdout: stdout, engine.Stderr: stderr}, broken: make(chan error, 1)}
}

// newEventOutlet writes events alone. The command is kept from running away from
// whoever reads them, unless they are held back until it has ended.
func newEventOutlet(stdout io.Writer, live bool) *outlet {
	o := newOutlet(stdout, io.Discard)
	o.pace = newPace()
	if !live {
		o.pace.stop()
	}
	return o
}

// guarded is a writer that shows what a terminal would obey: output is a stranger's.
// What is no terminal gets the bytes.
func guarded(w io.Writer, raw bool) io.Writer {
	if raw || !isTerminal(w) {
		return w
	}
	return ansi.NewGuard(w)
}

// outgoing is where a stream of the command goes: as text, as what a terminal can show,
// or as it is.
func (c *runCommand) outgoing(w io.Writer) io.Writer {
	w = guarded(w, c.raw || c.tty)
	if c.plain {
		w = ansi.NewText(w)
	}
	return w
}

// flush writes what is still held, once nothing more comes.
func (o *outlet) flush() {
	for stream, w := range o.to {
		if held, ok := w.(interface{ Flush() error }); ok && !o.shut[stream].Load() {
			if err := held.Flush(); err != nil {
				o.failed(engine.Stream(stream), err)
			}
		}
	}
}

// tee takes what the command wrote, masked. It waits for whoever reads us, and
// the command with it, as in a plain pipe.
func (o *outlet) tee(stream engine.Stream, p []byte) {
	if o.pace != nil {
		o.pace.wrote(len(p))
		return
	}
	o.write(stream, p)
}

// event writes one event as a line of JSON.
func (o *outlet) event(e *engine.Event) {
	line, err := json.Marshal(e)
	if err != nil {
		o.failed(engine.Stdout, err)
		return
	}
	o.write(engine.Stdout, append(line, '\n'))
	o.pace.seen(e.Cursor)
}

func (o *outlet) write(stream engine.Stream, p []byte) {
	if o.shut[stream].Load() {
		return
	}
	if _, err := o.to[stream].Write(p); err != nil {
		o.failed(stream, err)
	}
}

// failed reports a stream that cannot be written any more, once for both.
func (o *outlet) failed(stream engine.Stream, err error) {
	o.shut[stream].Store(true)
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		err = path.Err // it names /dev/stdout; the stream is named already
	}
	select {
	case o.broken <- fmt.Errorf("write %s: %w", stream, err):
	default:
	}
	if o.pace != nil {
		o.pace.stop()
	}
}

// hurry lets the command run ahead: the end is forced.
func (o *outlet) hurry() {
	if o.pace != nil {
		o.pace.stop()
	}
}

// ahead is how far the command may be ahead of the events that were written.
// It is less than the tail that the record keeps by default, so that nothing is
// lost to a slow reader, and more than two lines of the longest, so that there is
// always one to write.
const ahead = 3 << 20

// pace holds the command back until its events are written.
type pace struct {
	mu      sync.Mutex
	moved   *sync.Cond
	written int64
	read    int64
	stopped bool
}

func newPace() *pace {
	p := &pace{}
	p.moved = sync.NewCond(&p.mu)
	return p
}

// wrote counts bytes of the command, and waits while it is too far ahead.
func (p *pace) wrote(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.written += int64(n)
	for p.written-p.read > ahead && !p.stopped {
		p.moved.Wait()
	}
}

// seen says that everything before the cursor is written.
func (p *pace) seen(at engine.Cursor) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.read = max(p.read, int64(at))
	p.moved.Broadcast()
}

// stop holds nothing back any more.
func (p *pace) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
	p.moved.Broadcast()
}
