package history

import "syscall"

// isLocal is MNT_LOCAL of <sys/mount.h>.
const isLocal = 0x1000

// networkFileSystem names the file system of a directory where it is one that is
// shared over a network, else "".
func networkFileSystem(dir string) (string, error) {
	var at syscall.Statfs_t
	if err := syscall.Statfs(dir, &at); err != nil || at.Flags&isLocal != 0 {
		return "", err
	}
	name := make([]byte, 0, len(at.Fstypename))
	for _, c := range at.Fstypename {
		if c == 0 {
			break
		}
		name = append(name, byte(c))
	}
	return string(name), nil
}
