package supervisor

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// longestSocket is what a path of a socket may have on every system.
const longestSocket = 100

// door is the socket by which others come in.
type door struct {
	path     string
	listener *net.UnixListener
}

// openDoor listens at a path that nobody else has, in a folder that is ours alone.
func openDoor() (*door, error) {
	dir, err := doorFolder()
	if err != nil {
		return nil, fmt.Errorf("find a place for the socket: %w", err)
	}
	path := filepath.Join(dir, rand.Text())
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	listener.SetUnlinkOnClose(true)
	return &door{path: path, listener: listener}, nil
}

func (d *door) close() { _ = d.listener.Close() }

// removeDoor removes the socket of somebody who has gone. It is one only by its own word.
func removeDoor(path string) {
	stat, err := os.Lstat(path)
	if err == nil && stat.Mode().Type() == os.ModeSocket && filepath.Base(filepath.Dir(path)) == doorName() {
		_ = os.Remove(path)
	}
}

// doorName is the name of the folder that sockets are in.
func doorName() string { return "cloudops-" + strconv.Itoa(os.Getuid()) }

// doorFolder is a folder with a short path: that of a state directory may be longer than
// a socket's can be.
func doorFolder() (string, error) {
	var faults []error
	for _, parent := range []string{os.Getenv("XDG_RUNTIME_DIR"), os.TempDir(), "/tmp"} {
		dir := filepath.Join(parent, doorName())
		if parent == "" || len(dir)+len("/")+len(rand.Text()) > longestSocket {
			continue
		}
		err := os.Mkdir(dir, 0o700) //nolint:gosec // the path is this user's to say
		if err == nil || errors.Is(err, os.ErrExist) {
			if err = onlyOurs(dir); err == nil {
				return dir, nil
			}
		}
		faults = append(faults, err)
	}
	return "", errors.Join(faults...)
}

// onlyOurs checks that a folder, which somebody else may have made, is of this user and
// open to nobody else.
func onlyOurs(dir string) error {
	stat, err := os.Lstat(dir) //nolint:gosec // likewise
	switch {
	case err != nil:
		return err
	case !stat.IsDir() || stat.Mode().Perm() != 0o700 || !isOwner(stat):
		return fmt.Errorf("%s: %w: it must be a folder of this user, with mode 0700", dir, os.ErrPermission)
	}
	return nil
}

// sweepDoors removes the sockets of supervisors that were killed. One that was only just
// made may not listen yet.
func sweepDoors() {
	dir, err := doorFolder()
	if err != nil {
		return
	}
	sockets, _ := os.ReadDir(dir)
	for _, s := range sockets {
		stat, err := s.Info()
		if err != nil || time.Since(stat.ModTime()) < time.Minute {
			continue
		}
		path := filepath.Join(dir, s.Name())
		l, err := dial(path)
		if err == nil {
			l.close()
		} else if errors.Is(err, syscall.ECONNREFUSED) {
			_ = os.Remove(path)
		}
	}
}
