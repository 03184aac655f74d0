package process_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/escher-dbai/cloudops-engine/internal/process"
)

// busy is an observer that has no time, from the first byte on stderr until it is let go,
// nor has the poller, which calls it.
type busy struct {
	*watched

	here, letGo chan struct{}
}

func (b *busy) Output(stream int, p []byte) {
	if stream == process.Stderr {
		close(b.here)
		<-b.letGo
	}
	b.watched.Output(stream, p)
}

// What a command wrote before it left is in the pipe, although nobody came to read it
// before the stream was given up.
func TestGiveUp_ReadsWhatIsThere(t *testing.T) {
	t.Parallel()
	const most = 60_000 // and a pipe has room for it
	dir := t.TempDir()
	b := &busy{newWatched(), make(chan struct{}), make(chan struct{})}
	spec := sh(`until [ -e gate ]; do sleep 0.01; done; echo busy >&2; head -c 60000 /dev/zero; : >written`)
	spec.Path, spec.Dir, spec.Env = "/bin/sh", dir, os.Environ()
	p, err := open(t).Start(spec, b)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	if err := os.WriteFile(filepath.Join(dir, "gate"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	within(t, "stderr", b.here)
	for deadline := time.Now().Add(30 * time.Second); ; <-time.After(time.Millisecond) {
		if _, err := os.Stat(filepath.Join(dir, "written")); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("it does not write")
		}
	}
	p.GiveUp()
	close(b.letGo)
	within(t, "end", b.ended)
	if n := len(b.text(process.Stdout)); n != most {
		t.Errorf("%d bytes of stdout were read, want %d", n, most)
	}
}
