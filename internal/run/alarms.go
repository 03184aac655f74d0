package run

import (
	"container/heap"
	"sync"
	"time"
)

// alarms wakes runs at their deadlines, all with one timer of the runtime. Most
// deadlines are minutes away and never reached: a timer for each command would
// be set up only to be taken down, and setting it wakes a thread that sees to it.
//
// The timer is moved only to come earlier. Where the deadline that it was set for
// has gone, it finds nothing due and is set for the next.
type alarms struct {
	mu    sync.Mutex
	queue queue
	timer *time.Timer
	armed time.Time // when the timer fires; zero: it does not
}

// alarm is the next deadline of one run.
type alarm struct {
	at    time.Time
	run   ticker
	index int // in the queue, counted from 1; 0: not there
}

// ticker is told that its deadline has come.
type ticker interface{ tick() }

// set makes a ring at a time, instead of what was set before.
func (s *alarms) set(a *alarm, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case a.index == 0:
		a.at = at
		heap.Push(&s.queue, a)
	case a.at.Equal(at):
		return
	default:
		a.at = at
		heap.Fix(&s.queue, a.index-1)
	}
	s.armLocked()
}

// clear takes a out.
func (s *alarms) clear(a *alarm) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.index > 0 {
		heap.Remove(&s.queue, a.index-1)
	}
}

func (s *alarms) armLocked() {
	if len(s.queue) == 0 || !s.armed.IsZero() && !s.queue[0].at.Before(s.armed) {
		return
	}
	s.armed = s.queue[0].at
	if s.timer == nil {
		s.timer = time.AfterFunc(time.Until(s.armed), s.fire)
		return
	}
	s.timer.Reset(time.Until(s.armed))
}

// fire rings what is due. Each ring gets a goroutine of its own from the runtime,
// because it may take its time to end a tree.
func (s *alarms) fire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for len(s.queue) > 0 && !s.queue[0].at.After(now) {
		if a, ok := heap.Pop(&s.queue).(*alarm); ok {
			time.AfterFunc(0, a.run.tick)
		}
	}
	s.armed = time.Time{}
	s.armLocked()
}

// stop ends the timer. Nothing may be set any more.
func (s *alarms) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.timer != nil {
		s.timer.Stop()
	}
}

// queue is a heap of alarms, the earliest first.
type queue []*alarm

// Len is for package heap.
func (q *queue) Len() int { return len(*q) }

// Less is for package heap.
func (q *queue) Less(i, j int) bool { return (*q)[i].at.Before((*q)[j].at) }

// Swap is for package heap.
func (q *queue) Swap(i, j int) {
	o := *q
	o[i], o[j] = o[j], o[i]
	o[i].index, o[j].index = i+1, j+1
}

// Push is for package heap.
func (q *queue) Push(x any) {
	if a, ok := x.(*alarm); ok {
		*q = append(*q, a)
		a.index = len(*q)
	}
}

// Pop is for package heap.
func (q *queue) Pop() any {
	last := len(*q) - 1
	a := (*q)[last]
	(*q)[last] = nil
	*q, a.index = (*q)[:last], 0
	return a
}
