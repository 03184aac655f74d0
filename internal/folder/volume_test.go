//go:build unix

package folder_test

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// volume is what a disk was told, change by change, and what it may have after the power
// went: a change that was synced; of the others each, none or a part. Names and bytes are
// apart, as on real ones: the name of a file may be there without its bytes, and its
// bytes without the name.
type volume struct {
	t       *testing.T
	root    string
	inodes  int
	paths   map[string]int // what is where, now
	content map[int][]byte
	marks   map[int]os.FileInfo // of files that are looked at for changes
	changes []edit
	ordered bool // the index of a record is synced before it takes the place of another
}

// edit is a change that can be lost: to bytes, or to names.
type edit struct {
	inode   int // of the file whose bytes, or the folder whose names
	off     int
	bytes   []byte
	names   map[string]int // to what; 0: to nothing
	folders []int          // which of them are folders
	synced  int            // how many changes there were when it was synced; 0: never
}

const rootInode = 1

func newVolume(t *testing.T, root string) *volume {
	t.Helper()
	v := &volume{t: t, root: root, inodes: rootInode, paths: map[string]int{root: rootInode}, content: map[int][]byte{}, marks: map[int]os.FileInfo{}}
	v.look(root)
	v.sync(rootInode)
	for _, inode := range v.paths {
		v.sync(inode)
	}
	return v
}

// step is what a State says that it did.
func (v *volume) step(step, path, to string) {
	switch step {
	case "mkdir":
		v.made(path, true)
	case "write":
		v.wrote(path)
	case "sync":
		if v.paths[path] == 0 {
			v.t.Fatalf("sync of %s, which is not there", path)
		}
		v.sync(v.paths[path])
	case "rename":
		v.renamed(path, to)
	case "remove":
		v.removed(path)
	default:
		v.t.Fatalf("what is %s of %s?", step, path)
	}
}

// made has a new file or folder have a name.
func (v *volume) made(path string, folder bool) int {
	v.inodes++
	v.paths[path] = v.inodes
	c := edit{inode: v.paths[filepath.Dir(path)], names: map[string]int{filepath.Base(path): v.inodes}}
	if folder {
		c.folders = []int{v.inodes}
	}
	v.changes = append(v.changes, c)
	return v.inodes
}

// wrote finds what is new in a file.
func (v *volume) wrote(path string) {
	p, err := os.ReadFile(path)
	must(v.t, err)
	inode, there := v.paths[path]
	if !there {
		inode = v.made(path, false)
	}
	before := v.content[inode]
	first := 0
	for first < min(len(p), len(before)) && p[first] == before[first] {
		first++
	}
	last := len(p)
	for len(p) == len(before) && last > first && p[last-1] == before[last-1] {
		last--
	}
	if first < last {
		v.changes = append(v.changes, edit{inode: inode, off: first, bytes: p[first:last]})
	}
	v.content[inode] = p
}

func (v *volume) sync(inode int) {
	for i := range v.changes {
		if c := &v.changes[i]; c.inode == inode && c.synced == 0 {
			c.synced = len(v.changes)
		}
	}
}

func (v *volume) renamed(from, to string) {
	inode := v.paths[from]
	for path, what := range maps.Clone(v.paths) {
		if rest, below := strings.CutPrefix(path, from); below && (rest == "" || rest[0] == '/') {
			delete(v.paths, path)
			v.paths[to+rest] = what
		}
	}
	v.changes = append(v.changes, edit{
		inode: v.paths[filepath.Dir(to)], names: map[string]int{filepath.Base(from): 0, filepath.Base(to): inode},
	})
}

// removed has what is below go first.
func (v *volume) removed(path string) {
	below := slices.Sorted(maps.Keys(v.paths))
	slices.Reverse(below)
	for _, at := range below {
		if at == path || strings.HasPrefix(at, path+"/") {
			v.changes = append(v.changes, edit{inode: v.paths[filepath.Dir(at)], names: map[string]int{filepath.Base(at): 0}})
			delete(v.paths, at)
		}
	}
}

// look finds what a writer did who does not say: to the bytes of a record first, and
// then to its index, which may have been put in the place of another.
func (v *volume) look(dir string) {
	all, err := os.ReadDir(dir)
	must(v.t, err)
	slices.SortFunc(all, func(a, b os.DirEntry) int { return strings.Compare(b.Name(), a.Name()) })
	there := map[string]bool{}
	for _, e := range all {
		path := filepath.Join(dir, e.Name())
		there[path] = true
		at, err := e.Info()
		must(v.t, err)
		switch inode := v.paths[path]; {
		case e.IsDir():
			if inode == 0 {
				v.made(path, true)
			}
			v.look(path)
		case inode != 0 && v.marks[inode] != nil && !os.SameFile(v.marks[inode], at):
			must(v.t, os.Link(path, path+".new"))
			if v.wrote(path + ".new"); v.ordered {
				v.sync(v.paths[path+".new"])
			}
			must(v.t, os.Remove(path+".new"))
			v.renamed(path+".new", path)
			v.marks[v.paths[path]] = at
		default:
			v.wrote(path)
			v.marks[v.paths[path]] = at
		}
	}
	for path := range maps.Clone(v.paths) {
		if filepath.Dir(path) == dir && !there[path] {
			v.removed(path)
		}
	}
}

// syncAll is a sync of a folder and all that is in it.
func (v *volume) syncAll(dir string) {
	for path, inode := range v.paths {
		if path == dir || strings.HasPrefix(path, dir+"/") {
			v.sync(inode)
		}
	}
}

// tree is a volume at some moment.
type tree struct {
	names   map[int]map[string]int
	content map[int][]byte
	folders map[int]bool
}

// after is what there is after some changes, of which those that were not synced by
// then are there as far as kept says: all of its bytes, or as many.
func (v *volume) after(changes int, kept func(i, bytes int) int) *tree {
	t := &tree{names: map[int]map[string]int{}, content: map[int][]byte{}, folders: map[int]bool{rootInode: true}}
	for i := range v.changes[:changes] {
		c := &v.changes[i]
		size := max(1, len(c.bytes))
		n := size
		if c.synced == 0 || c.synced > changes {
			n = min(size, kept(i, size))
		}
		switch {
		case n <= 0:
		case c.names == nil:
			p := t.content[c.inode]
			if more := c.off + n - len(p); more > 0 {
				p = append(p, make([]byte, more)...)
			}
			p = bytes.Clone(p)
			copy(p[c.off:], c.bytes[:n])
			t.content[c.inode] = p
		default:
			if t.names[c.inode] == nil {
				t.names[c.inode] = map[string]int{}
			}
			maps.Copy(t.names[c.inode], c.names)
		}
		for _, folder := range c.folders {
			t.folders[folder] = true
		}
	}
	return t
}

// files are all files by their paths below the root, and all folders with a nil.
func (t *tree) files() map[string][]byte {
	all := map[string][]byte{}
	t.below(rootInode, "", all)
	return all
}

func (t *tree) below(inode int, path string, all map[string][]byte) {
	for name, what := range t.names[inode] {
		at := filepath.Join(path, name)
		switch {
		case what == 0:
		case t.folders[what]:
			all[at] = nil
			t.below(what, at, all)
		default:
			all[at] = append([]byte{}, t.content[what]...)
		}
	}
}

// put makes files in a folder.
func put(t *testing.T, dir string, files map[string][]byte) {
	t.Helper()
	for _, path := range slices.Sorted(maps.Keys(files)) {
		at := filepath.Join(dir, path)
		if p := files[path]; p == nil {
			must(t, os.MkdirAll(at, 0o700))
		} else {
			must(t, os.WriteFile(at, p, 0o600))
		}
	}
}
