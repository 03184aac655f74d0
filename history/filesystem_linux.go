package history

import "syscall"

// networkFileSystem names the file system of a directory where it is one that is
// shared over a network, else "".
func networkFileSystem(dir string) (string, error) {
	var at syscall.Statfs_t
	if err := syscall.Statfs(dir, &at); err != nil {
		return "", err
	}
	return networkName(uint32(at.Type)), nil
}

// networkName knows file systems by their magic numbers. FUSE is not among them:
// most that are mounted by it are local, and what they are it does not tell.
func networkName(magic uint32) string {
	switch magic {
	case 0x6969:
		return "NFS"
	case 0x517b, 0xff534d42, 0xfe534d42:
		return "SMB"
	case 0x01021997:
		return "9P"
	case 0x00c36400:
		return "Ceph"
	case 0x5346414f, 0x6b414653:
		return "AFS"
	case 0x0bd00bd0:
		return "Lustre"
	case 0x73757245:
		return "Coda"
	case 0x7461636f:
		return "OCFS2"
	case 0x01161970:
		return "GFS2"
	}
	return ""
}
