package engine

// locks are the names that executions have for themselves, see [Request.Lock], and who
// waits for them.
type locks struct {
	lines   map[string]*line
	waiting int
}

// line is who has a lock, and who comes after.
type line struct {
	holder *execution
	queue  queue
}

// take gives an execution its lock, or a place in the line for it.
func (l *locks) take(x *execution) bool {
	if x.lock == "" {
		return true
	}
	if n := l.lines[x.lock]; n != nil {
		n.queue.push(x)
		l.waiting++
		return false
	}
	if l.lines == nil {
		l.lines = make(map[string]*line)
	}
	l.lines[x.lock] = &line{holder: x}
	return true
}

// barred is who has the lock that an execution waits for, and its place in the line; nil
// where it waits for none.
func (l *locks) barred(x *execution) (holder *execution, position int) {
	n := l.lines[x.lock]
	if n == nil || n.holder == x {
		return nil, 0
	}
	if position = n.queue.position(x); position == 0 {
		return nil, 0
	}
	return n.holder, position
}

// leave takes an execution out of the line, and reports whether it was there.
func (l *locks) leave(x *execution) bool {
	n := l.lines[x.lock]
	if n == nil || !n.queue.remove(x) {
		return false
	}
	l.waiting--
	return true
}

// release returns who has the lock next that an execution had; nil for nobody.
func (l *locks) release(x *execution) *execution {
	n := l.lines[x.lock]
	if n == nil || n.holder != x {
		return nil
	}
	if n.holder = n.queue.pop(); n.holder == nil {
		delete(l.lines, x.lock)
		return nil
	}
	l.waiting--
	return n.holder
}

// unqueueLocked takes an execution out of what it waits in, and reports whether it
// waited.
func (e *Engine) unqueueLocked(x *execution) bool {
	return e.queue.remove(x) || e.locks.leave(x)
}

// admitLocked has an execution go on that has its lock.
func (e *Engine) admitLocked(x *execution) {
	if x.plan != nil {
		x.phase = starting
		if x.expiry != nil {
			x.expiry.Stop()
		}
		if e.gated {
			e.ready = append(e.ready, x)
		} else {
			e.group.Go(x.plan.conduct)
		}
		return
	}
	e.queue.push(x)
	e.dispatchLocked()
}

// hold gives an execution its lock that runs already, unless somebody else has it.
func (l *locks) hold(x *execution) {
	if x.status == Pending && !x.noted || x.lock == "" || l.lines[x.lock] != nil {
		return
	}
	l.take(x)
}
