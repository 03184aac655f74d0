package main

import (
	"os"
	"os/signal"
	"syscall"
	"time"
)

// Arguments that make this program a process of a tree, or the one between such a
// process and its parent that exits at once. The mark and the spec follow.
const (
	nodeFlag = "-node"
	forkFlag = "-fork"
)

// lifetime ends a process of a tree that everybody forgot.
const lifetime = 2 * time.Minute

// beNode is the life of a process of a tree.
func beNode(flag, mark, spec string) error {
	n, err := parse(spec)
	if err != nil {
		return err
	}
	if flag == forkFlag {
		_, err := again(nodeFlag, mark, n, &os.ProcAttr{Files: []*os.File{os.Stdin, os.Stdout, os.Stderr}})
		return err
	}
	if n.has(ignoresTerm) {
		signal.Ignore(syscall.SIGTERM)
	}
	end := time.After(lifetime)
	for _, kid := range n.kids {
		if err := bear(mark, kid); err != nil {
			return err
		}
	}
	if n.has(stopped) {
		if err := syscall.Kill(os.Getpid(), syscall.SIGSTOP); err != nil {
			return err
		}
	}
	<-end
	return nil
}

// bear starts a child with the traits that its parent gives it.
func bear(mark string, n node) error {
	attr := &os.ProcAttr{Files: []*os.File{os.Stdin, os.Stdout, os.Stderr}, Sys: &syscall.SysProcAttr{}}
	switch {
	case n.has(ownSession):
		attr.Sys.Setsid = true
	case n.has(ownGroup):
		attr.Sys.Setpgid = true
	}
	if n.has(cleanEnv) {
		attr.Env = []string{} // nil would be ours
	}
	if n.has(closedFDs) {
		attr.Files = []*os.File{nil, nil, nil}
	}
	flag := nodeFlag
	if n.has(doubleFork) {
		flag = forkFlag
	}
	p, err := again(flag, mark, n, attr)
	if err == nil {
		go p.Wait() //nolint:errcheck // how it ends is nobody's business
	}
	return err
}

// again starts this program as another process of the tree.
func again(flag, mark string, n node, attr *os.ProcAttr) (*os.Process, error) {
	return os.StartProcess("/proc/self/exe", []string{"tree", flag, mark, n.String()}, attr)
}
