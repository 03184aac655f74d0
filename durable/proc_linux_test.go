package durable_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// proc is a process, as /proc has it.
type proc struct {
	pid     int
	name    string
	environ [][]byte
}

// env is the value of a variable in the environment of the process.
func (p *proc) env(name string) string {
	for _, entry := range p.environ {
		if value, ok := bytes.CutPrefix(entry, []byte(name+"=")); ok {
			return string(value)
		}
	}
	return ""
}

// processes are those that work in a temporary directory: programs that were started with
// it, their supervisors, and the commands of those. Zombies have no environment.
func processes(temp string) (all []proc) {
	paths, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil || len(text) == 0 {
			continue // it has ended
		}
		dir := filepath.Dir(path)
		p := proc{environ: bytes.Split(text, []byte{0}), name: nameOf(dir)}
		p.pid, _ = strconv.Atoi(filepath.Base(dir))
		if p.env("TMPDIR") == temp && p.pid != os.Getpid() {
			all = append(all, p)
		}
	}
	return all
}

func nameOf(dir string) string {
	name, _ := os.ReadFile(filepath.Join(dir, "comm"))
	return strings.TrimSpace(string(name))
}

// parentOf is the parent of a process, 0 where it has ended.
func parentOf(pid int) int {
	text, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	_, rest, _ := bytes.Cut(text, []byte(") ")) // our names have none
	fields := bytes.Fields(rest)
	if len(fields) < 2 {
		return 0
	}
	parent, _ := strconv.Atoi(string(fields[1]))
	return parent
}

// supervisorName is what ps shows of a supervisor.
const supervisorName = "cloudops-superv"

// isSupervisor reports whether a process is there and is a supervisor.
func isSupervisor(pid int) bool {
	return nameOf(filepath.Join("/proc", strconv.Itoa(pid))) == supervisorName
}
