package enginetest

import (
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
	stop    chan struct{} // closed by the first Stop or Kill
	kill    chan struct{} // closed by the first Kill

	mu     sync.Mutex
	cause  engine.Cause // why it was stopped
	killed bool
	over   bool
}

// Stop asks it to end. See engine.Control.
func (p *play) Stop(cause engine.Cause) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stopLocked(cause)
}

// Kill ends it now. See engine.Control.
func (p *play) Kill(cause engine.Cause) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	first := p.stopLocked(cause)
	if !p.killed {
		p.killed = true
		close(p.kill)
	}
	return first
}

func (p *play) stopLocked(cause engine.Cause) bool {
	if p.cause != "" || p.over {
		return false
	}
	p.cause = cause
	close(p.stop)
	return true
}

// run plays the script and tells how it ended.
func (p *play) run() {
	end := p.perform()
	p.mu.Lock()
	p.over = true
	if p.cause != "" {
		end.Cause = p.cause
	}
	p.mu.Unlock()
	end.Started, end.Ended, end.Masks = p.began, time.Now(), p.masks
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
	limit, cause := p.limit()
	if limit < d {
		d = limit
	} else {
		cause = ""
	}
	if !p.wait(d, p.stop) {
		return false
	}
	if cause != "" {
		p.Stop(cause)
		return false
	}
	return true
}

// limit is the time that is left to it, and what ends it then.
func (p *play) limit() (time.Duration, engine.Cause) {
	left, cause := engine.Forever, engine.CauseTimeout
	if p.launch.Timeout < engine.Forever {
		left = p.launch.Timeout - time.Since(p.began)
	}
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
	if tee := p.launch.Request.Tee; tee != nil {
		tee(s, []byte(masked))
	}
	p.written[s] += int64(len(masked))
	if p.launch.Oversize == engine.FailExecution && p.written[s] > p.launch.KeepBytes {
		p.Stop(engine.CauseOutputLimit)
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
