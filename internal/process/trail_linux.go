package process

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Searcher ends what is left of trees whose keepers have gone. Those who look at the
// same time look together. It is safe for concurrent use; the zero value is ready.
type Searcher struct{ sweeper sweeper }

// End kills all that is left of a tree, and returns how many it has ended and who is
// still there after a second. Who holds the cgroup of the trail must be gone: a folder
// that somebody has locked is left alone, as is everything where the machine was
// started again.
func (s *Searcher) End(t Trail) (ended int, left []Stray) {
	if !t.Keeper.SameBoot() {
		return 0, nil
	}
	ended = endCgroup(t.Cgroup)
	more, pids := (&marks{t.Mark, &s.sweeper}).end(0)
	return ended + more, straysOf(pids)
}

// endCgroup ends all that is in a folder of cgroups whose owner has gone, and removes it.
func endCgroup(dir string) (ended int) {
	var fs unix.Statfs_t
	if dir == "" || !strings.HasPrefix(filepath.Base(dir), folderPrefix) ||
		unix.Statfs(dir, &fs) != nil || fs.Type != unix.CGROUP2_SUPER_MAGIC {
		return 0
	}
	fd, err := lockFolder(dir)
	for try := 0; errors.Is(err, unix.EWOULDBLOCK) && try < 8; try++ { // who starts a table looks at it
		pause(try)
		fd, err = lockFolder(dir)
	}
	if err != nil {
		return 0
	}
	defer closeAll(fd)
	before := len(membersOf(dir))
	_ = os.WriteFile(filepath.Join(dir, killFile), []byte("1"), 0)
	left := membersOf(dir)
	for e, try := begin(before), 0; len(left) > 0 && e.goesOn(len(left), false); try++ {
		pause(try)
		left = membersOf(dir)
	}
	removeGroups(dir)
	return max(before-len(left), 0)
}
