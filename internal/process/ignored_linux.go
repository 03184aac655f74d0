package process

import (
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
)

// unignore makes sure that children do not inherit signals which this program
// was started with ignoring (nohup, cron, CI): a child that ignores INT cannot
// be stopped gracefully. A signal that is caught instead, and dropped, still
// does nothing to us, and exec resets it to its default in the child.
func unignore() {
	for _, sig := range nowIgnored() {
		signal.Notify(make(chan os.Signal, 1), sig)
	}
}

// nowIgnored is what this process ignores, and children do with it.
func nowIgnored() []syscall.Signal {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return nil
	}
	return ignoredSignals(string(status))
}

// ignoredSignals reads the SigIgn line of /proc/PID/status.
func ignoredSignals(status string) (ignored []syscall.Signal) {
	_, line, _ := strings.Cut(status, "\nSigIgn:")
	line, _, _ = strings.Cut(line, "\n")
	mask, err := strconv.ParseUint(strings.TrimSpace(line), 16, 64)
	if err != nil {
		return nil
	}
	for n := 1; n < 32; n++ {
		if mask&(1<<(n-1)) != 0 {
			ignored = append(ignored, syscall.Signal(n))
		}
	}
	return ignored
}
