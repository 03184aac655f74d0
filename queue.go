package engine

// queue is first come, first served, with removal from the middle. The zero
// value is empty.
type queue struct {
	waiting []*execution // from head on; nil where one was removed
	head    int
	removed int
}

func (q *queue) len() int { return len(q.waiting) - q.head - q.removed }

func (q *queue) push(x *execution) { q.waiting = append(q.waiting, x) }

// unpop puts x back where pop took it.
func (q *queue) unpop(x *execution) {
	if q.head == 0 {
		q.waiting = append([]*execution{nil}, q.waiting...)
		q.head = 1
	}
	q.head--
	q.waiting[q.head] = x
}

// pop returns the first, or nil.
func (q *queue) pop() *execution {
	for q.head < len(q.waiting) {
		x := q.waiting[q.head]
		q.waiting[q.head] = nil
		q.head++
		if x == nil {
			q.removed--
			continue
		}
		q.compact()
		return x
	}
	q.compact()
	return nil
}

// compact gives the room before head back once it is half of the slice.
func (q *queue) compact() {
	if q.head < len(q.waiting) && q.head < 64 || q.head < len(q.waiting)/2 {
		return
	}
	n := copy(q.waiting, q.waiting[q.head:])
	clear(q.waiting[n:])
	q.waiting, q.head = q.waiting[:n], 0
}

// remove takes x out and reports whether it was there.
func (q *queue) remove(x *execution) bool {
	i := q.index(x)
	if i < 0 {
		return false
	}
	q.waiting[i] = nil
	q.removed++
	return true
}

// position is 1 for the next to run, and 0 for one that does not wait.
func (q *queue) position(x *execution) int {
	n := 0
	for _, w := range q.waiting[q.head:] {
		if w != nil {
			n++
		}
		if w == x {
			return n
		}
	}
	return 0
}

func (q *queue) index(x *execution) int {
	for i := q.head; i < len(q.waiting); i++ {
		if q.waiting[i] == x {
			return i
		}
	}
	return -1
}
