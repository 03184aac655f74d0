package process

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// descriptors is a folder that names those of this process.
const descriptors = "/proc/self/fd"

// ownProgram is the file of this program, also when another has its name by now.
func ownProgram() (string, error) { return "/proc/self/exe", nil }

// nameProcess says what ps shows; else it is "exe".
func nameProcess(name string) { _ = os.WriteFile("/proc/self/comm", []byte(name), 0) }

// awaitDetached reaps a detached program when it has ended. The runtime waits for that,
// and no thread, except where the kernel knows no pidfd (before 5.3).
func awaitDetached(pid int) {
	if fd, err := unix.PidfdOpen(pid, 0); err == nil {
		awaitReadable(fd)
	}
	reapChild(pid)
}

func awaitReadable(fd int) {
	_ = unix.SetNonblock(fd, true) // has the runtime take it into its poller
	file := os.NewFile(uintptr(fd), "pidfd")
	defer func() { _ = file.Close() }()
	raw, err := file.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Read(func(fd uintptr) bool {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
		return n > 0 || err != nil && err != unix.EINTR
	})
}

// startOf reads the field of /proc/PID/stat, which is the 20th behind the name.
func startOf(pid int) int64 {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	text := string(stat)
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) < 20 {
		return 0
	}
	ticks, _ := strconv.ParseInt(fields[19], 10, 64)
	return ticks
}

func bootID() string {
	id, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(id))
}
