package process_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/escher-dbai/cloudops-engine/internal/process"
)

// true0 writes the smallest program that exits 0: no libc, no start-up code.
// With /bin/true a benchmark measures the C library instead.
func true0(tb testing.TB) string {
	tb.Helper()
	code := []byte{0xb8, 60, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05}
	var b bytes.Buffer
	const base, header = 0x400000, 64 + 56
	le := binary.LittleEndian
	w := func(v any) { _ = binary.Write(&b, le, v) }
	b.Write([]byte{0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	w([]uint16{2, 62})
	w(uint32(1))
	w([]uint64{base + header, 64, 0})
	w(uint32(0))
	w([]uint16{64, 56, 1, 0, 0, 0})
	w([]uint32{1, 5})
	w([]uint64{0, base, base, header + uint64(len(code)), header + uint64(len(code)), 0x1000})
	b.Write(code)
	path := filepath.Join(tb.TempDir(), "true0")
	if err := os.WriteFile(path, b.Bytes(), 0o755); err != nil {
		tb.Fatal(err)
	}
	return path
}

type counter struct {
	mu   sync.Mutex
	left int
	done chan struct{}
}

func (c *counter) Output(int, []byte)   {}
func (c *counter) EOF(int)              { c.step() }
func (c *counter) Exited(process.State) { c.step() }
func (c *counter) step() {
	c.mu.Lock()
	c.left--
	over := c.left == 0
	c.mu.Unlock()
	if over {
		close(c.done)
	}
}

func BenchmarkStart(b *testing.B) {
	path := true0(b)
	for _, c := range []int{1, 8, 100} {
		b.Run(fmt.Sprintf("table/%d", c), func(b *testing.B) {
			t, err := process.NewTable(process.Options{})
			if err != nil {
				b.Fatal(err)
			}
			sem := make(chan struct{}, c)
			var wg sync.WaitGroup
			forks := make(chan struct{}, process.ForkLimit())
			for range b.N {
				sem <- struct{}{}
				wg.Go(func() {
					o := &counter{left: 3, done: make(chan struct{})}
					forks <- struct{}{}
					p, err := t.Start(process.Spec{Path: path, Args: []string{path}}, o)
					<-forks
					if err != nil {
						b.Error(err)
						return
					}
					<-o.done
					p.Close()
					<-sem
				})
			}
			wg.Wait()
			_ = t.Close()
		})
		b.Run(fmt.Sprintf("exec/%d", c), func(b *testing.B) {
			sem := make(chan struct{}, c)
			var wg sync.WaitGroup
			for range b.N {
				sem <- struct{}{}
				wg.Go(func() {
					cmd := exec.CommandContext(b.Context(), path)
					var o, e bytes.Buffer
					cmd.Stdout, cmd.Stderr = &o, &e
					_ = cmd.Run()
					<-sem
				})
			}
			wg.Wait()
		})
	}
}
