package process_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/escher-dbai/cloudops-engine/internal/process"
)

// openGroups opens a table that holds trees in cgroups, where there are any.
func openGroups(t *testing.T) *process.Table {
	t.Helper()
	table, err := process.NewTable(process.Options{Containment: process.InCgroup})
	if err != nil {
		t.Skipf("no cgroups here: %v", err)
	}
	t.Cleanup(func() {
		if err := table.Close(); err != nil {
			t.Error(err)
		}
		if dir := process.GroupsOf(table); dir != "" {
			if _, err := os.Stat(dir); err == nil {
				t.Errorf("%s is still there after Close", dir)
			}
		}
	})
	return table
}

// More at once than groups keep descriptors, and then a few: what is not needed any
// more is given back.
func TestCgroups_AreGivenBack(t *testing.T) {
	table := openGroups(t)
	var living []*watched
	var processes []*process.Process
	for range 200 {
		p, w := start(t, table, sh("exec sleep 300"))
		living, processes = append(living, w), append(processes, p)
	}
	groups := func() int {
		found, err := filepath.Glob(process.GroupsOf(table) + "/*/cgroup.procs")
		if err != nil {
			t.Fatal(err)
		}
		return len(found)
	}
	if n := groups(); n < 200 {
		t.Errorf("%d groups for 200 processes", n)
	}
	for i, w := range living {
		_ = processes[i].Signal(syscall.SIGKILL)
		within(t, "end", w.ended)
		processes[i].Close()
	}
	process.GiveBackGroups(table)
	if n := groups(); n != 1 {
		t.Errorf("%d groups for no process, want 1", n)
	}
}

// What a program leaves that was killed is removed by the next, as soon as nobody
// lives there. The parent is of this test alone: below ours every program that starts
// sweeps, the tests of other packages too, and who finds a folder locked leaves it to
// the one that has it.
func TestCgroups_AreSweptAfterWhoWasKilled(t *testing.T) {
	t.Parallel()
	parent := filepath.Dir(process.GroupsOf(openGroups(t))) + "/swept-" + strconv.Itoa(os.Getpid())
	stale := parent + "/cloudops-stale"
	if err := os.MkdirAll(stale+"/1/nested", 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // what is left when the test fails; rmdir takes no tree at once
		for _, dir := range []string{stale + "/1/nested", stale + "/1", stale, parent} {
			_ = os.Remove(dir)
		}
	})
	open := func() string {
		dir, closeGroups, err := process.OpenGroupsIn(parent)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := closeGroups(); err != nil {
				t.Error(err)
			}
		})
		return dir
	}
	living := open()
	if _, err := os.Stat(stale); err == nil {
		t.Errorf("%s is still there", stale)
	}
	open()
	if _, err := os.Stat(living); err != nil {
		t.Errorf("a living one was swept: %v", err)
	}
}

func TestFindCgroup_ReadsWhatTheKernelTells(t *testing.T) {
	t.Parallel()
	const hybrid = `31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs none rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup none rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:9 master:3 - cgroup none rw,memory
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 none rw
`
	const member = "9:name=systemd:/\n4:memory:/a/b\n1:cpu,cpuacct:/c\n0::/u.slice\n"
	for _, c := range []struct{ name, mounts, member, controller, want string }{
		{"version 2 beside 1", hybrid, member, "", "/sys/fs/cgroup/unified/u.slice"},
		{"version 1", hybrid, member, "memory", "/sys/fs/cgroup/memory/a/b"},
		{"two controllers in one", hybrid, member, "cpuacct", "/sys/fs/cgroup/cpu,cpuacct/c"},
		{"no such controller", hybrid, member, "pids", ""},
		{"version 2 alone", "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 none rw\n", "0::/user.slice/x.scope\n", "", "/sys/fs/cgroup/user.slice/x.scope"},
		{"a part is mounted", "30 23 0:26 /docker/1 /sys/fs/cgroup rw - cgroup2 cgroup rw\n", "0::/docker/1/sub\n", "", "/sys/fs/cgroup/sub"},
		{"a namespace", "30 23 0:26 / /sys/fs/cgroup ro - cgroup2 cgroup rw\n", "0::/\n", "", "/sys/fs/cgroup"},
		{"outside of what is mounted", "30 23 0:26 /docker/1 /sys/fs/cgroup rw - cgroup2 cgroup rw\n", "0::/docker/12\n", "", "/sys/fs/cgroup"},
		{"a space in the path", `30 23 0:26 / /my\040cg rw - cgroup2 cgroup rw` + "\n", "0::/\n", "", "/my cg"},
		{"not mounted", "1 1 0:1 / / rw - ext4 /dev/sda rw\n", "0::/\n", "", ""},
		{"cut short", "30 23 0:26 / /sys/fs/cgroup rw - cgroup2\n", "0::/\n", "", ""},
	} {
		got, err := process.FindCgroup(c.mounts, c.member, c.controller)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s: %q, %v; want %q", c.name, got, err, c.want)
		}
	}
}

// A table in a cgroup of a table, as where cloudops runs cloudops: the inner groups
// are of the outer tree.
func TestCgroup_HoldsTheGroupsOfAnEngineInside(t *testing.T) {
	t.Parallel()
	table := openGroups(t)
	p, w := start(t, table, fixture(t, "nested"))
	inner, err := strconv.Atoi(within(t, "pid", w.lines))
	if err != nil {
		t.Fatal(err)
	}
	if rest := p.Rest(); !slices.ContainsFunc(rest, func(s process.Stray) bool { return s.Pid == inner }) {
		t.Errorf("%d is not among the rest: %v", inner, rest)
	}
	if _, left := p.EndRest(); len(left) != 0 {
		t.Errorf("left are %v", left)
	}
	within(t, "end", w.ended)
	gone(t, inner)
}

// nestedFixture starts a process in a table of its own, says its number, and waits.
func nestedFixture() {
	table, err := process.NewTable(process.Options{Containment: process.InCgroup})
	if err != nil {
		say(err)
		return
	}
	w := newWatched()
	p, err := table.Start(sh("exec sleep 300"), w)
	if err != nil {
		say(err)
		return
	}
	if !strings.Contains(process.GroupsOf(table), "/cloudops-") {
		say(process.GroupsOf(table))
	}
	say(p.Pid())
	<-w.ended
}

// Many programs that open at the same time sweep what others have left, and do not take
// a folder for that which one of them has just made.
func TestCgroup_IsNotSweptAwayWhileItIsMade(t *testing.T) {
	t.Parallel()
	first, err := process.NewTable(process.Options{Containment: process.InCgroup})
	if errors.Is(err, process.ErrNoContainment) {
		t.Skip("there are no cgroups here")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close() //nolint:errcheck // it is only there
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 30 {
				table, err := process.NewTable(process.Options{Containment: process.InCgroup})
				if err != nil {
					t.Error(err)
					return
				}
				if err := table.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}
