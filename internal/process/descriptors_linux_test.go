//go:build linux

package process_test

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"runtime"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/escher-dbai/cloudops-engine/internal/process"
)

func TestSpawn_PlacesDescriptorsWhereverTheyAre(t *testing.T) {
	t.Parallel()
	if got := inFixture(t, "descriptors", ""); got != "" {
		t.Error(got)
	}
}

// descriptorsFixture spawns with files at all arrangements of numbers and says
// on the stderr that it had what went wrong.
func descriptorsFixture() {
	report, _ := unix.FcntlInt(2, unix.F_DUPFD_CLOEXEC, 100)
	_ = unix.CloseRange(3, math.MaxInt32, unix.CLOSE_RANGE_CLOEXEC) // ForkExec's children inherit the others
	raw, _ := process.NewTable(process.Options{})
	portable, _ := process.NewTable(process.Options{})
	process.ForceForkExec(portable)
	numbers := []int{0, 1, 2, 50, 51}
	for _, in := range append(numbers, -1) {
		for _, out := range numbers {
			for _, e := range numbers {
				files := [3]int{in, out, e}
				a, b := arranged(raw, files), arranged(portable, files)
				if a != b || a == "" {
					_, _ = unix.Write(report, fmt.Appendf(nil, "%v: raw %q, ForkExec %q\n", files, a, b))
				}
			}
		}
	}
}

// arranged spawns a program with its stdin, stdout and stderr at these numbers
// and returns what it read, wrote, and had open.
func arranged(table *process.Table, files [3]int) string {
	dir, _ := os.MkdirTemp("", "arranged")
	defer func() { _ = os.RemoveAll(dir) }()
	for _, n := range []int{0, 1, 2, 50, 51} {
		_ = unix.Close(n)
	}
	paths := [3]string{dir + "/in", dir + "/out", dir + "/err"}
	_ = os.WriteFile(paths[0], []byte("input"), 0o600)
	for i, n := range files {
		if n < 0 {
			continue
		}
		fd, _ := unix.Open(paths[i], unix.O_RDWR|unix.O_CREAT|unix.O_APPEND|unix.O_CLOEXEC, 0o600)
		high, _ := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 60)
		_ = unix.Close(fd)
		_ = unix.Dup3(high, n, unix.O_CLOEXEC)
		_ = unix.Close(high)
	}
	pid, err := process.Spawn(table, process.Spec{
		Path: "/bin/sh", Env: os.Environ(),
		Args: []string{"sh", "-c", "cat; echo error >&2; echo $(ls /proc/self/fd)"},
	}, files)
	if err != nil {
		return err.Error()
	}
	_, _ = unix.Wait4(pid, nil, 0, nil)
	var all []byte
	for _, path := range paths {
		text, _ := os.ReadFile(path)
		all = append(append(all, text...), '|')
	}
	return string(bytes.TrimSpace(all))
}

// A descriptor that this program leaves open for its children is not for ours: not one
// below those of the child's pipes, nor above.
func TestSpawn_HandsOnNoDescriptor(t *testing.T) {
	t.Parallel()
	if runtime.GOARCH != "amd64" || unix.CloseRange(math.MaxUint32, math.MaxUint32, 0) != nil {
		t.Skip("there is no raw spawn that parts from our descriptors")
	}
	if got := inFixture(t, "handed on", ""); got != "0 1 2 3\n" { // 3 is that of ls
		t.Errorf("the child has %q", got)
	}
}

// handedOnFixture leaves descriptors open and starts a process.
func handedOnFixture() {
	_, _ = unix.FcntlInt(0, unix.F_DUPFD, 3)
	table, _ := process.NewTable(process.Options{})
	_, _ = unix.FcntlInt(0, unix.F_DUPFD, 3)
	_, _ = unix.FcntlInt(0, unix.F_DUPFD, 200)
	w := newWatched()
	p, err := table.Start(sh("echo $(ls /proc/self/fd)"), w)
	if err != nil {
		say(err)
		return
	}
	<-w.ended
	p.Close()
	_, _ = fmt.Fprint(os.Stdout, w.text(process.Stdout))
}

// More starts at once than there are berths: each child has its own pipes, and each
// pipe ends with its child.
func TestSpawn_GivesEachItsPipesInACrowd(t *testing.T) {
	t.Parallel()
	table := open(t)
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			w := newWatched()
			p, err := table.Start(sh(fmt.Sprintf("echo out %d; echo err %d >&2", i, i)), w)
			if err != nil {
				t.Error(err)
				return
			}
			<-w.ended
			p.Close()
			want := fmt.Sprintf("out %d\nerr %d\n", i, i)
			if got := w.text(process.Stdout) + w.text(process.Stderr); got != want {
				t.Errorf("%q, want %q", got, want)
			}
		})
	}
	all.Wait()
}
