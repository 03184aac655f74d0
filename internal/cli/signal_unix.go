//go:build unix

package cli

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// signalNumber is the number of a signal as a result names it: "SEGV", or
// "signal 34" for one without a name.
func signalNumber(name string) int {
	if n := unix.SignalNum("SIG" + name); n != 0 {
		return int(n)
	}
	_, number, _ := strings.Cut(name, "signal ")
	n, _ := strconv.Atoi(number) // 0 where it is none
	return n
}
