package process

import (
	"errors"
	"os"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// at is a process of the table of these tests: number, parent, group, session and
// birth.
func at(pid, parent, group, session int, born int64) kin {
	return kin{pid: pid, parent: parent, group: group, session: session, born: born, command: "tool"}
}

func pidsOf(all []kin) (pids []int) {
	for _, k := range all {
		pids = append(pids, k.pid)
	}
	slices.Sort(pids)
	return pids
}

// strangers are always there.
func strangers() []kin {
	return []kin{at(1, 0, 1, 1, 1), at(50, 1, 50, 50, 5), at(60, 50, 60, 50, 6)}
}

func TestFamily_FindsWhoIsOfTheLeadersBloodGroupOrSession(t *testing.T) {
	t.Parallel()
	f := newFamily(100, 10)
	dead := at(105, 100, 100, 100, 15)
	dead.zombie = true
	got := pidsOf(f.look(append(strangers(),
		at(100, 60, 100, 100, 10),  // the leader
		at(101, 100, 100, 100, 11), // its child
		at(102, 101, 102, 102, 12), // a grandchild in a session of its own
		at(103, 1, 100, 100, 13),   // an orphan that stayed in the group
		at(104, 1, 104, 100, 14),   // an orphan that stayed in the session
		dead,
		at(106, 1, 106, 106, 16), // a daemon of somebody
	)))
	if want := []int{101, 102, 103, 104}; !slices.Equal(got, want) {
		t.Errorf("found %v, want %v", got, want)
	}
}

func TestFamily_KnowsOrphansItHasSeenBefore(t *testing.T) {
	t.Parallel()
	f := newFamily(100, 10)
	before := append(strangers(), at(100, 60, 100, 100, 10), at(101, 100, 101, 101, 11), at(102, 101, 102, 102, 12))
	f.look(before)
	after := append(strangers(),
		at(102, 1, 102, 102, 12),   // 100 and 101 have ended
		at(103, 102, 103, 103, 30), // its child, born since
		at(101, 50, 101, 101, 31))  // another, that was given the number of one of ours
	if got, want := pidsOf(f.look(after)), []int{102, 103}; !slices.Equal(got, want) {
		t.Errorf("found %v, want %v", got, want)
	}
	unseen := newFamily(100, 10)
	if got := pidsOf(unseen.look(after)); len(got) != 0 {
		t.Errorf("without the look before: %v", got)
	}
}

// The number of the leader, and so of its group and session, may be another's by now.
func TestFamily_LeavesTheNextOfItsNumberAlone(t *testing.T) {
	t.Parallel()
	f := newFamily(100, 10)
	f.look(append(strangers(), at(100, 60, 100, 100, 10), at(101, 100, 101, 101, 11)))
	got := pidsOf(f.look(append(strangers(),
		at(100, 60, 100, 100, 99), at(110, 100, 100, 100, 99), at(101, 1, 101, 101, 11))))
	if want := []int{101}; !slices.Equal(got, want) {
		t.Errorf("found %v, want %v", got, want)
	}
}

// Process 0 is its own parent, and nobody below 2 is signalled.
func TestFamily_EndsOnACircleAndLeavesTheFirstAlone(t *testing.T) {
	t.Parallel()
	f := newFamily(100, 10)
	got := pidsOf(f.look([]kin{
		at(0, 0, 0, 0, 1), at(1, 0, 100, 100, 1), at(100, 101, 100, 100, 10), at(101, 100, 100, 100, 11),
	}))
	if want := []int{101}; !slices.Equal(got, want) {
		t.Errorf("found %v, want %v", got, want)
	}
}

func TestEnd_KillsUntilNobodyIsFound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		living := map[int]bool{7: true}
		spawns := 3 // the first ones to be killed have started another just before
		find := func() (all []kin) {
			for pid := range living {
				all = append(all, kin{pid: pid, command: "tool"})
			}
			return all
		}
		ended, left := end(find, func(k kin) {
			delete(living, k.pid)
			if spawns > 0 {
				living[k.pid+1] = true
				spawns--
			}
		})
		if ended != 4 || len(left) != 0 {
			t.Errorf("ended %d, left %v", ended, left)
		}
	})
}

func TestEnd_NamesWhoDoesNotGo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		living := []kin{{pid: 7, command: "stuck"}, {pid: 8}}
		ended, left := end(func() []kin { return living }, func(kin) { living = living[:1] })
		if ended != 1 || !slices.Equal(left, []Stray{{Pid: 7, Command: "stuck"}}) {
			t.Errorf("ended %d, left %v", ended, left)
		}
		if took := time.Since(start); took > 2*restTime {
			t.Errorf("it took %v", took)
		}
	})
}

func TestPLAT04_EPERMOfAGroup(t *testing.T) {
	t.Parallel()
	leader, member := at(100, 60, 100, 100, 10), at(101, 100, 100, 100, 11)
	dead := func(k kin) kin { k.zombie = true; return k }
	for what, tt := range map[string]struct {
		err    error
		exited bool
		all    []kin
		want   error
	}{
		"the leader is a zombie":              {syscall.EPERM, false, []kin{dead(leader)}, os.ErrProcessDone},
		"all of it are zombies":               {syscall.EPERM, false, []kin{dead(leader), dead(member)}, os.ErrProcessDone},
		"the leader was reaped":               {syscall.EPERM, true, nil, os.ErrProcessDone},
		"its exit is not confirmed":           {syscall.EPERM, false, nil, syscall.EPERM},
		"the leader lives and is another's":   {syscall.EPERM, false, []kin{leader}, syscall.EPERM},
		"a member lives and is another's":     {syscall.EPERM, true, []kin{dead(leader), member}, syscall.EPERM},
		"a zombie in the group, leader alive": {syscall.EPERM, false, []kin{leader, dead(member)}, syscall.EPERM},
		"another error":                       {syscall.ESRCH, true, nil, syscall.ESRCH},
		"none":                                {nil, true, nil, nil},
	} {
		if err := groupFault(tt.err, 100, tt.exited, append(strangers(), tt.all...)); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", what, err, tt.want)
		}
	}
	if err := groupFault(syscall.EPERM, 100, true, nil); !errors.Is(err, syscall.EPERM) {
		t.Errorf("where the table cannot be read: %v", err)
	}
}

// A large tree on a busy machine takes its time: as long as it becomes less nobody is
// given up, though not for ever.
func TestEnd_GoesOnWhileItBecomesLess(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		many int
		all  bool
	}{{5, true}, {1000, false}} {
		synctest.Test(t, func(t *testing.T) {
			living := slices.Repeat([]kin{{pid: 7}}, c.many)
			find := func() []kin { // it takes nearly a second to see that another one has gone
				<-time.After(restTime - 100*time.Millisecond)
				found := living
				living = living[min(1, len(living)):]
				return found
			}
			start := time.Now()
			_, left := end(find, func(kin) {})
			if took := time.Since(start); (len(left) == 0) != c.all || took > mostRestTime+restTime {
				t.Errorf("of %d there are %d left after %v", c.many, len(left), took)
			}
		})
	}
}
