package engine

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/escher-dbai/cloudops-engine/internal/journal"
	"github.com/escher-dbai/cloudops-engine/internal/lifecycle"
)

// deliverAtOnce is how many events one call of a handler gets at most, apart
// from the lines that one look into a journal gave.
const deliverAtOnce = 256

// delivery brings the events of all executions to the handler, from one
// goroutine. It reads their journals as any reader does: a slow handler delays
// nothing, and what the journals let go meanwhile it gets as gaps.
type delivery struct {
	engine  *Engine
	handler EventHandler
	group   *lifecycle.Group
	wake    chan struct{}
	idle    chan struct{} // holds a token while nothing is left to deliver

	mu     sync.Mutex
	ready  []*recipient // those whose journal has more
	ended  []*recipient // those that have ended, in that order, unread at the first
	open   int          // those that have something to come
	missed int64
}

// recipient is how far the handler is with one execution.
type recipient struct {
	watcher watcher
	at      int64

	// delivery.mu
	number uint64 // on the shelf; 0 while live
	last   bool   // the handler is getting its last events
	over   bool   // it was read to its end, or cleaned up before
}

func newDelivery(e *Engine, h EventHandler) *delivery {
	return &delivery{
		engine: e, handler: h, group: lifecycle.New(),
		wake: make(chan struct{}, 1), idle: make(chan struct{}, 1),
	}
}

// add makes the handler hear of an execution.
func (d *delivery) add(x *execution) {
	r := &recipient{watcher: watcher{subject: d.engine.subjectOf(x)}}
	x.reader = r
	d.mu.Lock()
	d.open++
	d.mu.Unlock()
	d.arm(r)
}

// finished is told the number of an execution on the shelf.
func (d *delivery) finished(r *recipient, number uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r.number = number
	if !r.over {
		d.ended = append(d.ended, r)
	}
	d.pruneLocked(0)
	if d.engine.config.BufferOutput && !r.over {
		d.ready = append(d.ready, r)
		signal(d.wake)
	}
}

// dropped is told that no more will come of an execution.
func (d *delivery) dropped(r *recipient) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !r.over && !r.last {
		d.doneLocked(r)
		signal(d.wake)
	}
}

// arm has the recipient come back when its journal has more. While output is
// held back, that is when it has ended.
func (d *delivery) arm(r *recipient) {
	r.watcher.subject.journal.Notify(r.at, func() { d.push(r) })
}

func (d *delivery) push(r *recipient) {
	d.mu.Lock()
	d.ready = append(d.ready, r)
	d.mu.Unlock()
	signal(d.wake)
}

// prune lets go of executions whose records were cleaned up unread: those with a
// number below first.
func (d *delivery) prune(first uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pruneLocked(first)
}

func (d *delivery) pruneLocked(first uint64) {
	for len(d.ended) > 0 {
		r := d.ended[0]
		if !r.over && r.number >= first {
			return
		}
		if !r.over && !r.last {
			d.missed++
			d.doneLocked(r)
		}
		d.ended[0] = nil
		d.ended = d.ended[1:]
	}
}

func (d *delivery) doneLocked(r *recipient) {
	r.over = true
	r.watcher = watcher{} // what it read is not needed any more
	d.open--
}

// run delivers until the engine stops.
func (d *delivery) run(ctx context.Context) {
	for ctx.Err() == nil {
		d.mu.Lock()
		ready, missed := d.ready, d.missed
		d.ready, d.missed = nil, 0
		if d.open == 0 && missed == 0 {
			signal(d.idle)
		}
		d.mu.Unlock()
		if missed > 0 {
			d.call([]Event{{Kind: EventsMissed, Time: time.Now().UTC(), Missed: Missed{Executions: missed}}})
		}
		for _, r := range ready {
			d.serve(r)
		}
		if len(ready) > 0 || missed > 0 {
			continue
		}
		select {
		case <-d.wake:
		case <-ctx.Done():
			return
		}
	}
}

// serve gives the handler what one execution has for now.
func (d *delivery) serve(r *recipient) {
	d.mu.Lock()
	w := r.watcher
	d.mu.Unlock()
	var buf [records]journal.Record
	now := d.look(r, &w, buf[:])
	if now.over {
		return
	}
	events := make([]Event, 0, len(now.records))
	for i := range now.records {
		w.events(&now.records[i], func(ev Event) bool {
			events = append(events, ev)
			if len(events) == deliverAtOnce {
				d.call(events)
				events = events[:0]
			}
			return true
		})
	}
	if len(events) > 0 {
		d.call(events)
	}
	d.mu.Lock()
	switch {
	case r.over: // cleaned up meanwhile
	case now.ended:
		d.doneLocked(r)
	case now.held:
		r.watcher = w // it comes back when it has finished
	default:
		r.watcher = w
		defer d.arm(r)
	}
	d.mu.Unlock()
}

// sight is what one look into a journal gave.
type sight struct {
	records []journal.Record
	ended   bool // nothing follows
	held    bool // output follows, which is held back
	over    bool // nobody is to have it
}

// look reads on. What it read to the end counts as had by the handler, even if it
// is cleaned up while the handler has it.
func (d *delivery) look(r *recipient, w *watcher, buf []journal.Record) (now sight) {
	if w.subject.journal == nil {
		return sight{over: true}
	}
	j := w.subject.journal
	hold := d.engine.config.BufferOutput && !j.Closed()
	n, next, ended := j.TryRead(r.at, buf)
	if i := firstOutput(buf[:n]); hold && i < n {
		n, next, ended, now.held = i, buf[i].Cursor, false, true
	}
	r.at = next
	d.mu.Lock()
	defer d.mu.Unlock()
	r.last = ended
	now.records, now.ended, now.over = buf[:n], ended, r.over
	return now
}

func (d *delivery) call(events []Event) { callHandler(d.handler, events, d.engine.config.Logger) }

// callHandler hands events over. A handler that panics has had them.
func callHandler(h EventHandler, events []Event, log *slog.Logger) {
	defer func() {
		if p := recover(); p != nil {
			log.Error("event handler panicked", slog.Any("panic", p), slog.Int("events", len(events)))
		}
	}()
	h.HandleEvents(events)
}

func (d *delivery) close(ctx context.Context) {
	closeHandler(ctx, d.group, d.drain, d.engine.config.Logger)
}

// closeHandler waits until a handler has everything, but not for one that hangs: the
// context bounds it, and lastWord once that is done. A handler that hangs keeps
// its goroutine, and gets nothing more when it returns.
func closeHandler(ctx context.Context, g *lifecycle.Group, drain func(context.Context) bool, log *slog.Logger) {
	const lastWord = time.Second
	drained := drain(ctx)
	if !drained {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWord)
		drained = drain(last)
		cancel()
	}
	g.Stop(ErrClosed)
	if !drained {
		log.ErrorContext(ctx, "event handler hangs: it did not get all events")
		return
	}
	g.Wait()
}

// signal leaves a token, unless there is one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// drain reports whether the handler got everything before the context was done.
func (d *delivery) drain(ctx context.Context) bool {
	for {
		d.mu.Lock()
		left := d.open + int(d.missed)
		d.mu.Unlock()
		if left == 0 {
			return true
		}
		if waitFor(ctx, d.idle) != nil {
			return false
		}
	}
}
