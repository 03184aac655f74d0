package supervisor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/journal"
)

// mostWaiting is how many requests of one connection may wait at once.
const mostWaiting = 64

// peer is one connection to a keeper: somebody who controls, or follows.
type peer struct {
	keeper  *keeper
	lines   *lines
	waiting chan struct{} // a token for each request that waits

	mu      sync.Mutex
	out     []message
	more    chan struct{} // holds a token while out has something, or it is finished
	last    bool          // nothing comes after out
	cancels map[int64]context.CancelFunc
	asked   int           // requests that are being served
	leaving bool          // no other request is served
	settled chan struct{} // closed when leaving, and all are answered
}

func newPeer(k *keeper, l *lines) *peer {
	return &peer{
		keeper: k, lines: l, waiting: make(chan struct{}, mostWaiting),
		more: make(chan struct{}, 1), cancels: make(map[int64]context.CancelFunc), settled: make(chan struct{}),
	}
}

// tell sends a message, some time soon.
func (p *peer) tell(m message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last {
		return
	}
	p.out = append(p.out, m)
	p.wakeLocked()
}

// leave tells how the execution ended, and closes the connection when everything is sent.
// What the partner asked before is answered first, unless that takes too long: a command
// that ends by what it was asked to do, as by the end of stdin, may end before the answer.
func (p *peer) leave(end *engine.Ending, tooLong <-chan time.Time) {
	p.mu.Lock()
	p.leaving = true
	p.settleLocked()
	p.mu.Unlock()
	select {
	case <-p.settled:
	case <-tooLong:
	}
	p.tell(message{Ending: end})
	p.finish()
}

// serve takes a request on, unless it comes too late. Each needs a served.
func (p *peer) serve() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.leaving {
		return false
	}
	p.asked++
	return true
}

func (p *peer) served() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked--
	p.settleLocked()
}

func (p *peer) settleLocked() {
	if p.leaving && p.asked == 0 {
		close(p.settled) // no request is taken on any more: this comes once
	}
}

// finish closes the connection when everything is sent.
func (p *peer) finish() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = true
	p.wakeLocked()
}

func (p *peer) wakeLocked() {
	select {
	case p.more <- struct{}{}:
	default:
	}
}

// write sends what there is to send until it is finished.
func (p *peer) write(context.Context) {
	defer p.lines.close()
	for range p.more {
		p.mu.Lock()
		out, last := p.out, p.last
		p.out = nil
		p.mu.Unlock()
		for i := range out {
			if p.lines.write(&out[i]) != nil {
				return
			}
		}
		if last {
			return
		}
	}
}

// read serves requests until the connection ends.
func (p *peer) read(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer p.finish()
	defer p.keeper.left(p)
	for {
		var r request
		if err := p.lines.read(&r); err != nil {
			return
		}
		if r.Op == opCancel {
			p.mu.Lock()
			if cancel := p.cancels[r.Of]; cancel != nil {
				cancel()
			}
			p.mu.Unlock()
			continue
		}
		if !p.serve() {
			continue // the ending is what it hears
		}
		if r.waits() {
			p.later(ctx, r)
			continue
		}
		p.tell(message{Answer: p.now(ctx, &r)})
		p.served()
	}
}

// now does what does not wait.
func (p *peer) now(ctx context.Context, r *request) *answer {
	a := &answer{Number: r.Number}
	c := p.keeper.control
	switch r.Op {
	case opStop:
		a.Won = c.Stop(r.Cause, r.By)
	case opKill:
		a.Won = c.Kill(r.Cause, r.By)
	case opExtend:
		if a.Won = c.Extend(r.Timeout); a.Won {
			p.keeper.extended(r.Timeout)
		}
	case opResize:
		if r.Size == nil {
			a.Problem = problemOf(errNoSize)
			break
		}
		a.Problem = problemOf(c.Resize(*r.Size))
	case opMask:
		a.Problem = problemOf(p.keeper.maskFor(ctx, p, r.Secrets))
	default:
		a.Problem = &problem{Code: engine.ErrorCode(engine.ErrUnsupported), Text: "the supervisor does not know the operation " + r.Op}
	}
	return a
}

var errWaiting = fmt.Errorf("%w: %d requests of this connection wait already", engine.ErrBusy, mostWaiting)

var errNoSize = errors.New("resize: there is no size")

// extended keeps the timeout for those who come later.
func (k *keeper) extended(timeout time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.started.Timeout = max(k.started.Timeout, timeout)
}

// textsOf are values as they were before they became JSON.
func textsOf(secrets [][]byte) []string {
	values := make([]string, len(secrets))
	for i, s := range secrets {
		values[i] = string(s)
	}
	return values
}

// later does what waits, in a goroutine of its own.
func (p *peer) later(ctx context.Context, r request) {
	select {
	case p.waiting <- struct{}{}:
	default:
		p.tell(message{Answer: &answer{Number: r.Number, Problem: problemOf(errWaiting)}})
		p.served()
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	p.mu.Lock()
	p.cancels[r.Number] = cancel
	p.mu.Unlock()
	done := func() {
		cancel()
		p.mu.Lock()
		delete(p.cancels, r.Number)
		p.mu.Unlock()
		<-p.waiting
		p.served()
	}
	if !p.keeper.group.Go(func(context.Context) {
		defer done()
		p.tell(message{Answer: p.wait(ctx, &r)})
	}) {
		done()
	}
}

// wait does what waits.
func (p *peer) wait(ctx context.Context, r *request) *answer {
	a := &answer{Number: r.Number}
	if r.Op == opWake {
		_, _, _ = p.keeper.record.Read(ctx, r.Cursor, make([]journal.Record, 1)) // however that ends, there is something to look at
		return a
	}
	in := p.keeper.control.Stdin()
	var err error
	switch {
	case !p.keeper.started.Typed: // which does not change any more
		err = engine.ErrNoStdin
	case r.Op == opWrite:
		a.Taken, err = in.Write(ctx, r.Data)
	default:
		err = in.Close(ctx)
	}
	a.Problem = problemOf(err)
	return a
}
