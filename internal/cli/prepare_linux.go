package cli

import (
	"errors"
	"math"

	"golang.org/x/sys/unix"
)

// firstExtra is the first descriptor after stdin, stdout and stderr.
const firstExtra = 3

// keepDescriptors marks all descriptors beyond the first three close-on-exec. A
// kernel before 5.11 knows no such call; there it is done one by one.
func keepDescriptors() {
	err := unix.CloseRange(firstExtra, math.MaxInt32, unix.CLOSE_RANGE_CLOEXEC)
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EINVAL) {
		keepEach("/proc/self/fd")
	}
}
