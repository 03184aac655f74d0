package engine

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/escher-dbai/cloudops-engine/internal/process"
)

// programs remembers which files were there to be executed a moment ago.
type programs struct {
	mu   sync.Mutex
	seen map[string]time.Time
}

// How long a moment is, and how many files are remembered: all are forgotten when
// there are more.
const (
	moment       = time.Second
	mostPrograms = 64
)

// again reports whether a file was there a moment ago.
func (p *programs) again(path string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	at, ok := p.seen[path]
	return ok && time.Since(at) < moment
}

func (p *programs) saw(path string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.seen == nil || len(p.seen) >= mostPrograms {
		p.seen = make(map[string]time.Time)
	}
	p.seen[path] = time.Now()
}

// resolve finds the file to execute and checks what the command reads.
func (p *programs) resolve(l *Launch, inv *invocation) error {
	if inv.reads != "" {
		if err := checkScript(inv.reads); err != nil {
			return err
		}
	}
	if inv.readsDir != "" {
		if err := checkDir(inv.readsDir); err != nil {
			return err
		}
	}
	path, err := p.look(inv.argv[0], l.Dir)
	if err != nil && inv.fallback != "" {
		if path, err = p.look(inv.fallback, l.Dir); err == nil {
			l.Argv = append([]string{inv.fallback}, inv.argv[1:]...)
		}
	}
	l.Path = path
	return err
}

// checkScript checks that a script can be read. It is not opened before it is
// known to be a file: opening a FIFO would wait for its writer.
func checkScript(path string) error {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("not a file")
	}
	if err == nil {
		var f *os.File
		if f, err = os.Open(path); err == nil {
			return f.Close()
		}
	}
	return Advise(fault(ErrScriptNotFound, "%s: %v", path, reason(err)), "check the path; a relative one starts at the working directory")
}

// look finds a program: a name on the PATH of this process, which no
// request can change, and a path from the working directory on.
func (p *programs) look(name, dir string) (string, error) {
	if strings.ContainsRune(name, filepath.Separator) || strings.Contains(name, "/") {
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		if !filepath.IsAbs(name) { // dir is empty: the working directory of this process
			abs, err := filepath.Abs(name)
			if err != nil {
				return "", fault(ErrProgramNotFound, "%s: %v", name, err)
			}
			name = abs
		}
		return name, p.check(name)
	}
	path, err := exec.LookPath(name)
	if err == nil {
		return path, nil
	}
	if errors.Is(err, fs.ErrPermission) {
		return "", Advise(fault(ErrNotExecutable, "%s on PATH", name), "make it executable with chmod +x")
	}
	return "", Advise(fault(ErrProgramNotFound, "%s", name), "PATH is %s", os.Getenv("PATH"))
}

// check checks a path that is to be executed.
func (p *programs) check(path string) error {
	mode, err := process.FileMode(path, p.again(path))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Advise(fault(ErrProgramNotFound, "%s", path), "there is no such file; PATH is searched only for names without a slash")
	case err != nil:
		return fault(ErrNotExecutable, "%s: %v", path, reason(err))
	case mode.IsDir():
		return fault(ErrNotExecutable, "%s: is a directory", path)
	case runtime.GOOS != "windows" && mode&0o111 == 0:
		return Advise(fault(ErrNotExecutable, "%s: permission denied", path), "make it executable with chmod +x, or name its interpreter")
	}
	p.saw(path)
	return nil
}
