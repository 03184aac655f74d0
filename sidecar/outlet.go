package sidecar

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
)

// lane is who takes turns at the pipe.
type lane int

const (
	answers lane = iota
	streams
	lanes
)

// outlet is the one who writes. Whoever has a frame waits until it is written, so that
// nobody has a second one before, and the frames of one lane go in their order.
type outlet struct {
	to     io.Writer
	ready  chan struct{} // something is there
	broken chan struct{} // closed: nothing can be written any more

	mu     sync.Mutex
	queues [lanes][]*frame
	turn   lane
	shut   bool
	lost   error // what the writer said
}

// errShut is that nothing can be written any more.
var errShut = errors.New("nobody reads any more")

// frame is a line, or several, and who waits for it.
type frame struct {
	data    []byte
	taken   func() // called before anybody can have read it; nil: nobody wants to know
	written chan struct{}
}

func newOutlet(to io.Writer) *outlet {
	return &outlet{to: to, ready: make(chan struct{}, 1), broken: make(chan struct{})}
}

// send writes a frame, and returns when that is done. Where the context ends before its
// turn, it is neither taken nor written. Errors: that of the writer, the cause of the context.
func (o *outlet) send(ctx context.Context, in lane, data []byte, taken func()) error {
	f := &frame{append(escape(data), '\n'), taken, make(chan struct{})}
	o.mu.Lock()
	o.queues[in] = append(o.queues[in], f)
	o.mu.Unlock()
	select {
	case o.ready <- struct{}{}:
	default:
	}
	select {
	case <-f.written:
		return nil
	case <-o.broken:
		return errShut
	case <-ctx.Done():
	}
	if o.withdraw(in, f) {
		return context.Cause(ctx)
	}
	select { // it has its turn already
	case <-f.written:
		return nil
	case <-o.broken:
		return errShut
	}
}

// withdraw takes a frame out of its queue, and reports whether it was still there.
func (o *outlet) withdraw(from lane, f *frame) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	i := slices.Index(o.queues[from], f)
	if i >= 0 {
		o.queues[from] = slices.Delete(o.queues[from], i, i+1)
	}
	return i >= 0
}

// run writes until the context ends or nothing can be written any more.
func (o *outlet) run(ctx context.Context) {
	for {
		f := o.next()
		if f == nil {
			select {
			case <-o.ready:
				continue
			case <-ctx.Done():
				return
			}
		}
		if f.taken != nil {
			f.taken()
		}
		if _, err := o.to.Write(f.data); err != nil {
			o.close(err)
			return
		}
		close(f.written)
	}
}

// next takes the frame whose turn it is, nil where there is none.
func (o *outlet) next() *frame {
	o.mu.Lock()
	defer o.mu.Unlock()
	for range lanes {
		o.turn = (o.turn + 1) % lanes
		if queue := o.queues[o.turn]; len(queue) > 0 {
			f := queue[0]
			o.queues[o.turn] = slices.Delete(queue, 0, 1)
			return f
		}
	}
	return nil
}

// close has everybody go who waits, and lets nothing out any more: because of an error of
// the writer, or without one.
func (o *outlet) close(lost error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.shut {
		o.shut, o.lost = true, lost
		close(o.broken)
	}
}

// failed is the error of the writer, nil where it had none.
func (o *outlet) failed() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.lost
}
