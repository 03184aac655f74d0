package process

import (
	"math"
	"sync"

	"golang.org/x/sys/unix"
)

// nursery is what the raw spawns of one table share.
//
// A fork copies the table of descriptors, and an exec closes those that are not to be
// kept, one by one: with a hundred commands running that is a tenth of what the next
// one costs, with thousands it is nearly all. So the child is born with our table, and
// as its first step takes a copy of the beginning alone, with close_range(2). For its
// pipes to be there, however many descriptors are open, they are put into a berth
// meanwhile: two low numbers, kept by /dev/null since the table was made.
type nursery struct {
	children sync.Pool // of *rawChild
	null     int
	// apart says that the system has close_range, from Linux 5.9 on.
	apart bool

	mu     sync.Mutex
	berths [][2]int // those that are free, the lowest last
}

// mostBerths is how many there are at most: a fork that finds none does without.
const mostBerths = 16

// open makes the berths. null is /dev/null; there are none where descriptors are
// short.
func (n *nursery) open(null int) {
	n.null = null
	if unix.CloseRange(math.MaxUint32, math.MaxUint32, 0) != nil {
		return
	}
	n.apart = true
	for range min(ForkLimit(), mostBerths) {
		var b [2]int
		for i := range b {
			fd, err := unix.FcntlInt(uintptr(null), unix.F_DUPFD_CLOEXEC, 3)
			if err != nil {
				closeAll(b[:i]...)
				return
			}
			b[i] = fd
		}
		n.berths = append([][2]int{b}, n.berths...)
	}
}

func (n *nursery) close() {
	for _, b := range n.berths {
		closeAll(b[:]...)
	}
	n.berths = nil
}

// spawn is [rawSpawn] from a berth.
func (n *nursery) spawn(s *Spec, b *birth, pidfd *int) (int, error) {
	berth, ok := n.take(b.files)
	if !ok {
		return rawSpawn(s, b, pidfd, n)
	}
	files := b.files
	for i, fd := range berth {
		if dupNow(files[i+1], fd) == nil {
			b.files[i+1] = fd
		}
	}
	pid, err := rawSpawn(s, b, pidfd, n)
	b.files = files
	n.giveBack(berth)
	return pid, err
}

// take finds a berth that is lower than where these are.
func (n *nursery) take(files [3]int) (berth [2]int, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	last := len(n.berths) - 1
	if last < 0 || max(files[1], files[2]) < n.berths[last][1] {
		return berth, false
	}
	berth = n.berths[last]
	n.berths = n.berths[:last]
	return berth, true
}

// giveBack empties a berth: what was there must not be held open by it.
func (n *nursery) giveBack(berth [2]int) {
	for _, fd := range berth {
		if dupNow(n.null, fd) != nil { // it is open: this does not happen
			closeAll(berth[:]...)
			return
		}
	}
	n.mu.Lock()
	n.berths = append(n.berths, berth)
	n.mu.Unlock()
}

// part has the child leave our table of descriptors, with those that it is given and
// what is below them. Before that it must not change one: it would be ours.
func (c *rawChild) part(files [3]int) {
	c.clone.flags |= unix.CLONE_FILES
	c.closeFrom(max(files[0], files[1], files[2], 2)+1, unix.CLOSE_RANGE_UNSHARE)
}

func (c *rawChild) closeFrom(fd int, flags uintptr) {
	c.call(unix.SYS_CLOSE_RANGE, uintptr(fd), math.MaxUint32, flags)
}
