package process

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// openGroups is how many groups keep their descriptors, and how many stay when
// they are free: as many as run at once by default, and few beside three
// descriptors for each process.
const openGroups = 100

// cgroups are the groups of one table, in a folder of its own below the cgroup
// that this program is in. To make a group and to remove it takes half as long
// as to spawn, so that a group goes from process to process.
type cgroups struct {
	dir string
	fd  int // of dir, locked as long as this program lives

	mu    sync.Mutex
	free  []*cgroup
	made  int
	open  int // groups with descriptors
	inUse int
	trim  *time.Timer // gives back what is not used any more
	armed bool
	used  bool // since trim was set
}

// cgroup holds one tree, however its members detach themselves.
type cgroup struct {
	of     *cgroups
	number int32
	fd     int32       // of its folder, to clone into; -1: opened where it is needed
	events int32       // of cgroup.events; -1: opened where it is needed
	pooled bool        // it counts as one with descriptors
	spoilt atomic.Bool // it was killed: what its members have made below may be left
	empty  atomic.Bool // its leader has gone and nobody is left, who alone could fork into it
}

// newCgroups makes the folder where this program may do so. Errors say why not.
func newCgroups() (*cgroups, error) {
	own, err := ownCgroup(unified)
	if err != nil {
		return nil, err
	}
	for _, parent := range []string{delegated(own), own} {
		if parent == "" {
			continue
		}
		var g *cgroups
		if g, err = newCgroupsIn(parent); err == nil {
			return g, nil
		}
	}
	return nil, err
}

// delegated is the parent of our cgroup if it was given to us: where systemd put
// us into a subgroup (DelegateSubgroup=), the parent has no members, and so can
// pass controllers on.
func delegated(own string) string {
	parent := filepath.Dir(own)
	for _, name := range []string{"user.delegate", "trusted.delegate"} {
		var mark [1]byte
		if n, err := unix.Getxattr(parent, name, mark[:]); err == nil && n == 1 && mark[0] == '1' {
			return parent
		}
	}
	return ""
}

func newCgroupsIn(parent string) (*cgroups, error) {
	// Who moves a process needs to write to the group that is above both ends.
	if err := unix.Access(filepath.Join(parent, "cgroup.procs"), unix.W_OK); err != nil {
		return nil, &os.PathError{Op: "write", Path: parent, Err: err}
	}
	dir, fd, err := ownFolder(parent)
	if err != nil {
		return nil, err
	}
	g := &cgroups{dir: dir, fd: fd}
	if err := g.check(); err != nil {
		return nil, errors.Join(err, g.close())
	}
	return g, nil
}

// folderPrefix begins the names of our folders.
const folderPrefix = "cloudops-"

// ownFolder makes a folder below a cgroup, locked as long as its descriptor is open,
// and removes those that nobody has locked.
func ownFolder(parent string) (dir string, fd int, err error) {
	sweepStale(parent)
	for range folderTries {
		if dir, err = os.MkdirTemp(parent, folderPrefix); err != nil {
			return "", -1, err
		}
		if fd, err = lockFolder(dir); err == nil {
			if _, err = os.Stat(dir); err == nil {
				return dir, fd, nil
			}
			closeAll(fd)
		}
		// Another program takes it for one that nobody has, before it is locked.
		if also := os.Remove(dir); also != nil && !errors.Is(also, os.ErrNotExist) {
			return "", -1, errors.Join(err, also)
		}
	}
	return "", -1, err
}

// folderTries is how often a folder is made that others sweep away at once: each of them
// has to come between two calls of ours.
const folderTries = 100

func lockFolder(dir string) (fd int, err error) {
	if fd, err = unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err != nil {
		return -1, err
	}
	if err = unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		closeAll(fd)
		return -1, err
	}
	return fd, nil
}

// check sees whether the folder can do what is asked of it.
func (g *cgroups) check() error {
	first, err := g.acquire()
	if err != nil {
		return err
	}
	defer g.release(first)
	kind, err := os.ReadFile(filepath.Join(first.dir(), "cgroup.type"))
	if err != nil {
		return err
	}
	if string(kind) != "domain\n" {
		return errors.New("the cgroup is " + strings.TrimSpace(string(kind)))
	}
	_, err = os.Stat(filepath.Join(first.dir(), killFile))
	return err
}

const killFile = "cgroup.kill"

// sweepStale removes what programs that were killed have left, as far as
// nobody lives there.
func sweepStale(parent string) {
	folders, _ := filepath.Glob(filepath.Join(parent, folderPrefix+"*"))
	for _, dir := range folders {
		if fd, err := lockFolder(dir); err == nil {
			removeGroups(dir)
			closeAll(fd)
		}
	}
}

// removeGroups removes a folder with the groups below it, except where processes
// are.
func removeGroups(dir string) {
	if unix.Rmdir(dir) == nil {
		return // as nearly always: there was none below it
	}
	below, _ := os.ReadDir(dir)
	for _, e := range below {
		if e.IsDir() {
			removeGroups(filepath.Join(dir, e.Name()))
		}
	}
	_ = os.Remove(dir)
}

// acquire gives an empty group.
func (g *cgroups) acquire() (*cgroup, error) {
	g.mu.Lock()
	g.inUse++
	g.used = true
	if n := len(g.free); n > 0 {
		c := g.free[n-1]
		g.free = g.free[:n-1]
		g.mu.Unlock()
		return c, nil
	}
	g.made++
	c := &cgroup{of: g, number: int32(g.made), fd: -1, events: -1}
	c.pooled = g.open < openGroups
	if c.pooled {
		g.open++
	}
	g.mu.Unlock()
	if err := unix.Mkdirat(g.fd, c.name(), 0o700); err != nil {
		g.release(c)
		return nil, err
	}
	if c.pooled {
		c.fd, _ = c.openat("", unix.O_PATH|unix.O_DIRECTORY)
		c.events, _ = c.openat(eventsFile, unix.O_RDONLY)
		// Each clone into the group looks at who may write here, and makes an inode for
		// that if there is none: a look by name has the system keep it.
		_ = unix.Faccessat(g.fd, c.name()+"/cgroup.procs", unix.W_OK, 0)
	}
	return c, nil
}

// name is that of its folder.
func (c *cgroup) name() string { return strconv.Itoa(int(c.number)) }

// dir is its folder.
func (c *cgroup) dir() string { return c.of.dir + "/" + c.name() }

const eventsFile = "/cgroup.events"

// openat opens its folder, or a file there.
func (c *cgroup) openat(file string, flags int) (int32, error) {
	fd, err := unix.Openat(c.of.fd, c.name()+file, flags|unix.O_CLOEXEC, 0)
	return int32(fd), err
}

// release takes a group back. One that is not empty, or one too many, is removed
// as far as that goes.
func (g *cgroups) release(c *cgroup) {
	good := c.fd >= 0 && c.events >= 0 && !c.spoilt.Load() && (c.empty.Swap(false) || !c.populated())
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inUse--
	if good && len(g.free) < openGroups {
		g.free = append(g.free, c)
	} else {
		g.dropLocked(c)
	}
	if !g.armed && len(g.free) > 1 {
		g.armed, g.used = true, false
		if g.trim == nil {
			g.trim = time.AfterFunc(idleTime, g.giveBack)
		} else {
			g.trim.Reset(idleTime)
		}
	}
}

// idleTime is how long the groups have to be unused for most to be given back.
const idleTime = time.Second

// giveBack removes all free groups but one where none was needed for a while.
func (g *cgroups) giveBack() {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case len(g.free) <= 1:
		g.armed = false
	case g.used || g.inUse > 0:
		g.used = false
		g.trim.Reset(idleTime)
	default:
		for _, c := range g.free[1:] {
			g.dropLocked(c)
		}
		g.free, g.armed = g.free[:1], false
	}
}

func (g *cgroups) dropLocked(c *cgroup) {
	if c.fd >= 0 || c.events >= 0 {
		closeAll(int(c.fd), int(c.events))
		c.fd, c.events = -1, -1
	}
	if c.pooled {
		g.open--
	}
	removeGroups(c.dir())
}

// close removes the groups. One where a process lives stays, with the folder.
func (g *cgroups) close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.trim != nil {
		g.trim.Stop()
	}
	for _, c := range g.free {
		g.dropLocked(c)
	}
	g.free = nil
	removeGroups(g.dir)
	return unix.Close(g.fd)
}

// populated reports whether a process lives in the group or below it.
func (c *cgroup) populated() bool {
	fd := c.events
	if fd < 0 {
		var err error
		if fd, err = c.openat(eventsFile, unix.O_RDONLY); err != nil {
			return false
		}
		defer closeAll(int(fd))
	}
	var text [64]byte
	n, err := headNow(int(fd), text[:])
	return err == nil && bytes.HasPrefix(text[:n], []byte("populated 1"))
}

// members are the processes in the group and below it.
func (c *cgroup) members() (pids []int) { return membersOf(c.dir()) }

func membersOf(dir string) (pids []int) {
	text, err := os.ReadFile(dir + "/cgroup.procs")
	if err != nil {
		return nil
	}
	for line := range strings.FieldsSeq(string(text)) {
		if pid, err := strconv.Atoi(line); err == nil && pid > 1 {
			pids = append(pids, pid)
		}
	}
	below, _ := os.ReadDir(dir)
	for _, e := range below {
		if e.IsDir() {
			pids = append(pids, membersOf(filepath.Join(dir, e.Name()))...)
		}
	}
	return pids
}

// has reports whether a process is in the group or below it.
func (c *cgroup) has(pid int) bool {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cgroup")
	if err != nil {
		return false
	}
	own, err := memberOf(string(text), unified)
	// The path is told from the root of a namespace that need not be the mount's.
	name := "/" + filepath.Base(c.of.dir) + "/" + c.name() + "/"
	return err == nil && strings.Contains(own+"/", name)
}

func (*cgroup) containment() Containment { return InCgroup }

func (c *cgroup) left() bool {
	left := c.populated()
	c.empty.Store(!left)
	return left
}

func (c *cgroup) end(leader int) (ended int, left []int) {
	if !c.populated() {
		return 0, nil
	}
	before := len(without(c.members(), leader))
	for e := begin(before); ; {
		c.kill(restTime)
		if left = nil; !c.populated() {
			break
		}
		if left = without(c.members(), leader); !e.goesOn(len(left), false) {
			break
		}
	}
	return max(before-len(left), 0), left
}

// kill ends every member, also those that are being forked, and waits until the
// group is empty or the time is up.
func (c *cgroup) kill(patience time.Duration) {
	c.spoilt.Store(true)
	start := time.Now()
	_ = os.WriteFile(c.dir()+"/"+killFile, []byte("1"), 0)
	for try := 0; c.populated() && time.Since(start) < patience; try++ {
		pause(try)
	}
}

// enter is the descriptor to clone into the group, which done closes if need be.
func (c *cgroup) enter() (fd int, done func(), err error) {
	if c.fd >= 0 {
		return int(c.fd), func() {}, nil
	}
	own, err := c.openat("", unix.O_PATH|unix.O_DIRECTORY)
	return int(own), func() { closeAll(int(own)) }, err
}
