package supervisor

import (
	"context"
	"errors"
	"os"
	"slices"
	"sync"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/folder"
)

// link is the connection to whoever keeps an execution, and its control.
type link struct {
	runner *Runner
	folder *folder.Folder
	launch *engine.Launch // Journal, Phase and Ended are used

	typing chan struct{} // holds a token while somebody writes to stdin

	mu      sync.Mutex
	lines   *lines
	started started
	greeted bool // started is what the supervisor has said
	phases  int  // how many were told
	number  int64
	waiting map[int64]chan answer // nil: the connection has ended

	reading sync.Mutex // held by who reads the record
	over    bool       // all of it was read, and its files are closed
}

func newLink(r *Runner, f *folder.Folder, l *engine.Launch) *link {
	return &link{runner: r, folder: f, launch: l, typing: make(chan struct{}, 1)}
}

// join takes a connection up, which has told what runs if it has greeted.
func (k *link) join(l *lines, s *started, greeted bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.lines, k.started, k.greeted, k.waiting = l, *s, greeted, make(map[int64]chan answer)
}

// greet waits for the greeting of a supervisor that has not come to it, however long it is
// stopped. It returns the phases so far, and whether there was a greeting.
func (k *link) greet(l *lines) ([]engine.EventKind, bool) {
	k.mu.Lock()
	phases, greeted := slices.Clone(k.started.Phases), k.greeted
	k.mu.Unlock()
	if greeted {
		return phases, true
	}
	_, _ = l.ahead.Peek(1)
	s := greeting(l, k.launch.ID)
	if s == nil {
		return nil, false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.started, k.greeted = *s, true
	return slices.Clone(s.Phases), true
}

// Began is when it was started, and how long it may run since then.
func (k *link) Began() (at time.Time, timeout time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.started.At, k.started.Timeout
}

// tellPhases tells the engine what it has not heard yet.
func (k *link) tellPhases(all []engine.EventKind) {
	for _, kind := range all[min(k.phases, len(all)):] {
		k.phases++
		k.launch.Phase(kind)
	}
}

// hear hears the supervisor until it says how the execution ended, or is gone.
func (k *link) hear(ctx context.Context) {
	k.mu.Lock()
	l := k.lines
	k.mu.Unlock()
	stop := context.AfterFunc(ctx, l.close)
	defer stop()
	defer l.close()
	phases, there := k.greet(l)
	k.tellPhases(phases)
	for {
		var m message
		if !there || l.read(&m) != nil {
			k.hangUp()
			k.runner.vanished(ctx, k)
			return
		}
		switch {
		case m.Answer != nil:
			k.answered(*m.Answer)
		case m.Phase != "":
			phases = append(phases, m.Phase)
			k.tellPhases(phases)
		case len(m.Masked) > 0 && k.launch.Masked != nil:
			k.launch.Masked(textsOf(m.Masked))
		case m.Ending != nil:
			k.hangUp()
			k.end(m.Ending)
			return
		}
	}
}

// end tells the engine how it ended, when all of its record is there.
func (k *link) end(end *engine.Ending) {
	k.catchUp()
	k.launch.Ended(*end)
}

// catchUp reads the rest of the record, and closes its files.
func (k *link) catchUp() {
	k.refresh()
	k.reading.Lock()
	defer k.reading.Unlock()
	k.over = true
	_ = k.launch.Journal.Release()
}

// refresh reads what is new in the record, and reports whether there was anything. When its
// files were closed nobody may open them again, because nobody would close them.
func (k *link) refresh() bool {
	k.reading.Lock()
	defer k.reading.Unlock()
	if k.over {
		return false
	}
	more, _ := k.launch.Journal.Refresh() // what cannot be read is a gap, or is said when it is read again
	return more
}

// follow has the journal follow the record for as long as it grows.
func (k *link) follow(ctx context.Context) {
	j, p := k.launch.Journal, pace{pause: pieceTime}
	for !j.Closed() {
		asked := time.Now()
		if _, err := k.ask(ctx, request{Op: opWake, Cursor: j.End()}); err != nil {
			return
		}
		if left := p.wait(time.Since(asked)); left > 0 {
			select {
			case <-time.After(left):
			case <-ctx.Done():
				return
			}
		}
		p.pause = pieceTime
		if !k.refresh() { // it cannot be read, or had no room on the disk
			p.pause = noPieceTime
		}
	}
}

const (
	// pieceTime is how long output that comes fast is collected before it is read: each
	// look costs both of us.
	pieceTime = 2 * time.Millisecond
	// noPieceTime is how long it takes to the next look after one in vain.
	noPieceTime = 200 * time.Millisecond
	// silence is how long nothing comes where what comes next is not fast.
	silence = 10 * pieceTime
	// firstLooks are how many come at once after a silence: the start, the first line and
	// what stands behind it wait for nothing.
	firstLooks = 4
)

// pace is how fast somebody looks at a record who is told that there is more.
type pace struct {
	pause time.Duration // the least between two looks
	fast  int           // looks since it was silent
}

// wait is how long the next look waits yet, where it took so long until there was more.
func (p *pace) wait(took time.Duration) time.Duration {
	if took >= silence {
		p.fast = 0
	}
	if p.fast++; p.fast <= firstLooks && p.pause == pieceTime {
		return 0
	}
	return p.pause - took
}

var errHungUp = errors.New("the supervisor has hung up")

// hangUp ends all that is waited for.
func (k *link) hangUp() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, waiting := range k.waiting {
		close(waiting)
	}
	k.waiting = nil
}

func (k *link) answered(a answer) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if waiting := k.waiting[a.Number]; waiting != nil {
		waiting <- a
		delete(k.waiting, a.Number)
	}
}

// ask sends a request and waits for its answer. Where the context ends first, and the
// request is one that waits, the supervisor is told and answers with what was done so far.
func (k *link) ask(ctx context.Context, r request) (answer, error) {
	k.mu.Lock()
	if k.waiting == nil {
		k.mu.Unlock()
		return answer{}, errHungUp
	}
	k.number++
	r.Number = k.number
	waiting, l := make(chan answer, 1), k.lines
	k.waiting[r.Number] = waiting
	k.mu.Unlock()
	if err := l.write(&r); err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			l.close() // it hangs: so whoever hears finds out, which one that has gone says by itself, behind its last words
		}
		return answer{}, errHungUp
	}
	select {
	case a, ok := <-waiting:
		return answerOf(a, ok)
	case <-ctx.Done():
	}
	if !r.waits() { // it is done when the supervisor comes to it
		return answer{}, context.Cause(ctx)
	}
	_ = l.write(&request{Op: opCancel, Of: r.Number})
	select {
	case a, ok := <-waiting:
		if a, err := answerOf(a, ok); err != nil || a.Problem == nil {
			return a, err
		}
		return a, context.Cause(ctx)
	case <-time.After(patience):
		return answer{}, context.Cause(ctx)
	}
}

func answerOf(a answer, ok bool) (answer, error) {
	if !ok {
		return a, errHungUp
	}
	return a, nil
}
