package cli

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// fewDescriptors is where a hundred commands at once run out: each takes two
// pipes, a pidfd and a little more.
const fewDescriptors = 1024

// machine tells what this system offers to hold processes.
func machine() []check {
	return []check{checkPidfd(), checkDescriptors(), threads()}
}

func checkPidfd() check {
	c := check{Group: "machine", Name: "pidfd", State: good, Detail: "processes are waited for and signalled without races; Linux " + release()}
	fd, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		c.State, c.Detail = lacking, fmt.Sprintf("%v; Linux %s, 5.3 has it", err, release())
		return c
	}
	_ = unix.Close(fd)
	return c
}

func release() string {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return "?"
	}
	return unix.ByteSliceToString(name.Release[:])
}

func checkDescriptors() check {
	c := check{Group: "machine", Name: "open files", State: good}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		c.State, c.Detail = unsure, err.Error()
		return c
	}
	c.Detail = fmt.Sprintf("%d (RLIMIT_NOFILE)", limit.Cur)
	if limit.Cur < fewDescriptors {
		c.State = lacking
		c.Detail += fmt.Sprintf(": fewer than %d are too few for many commands at once", fewDescriptors)
	}
	return c
}
