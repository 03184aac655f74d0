package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// fewDescriptors is where a hundred commands at once run out: each takes two
// pipes, a pidfd and a little more.
const fewDescriptors = 1024

// machine tells what this system offers to hold processes.
func machine() []check {
	return []check{checkPidfd(), checkCgroup(), checkDescriptors(), threads()}
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

// checkCgroup looks whether we could put a command into a cgroup of its own and
// kill that as one.
func checkCgroup() check {
	c := check{Group: "machine", Name: "cgroup v2", State: lacking}
	dir, err := ownCgroup()
	if err != nil {
		c.Detail = err.Error()
		return c
	}
	probe, err := os.MkdirTemp(dir, "cloudops-doctor-")
	if err != nil {
		c.Detail = fmt.Sprintf("no group can be made in %s: %v", dir, errors.Unwrap(err))
		return c
	}
	_, err = os.Stat(filepath.Join(probe, "cgroup.kill"))
	if removed := os.Remove(probe); removed != nil {
		c.State, c.Detail = unsure, removed.Error()
		return c
	}
	if err != nil {
		c.Detail = "groups can be made in " + dir + ", but have no cgroup.kill; Linux 5.14 has it"
		return c
	}
	c.State, c.Detail = good, "groups can be made in "+dir+" and killed as one"
	return c
}

// ownCgroup is the folder of our cgroup in version 2, alone or beside version 1.
func ownCgroup() (string, error) {
	data, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "", err
	}
	for line := range strings.SplitSeq(string(data), "\n") {
		path, ok := strings.CutPrefix(line, "0::")
		if !ok {
			continue
		}
		for _, mount := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
			dir := filepath.Join(mount, path)
			if _, err := os.Stat(filepath.Join(dir, "cgroup.procs")); err == nil && isCgroup2(mount) {
				return dir, nil
			}
		}
	}
	return "", errors.New("not mounted here")
}

func isCgroup2(mount string) bool {
	var fs unix.Statfs_t
	return unix.Statfs(mount, &fs) == nil && fs.Type == unix.CGROUP2_SUPER_MAGIC
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
