package enginetest

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"strings"
	"sync"
	"syscall"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

// play is one script that is being played, and its control.
type play struct {
	runner  *Runner
	launch  *engine.Launch
	script  Script
	began   time.Time
	wrote   time.Time // when it last wrote; zero: never
	written [2]int64
	masks   int64
	hashes  [2]hash.Hash  // of what was recorded, by stream
	stop    chan struct{} // closed by the first Stop or Kill
	kill    chan struct{} // closed by the first Kill
	typed   *typed        // nil where nobody can write to its stdin
	moved   chan struct{} // holds a token when the timeout was extended

	mu      sync.Mutex
	cause   engine.Cause // why it was stopped
	by      engine.Actor // who asked for that
	killed  bool
	over    bool
	timeout time.Duration
}

func newPlay(r *Runner, l *engine.Launch, s Script) *play {
	p := &play{
		runner: r, launch: l, script: s, began: time.Now(), timeout: l.Timeout,
		stop: make(chan struct{}), kill: make(chan struct{}), moved: make(chan struct{}, 1),
	}
	for s := range p.hashes {
		p.hashes[s] = sha256.New()
	}
	if l.Request.Interactive || l.Terminal != nil {
		p.typed = newTyped()
	}
	return p
}

// Stop asks it to end. See engine.Control.
func (p *play) Stop(cause engine.Cause, by engine.Actor) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stopLocked(cause, by)
}

// Kill ends it now. See engine.Control.
func (p *play) Kill(cause engine.Cause, by engine.Actor) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	first := p.stopLocked(cause, by)
	if !p.killed {
		p.killed = true
		close(p.kill)
	}
	return first
}

func (p *play) stopLocked(cause engine.Cause, by engine.Actor) bool {
	if p.cause != "" || p.over {
		return false
	}
	p.cause, p.by = cause, by
	close(p.stop)
	return true
}

// run plays the script and tells how it ended.
func (p *play) run() {
	end := p.perform()
	if p.typed != nil {
		p.typed.leave()
	}
	p.mu.Lock()
	p.over = true
	if p.cause != "" {
		end.Cause, end.CancelledBy = p.cause, p.by
	}
	p.mu.Unlock()
	end.Started, end.Ended, end.Masks = p.began, time.Now(), p.masks
	for s := range p.hashes {
		if p.launch.Request.Digest {
			end.SHA256[s] = hex.EncodeToString(p.hashes[s].Sum(nil))
		}
	}
	end.Containment = "scripted"
	p.runner.left()
	p.launch.Ended(end)
}

func (p *play) perform() engine.Ending {
	for _, piece := range p.script.Prints {
		if !p.pass(piece.After) {
			return p.end()
		}
		p.print(piece.Stream, piece.Text)
	}
	if !p.read() {
		return p.end()
	}
	runs := p.script.Runs
	if p.script.Hangs {
		runs = engine.Forever
	}
	if !p.pass(runs) {
		return p.end()
	}
	if p.script.Signal != 0 {
		return engine.Ending{Cause: engine.CauseSignal, ExitCode: -1, Signal: p.script.Signal}
	}
	return engine.Ending{Cause: engine.CauseExit, ExitCode: p.script.ExitCode}
}

// pass lets time pass and reports whether nobody stopped it meanwhile; its
// limits do, too.
func (p *play) pass(d time.Duration) bool {
	if p.script.Instant {
		return true
	}
	_, ok := p.await(d, nil)
	return ok
}

// await lets time pass until something comes; ok means that nobody stopped it
// meanwhile, nor its limits.
func (p *play) await(d time.Duration, something <-chan []byte) (text []byte, ok bool) {
	for until := time.Now(); ; {
		left := d - time.Since(until)
		limit, cause := p.limit()
		if limit < left {
			left = limit
		} else {
			cause = ""
		}
		text, came := p.first(left, something)
		switch {
		case came == interrupted:
			return nil, false
		case came == extended:
		case came == arrived || cause == "":
			return text, true
		default:
			p.Stop(cause, engine.Actor{})
			return nil, false
		}
	}
}

// What came first.
const (
	passed      = iota // the time
	arrived            // what was waited for
	extended           // a new timeout
	interrupted        // a stop
)

func (p *play) first(d time.Duration, something <-chan []byte) ([]byte, int) {
	select {
	case <-p.stop:
		return nil, interrupted
	default:
	}
	if d <= 0 && something == nil {
		return nil, passed
	}
	timer := time.NewTimer(max(d, 0))
	defer timer.Stop()
	select {
	case text := <-something:
		return text, arrived
	case <-p.moved:
		return nil, extended
	case <-timer.C:
		return nil, passed
	case <-p.stop:
		return nil, interrupted
	}
}

// limit is the time that is left to it, and what ends it then.
func (p *play) limit() (time.Duration, engine.Cause) {
	left, cause := engine.Forever, engine.CauseTimeout
	p.mu.Lock()
	if p.timeout < engine.Forever {
		left = p.timeout - time.Since(p.began)
	}
	p.mu.Unlock()
	if idle := p.launch.IdleTimeout; idle > 0 {
		quiet := time.Since(p.began)
		if !p.wrote.IsZero() {
			quiet = time.Since(p.wrote)
		}
		if idle-quiet < left {
			left, cause = idle-quiet, engine.CauseIdleTimeout
		}
	}
	return left, cause
}

// wait waits and reports whether nothing came between.
func (p *play) wait(d time.Duration, interrupt <-chan struct{}) bool {
	select {
	case <-interrupt:
		return false
	default:
	}
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-interrupt:
		return false
	}
}

// print writes, masked, and stops an execution that wrote too much.
func (p *play) print(s engine.Stream, text string) {
	const mask = "[REDACTED]"
	masked := p.launch.Mask(text)
	p.masks += int64(strings.Count(masked, mask) - strings.Count(text, mask))
	p.wrote = time.Now()
	p.launch.Journal.Append(s, []byte(masked))
	_, _ = p.hashes[s].Write([]byte(masked)) // it never fails
	if tee := p.launch.Request.Tee; tee != nil {
		tee(s, []byte(masked))
	}
	p.written[s] += int64(len(masked))
	if p.launch.Oversize == engine.FailExecution && p.written[s] > p.launch.KeepBytes {
		p.Stop(engine.CauseOutputLimit, engine.Actor{})
	}
}

// end is how it ends once it was stopped.
func (p *play) end() engine.Ending {
	select {
	case <-p.kill:
		p.launch.Phase(engine.ExecutionStopping)
		return p.die()
	default:
	}
	p.launch.Phase(engine.ExecutionStopping)
	takes, heeds := p.script.StopTakes, !p.script.IgnoresStop
	if !heeds || takes > p.launch.Grace {
		takes, heeds = p.launch.Grace, false
	}
	if !p.wait(takes, p.kill) || !heeds {
		return p.die()
	}
	if p.script.LastWords != "" {
		p.print(engine.Stdout, p.script.LastWords)
	}
	if p.script.StopCode != 0 {
		return engine.Ending{ExitCode: p.script.StopCode}
	}
	return engine.Ending{ExitCode: -1, Signal: p.launch.StopSignal}
}

// die is death by KILL.
func (p *play) die() engine.Ending {
	p.launch.Phase(engine.ExecutionKilling)
	return engine.Ending{ExitCode: -1, Signal: syscall.SIGKILL, Forced: true}
}
