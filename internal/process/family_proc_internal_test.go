//go:build linux

package process

import (
	"bufio"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// On Linux the table of processes is in /proc: the walk that macOS needs is tried
// here on a real tree.
func procTable() (all []kin) {
	for _, pid := range allPids() {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil {
			continue
		}
		end := strings.LastIndexByte(string(stat), ')')
		field := strings.Fields(string(stat[end+1:]))
		number := func(i int) int { n, _ := strconv.Atoi(field[i]); return n }
		all = append(all, kin{
			pid: pid, parent: number(1), group: number(2), session: number(3), born: int64(number(19)),
			zombie: field[0] == "Z", command: string(stat[strings.IndexByte(string(stat), '(')+1 : end]),
		})
	}
	return all
}

func TestFamily_EndsARealProcessThatLeftTheSessionAndLostItsParent(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", "setsid sleep 300 >/dev/null & echo $!; wait")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, _, _ := bufio.NewReader(out).ReadLine()
	stray, err := strconv.Atoi(string(line))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(stray, syscall.SIGKILL) })

	leader := cmd.Process.Pid
	f := newFamily(leader, 0)
	unseen := newFamily(leader, 0)
	find := func() []kin { return f.look(procTable()) }
	await(t, "its own session", func() bool {
		return slices.ContainsFunc(find(), func(k kin) bool { return k.pid == stray && k.session == stray && k.command == "sleep" })
	})
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if got := pidsOf(unseen.look(procTable())); len(got) != 0 {
		t.Errorf("who has not seen it before finds %v", got)
	}
	if got := find(); len(got) != 1 || got[0].pid != stray || got[0].command != "sleep" {
		t.Fatalf("found %+v, want %d", got, stray)
	}
	ended, left := end(find, func(k kin) { _ = syscall.Kill(k.pid, syscall.SIGKILL) })
	if ended != 1 || len(left) != 0 {
		t.Errorf("ended %d, left %v", ended, left)
	}
}

func await(t *testing.T, what string, there func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !there(); {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not after 30 seconds", what)
		}
		pause(0)
	}
}
