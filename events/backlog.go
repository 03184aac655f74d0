package events

import (
	"bytes"
	"fmt"
	"strings"

	engine "github.com/escher-dbai/cloudops-engine"
)

// maxEndings is how many endings a Buffer holds before it has others wait: they
// are not dropped, and without their output take about a kilobyte each.
const maxEndings = 16_384

// backlog is what waits in a Buffer. Where events were dropped stands a notice of
// them, an EventsMissed event, or a hole if a notice before could take them in.
type backlog struct {
	size  int   // of events, endings and notices apart
	limit int64 // of bytes

	slots   []engine.Event // holes have no kind
	oldest  int            // nothing before this slot can be dropped
	holes   int
	events  int // that can be dropped
	endings int
	bytes   int64
	// front is the last notice before oldest of each execution, tail the notice of
	// those of which nothing came since: what is dropped there is added to it.
	front, tail map[engine.ID]int
}

func newBacklog(size int, limit int64) backlog {
	return backlog{size: size, limit: limit, front: make(map[engine.ID]int), tail: make(map[engine.ID]int)}
}

func (b *backlog) empty() bool { return len(b.slots) == b.holes }

// full reports whether one event more is too many.
func (b *backlog) full(ev *engine.Event) bool {
	return b.events >= b.size || b.events > 0 && b.tooMuch(int64(len(ev.Line)))
}

// tooMuch reports whether so much more output is too much.
func (b *backlog) tooMuch(n int64) bool { return b.bytes > 0 && b.bytes+n > b.limit }

// add takes an event that may be dropped later.
func (b *backlog) add(ev *engine.Event) {
	kept := *ev
	kept.Line = bytes.Clone(ev.Line) // it may be a slice of something large
	b.put(kept)
	b.events++
	b.bytes += int64(len(kept.Line))
}

// addEnding takes an ending: without its output where that is too much.
func (b *backlog) addEnding(ev *engine.Event) {
	kept := *ev
	if n := outputOf(ev); n > 0 && b.tooMuch(n) {
		kept.Result = withoutOutput(ev.Result)
	}
	b.put(kept)
	b.endings++
	b.bytes += outputOf(&kept)
}

func (b *backlog) put(ev engine.Event) {
	b.slots = append(b.slots, ev)
	delete(b.tail, ev.ExecutionID)
}

// miss notes that something is missing behind all that waits: an event that was
// not taken, or what those before could not hand on.
func (b *backlog) miss(ev *engine.Event, m engine.Missed) {
	at, ok := b.tail[ev.ExecutionID]
	if !ok {
		at = len(b.slots)
		b.slots = append(b.slots, notice(ev))
		b.tail[ev.ExecutionID] = at
	}
	extend(&b.slots[at], ev, m)
}

// dropOldest drops the event that has waited longest of those that may be dropped;
// there is one.
func (b *backlog) dropOldest() {
	for !droppable(b.slots[b.oldest].Kind) {
		if b.slots[b.oldest].Kind == engine.EventsMissed {
			b.pass(b.oldest)
		}
		b.oldest++
	}
	dropped := b.slots[b.oldest]
	b.events--
	b.bytes -= int64(len(dropped.Line))
	at, ok := b.front[dropped.ExecutionID]
	if ok {
		b.hole(b.oldest)
	} else {
		at = b.oldest
		b.slots[at] = notice(&dropped)
		b.front[dropped.ExecutionID] = at
	}
	extend(&b.slots[at], &dropped, engine.Missed{Events: 1})
	b.oldest++
	if b.holes > b.size && b.holes > len(b.slots)/2 {
		b.compact()
	}
}

// pass has the notice at a slot take in what is dropped from now on, or the one
// before take it in.
func (b *backlog) pass(slot int) {
	passed := b.slots[slot]
	at, ok := b.front[passed.ExecutionID]
	if !ok {
		b.front[passed.ExecutionID] = slot
		return
	}
	extend(&b.slots[at], &passed, passed.Missed)
	b.hole(slot)
	if b.tail[passed.ExecutionID] == slot {
		b.tail[passed.ExecutionID] = at
	}
}

func (b *backlog) hole(slot int) {
	b.slots[slot] = engine.Event{}
	b.holes++
}

// compact closes the holes. It costs what was dropped since the last time.
func (b *backlog) compact() {
	moved := make([]int, len(b.slots)+1)
	kept := b.slots[:0]
	for i := range b.slots {
		moved[i] = len(kept)
		if b.slots[i].Kind != "" {
			kept = append(kept, b.slots[i])
		}
	}
	moved[len(b.slots)] = len(kept)
	clear(b.slots[len(kept):])
	b.slots, b.holes, b.oldest = kept, 0, moved[b.oldest]
	for _, notices := range []map[engine.ID]int{b.front, b.tail} {
		for id, at := range notices {
			notices[id] = moved[at]
		}
	}
}

// take gives all that waits, and keeps spent to be filled next.
func (b *backlog) take(spent []engine.Event) []engine.Event {
	if b.holes > 0 {
		b.compact()
	}
	taken := b.slots
	clear(spent)
	if cap(spent) > 4*b.size {
		spent = nil // it was filled by endings
	}
	clear(b.front)
	clear(b.tail)
	*b = backlog{size: b.size, limit: b.limit, slots: spent[:0], front: b.front, tail: b.tail}
	return taken
}

// droppable reports whether an event of this kind may be dropped.
func droppable(k engine.EventKind) bool {
	return k != "" && k != engine.EventsMissed && !k.Terminal()
}

// notice is an EventsMissed event about the execution of ev.
func notice(ev *engine.Event) engine.Event {
	return engine.Event{Kind: engine.EventsMissed, ExecutionID: ev.ExecutionID}
}

// extend adds what is missing up to ev to a notice.
func extend(n, ev *engine.Event, m engine.Missed) {
	n.Missed.Executions += m.Executions
	n.Missed.Events += m.Events
	n.Cursor = max(n.Cursor, ev.Cursor)
	n.Time = ev.Time
}

// outputOf is how much output an event has with it, in bytes.
func outputOf(ev *engine.Event) int64 {
	if ev.Result == nil {
		return int64(len(ev.Line))
	}
	return int64(len(ev.Result.Stdout) + len(ev.Result.Stderr))
}

// withoutOutput is a copy of a result with a line in place of each stream.
func withoutOutput(r *engine.Result) *engine.Result {
	bare := *r
	bare.Stdout, bare.Stderr = leftOut(r.Stdout, "stdout"), leftOut(r.Stderr, "stderr")
	return &bare
}

// leftOut is what stands for text that is left out, in the words of the engine.
func leftOut(text, stream string) string {
	if text == "" {
		return ""
	}
	return fmt.Sprintf("[... %d bytes, %d lines of %s left out ...]\n", len(text), strings.Count(text, "\n"), stream)
}
