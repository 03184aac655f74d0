//go:build linux

package process_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/escher-dbai/cloudops-engine/internal/process"
)

// interactive is a shell command whose stdin is written to while it runs.
func interactive(command string) process.Spec {
	spec := sh(command)
	spec.Interactive = true
	return spec
}

func TestWrite_ReachesTheProcessUntilStdinIsClosed(t *testing.T) {
	t.Parallel()
	p, w := start(t, open(t), interactive(`read a; echo "first $a"; cat; echo done`))
	write(t, p, "one\n")
	if got := within(t, "answer", w.lines); got != "first one" {
		t.Errorf("it says %q", got)
	}
	write(t, p, "two\n")
	write(t, p, "")
	if err := p.CloseStdin(t.Context()); err != nil {
		t.Fatal(err)
	}
	within(t, "end", w.ended)
	if got := w.text(process.Stdout); got != "first one\ntwo\ndone\n" {
		t.Errorf("stdout is %q", got)
	}
	if _, err := p.Write(t.Context(), []byte("x")); !errors.Is(err, process.ErrNoStdin) {
		t.Errorf("write after CloseStdin: want %v, got %v", process.ErrNoStdin, err)
	}
	if err := p.CloseStdin(t.Context()); !errors.Is(err, process.ErrNoStdin) {
		t.Errorf("a second CloseStdin: want %v, got %v", process.ErrNoStdin, err)
	}
}

func TestWrite_WithoutAnInputIsRefused(t *testing.T) {
	t.Parallel()
	p, _ := start(t, open(t), sh(":"))
	if _, err := p.Write(t.Context(), []byte("x")); !errors.Is(err, process.ErrNoStdin) {
		t.Errorf("write: want %v, got %v", process.ErrNoStdin, err)
	}
	if err := p.CloseStdin(t.Context()); !errors.Is(err, process.ErrNoStdin) {
		t.Errorf("CloseStdin: want %v, got %v", process.ErrNoStdin, err)
	}
}

// A program that closed its stdin, or has exited, is no one to write to. There is
// no signal that ends us for trying.
func TestWrite_ToAProcessThatDoesNotReadAnyMoreIsRefused(t *testing.T) {
	t.Parallel()
	p, w := start(t, open(t), interactive(`exec <&-; echo closed; sleep 300`))
	within(t, "line", w.lines)
	var err error
	for err == nil { // another process that is just being started may still have a copy of the pipe
		_, err = p.Write(t.Context(), []byte("x"))
	}
	if !errors.Is(err, process.ErrNoStdin) {
		t.Errorf("a closed stdin: want %v, got %v", process.ErrNoStdin, err)
	}
	for _, spec := range []process.Spec{interactive(":"), onTerminal(":")} {
		p, w := start(t, open(t), spec)
		within(t, "end", w.ended)
		if _, err := p.Write(t.Context(), []byte("x")); !errors.Is(err, process.ErrNoStdin) {
			t.Errorf("a process that has exited: want %v, got %v", process.ErrNoStdin, err)
		}
	}
}

// The context bounds a write that waits for the process to read, and one that waits
// for its turn; what was taken is told, and the next write is as good as any.
func TestWrite_WaitsNoLongerThanItsContext(t *testing.T) {
	t.Parallel()
	for name, spec := range map[string]process.Spec{
		"pipe":     interactive(`echo ready; exec sleep 300`),
		"terminal": onTerminal(`stty raw -echo; echo ready; exec sleep 300`),
	} {
		p, w := start(t, open(t), spec)
		within(t, "ready", w.lines)
		ctx, cancel := context.WithCancelCause(t.Context())
		var all sync.WaitGroup
		taken := make(chan int, 2)
		for range 2 {
			all.Go(func() {
				n, err := p.Write(ctx, bytes.Repeat([]byte("x"), 1<<20))
				if !errors.Is(err, errEnough) {
					t.Errorf("%s: want the cause of the context, got %v", name, err)
				}
				taken <- n
			})
		}
		cancel(errEnough)
		all.Wait()
		if n := <-taken + <-taken; n >= 2<<20 {
			t.Errorf("%s: %d bytes were taken of a write that did not end", name, n)
		}
		if _, err := p.Write(ctx, []byte("x")); !errors.Is(err, errEnough) {
			t.Errorf("%s: a context that is done: want its cause, got %v", name, err)
		}
	}
}

var errEnough = errors.New("enough")

// A write that waits for a process that outlived the leader ends when that is closed:
// nobody is left who waits.
func TestWrite_EndsWithTheProcess(t *testing.T) {
	t.Parallel()
	for _, spec := range []process.Spec{
		interactive(`sleep 300 <&0 & echo ready`), onTerminal(`trap '' HUP; stty raw -echo; sleep 300 <&0 & echo ready`),
	} {
		p, w := start(t, open(t), spec)
		within(t, "ready", w.lines)
		ended := make(chan error, 1)
		var all sync.WaitGroup
		all.Go(func() {
			_, err := p.Write(context.Background(), make([]byte, 1<<20))
			ended <- err
		})
		within(t, "exit", w.exited)
		p.GiveUp()
		within(t, "end", w.ended)
		p.Close()
		if err := within(t, "end of the write", ended); !errors.Is(err, process.ErrNoStdin) {
			t.Errorf("want %v, got %v", process.ErrNoStdin, err)
		}
		all.Wait()
	}
}

// Two who write at once do not mix within one call, however large it is.
func TestWrite_CallsDoNotInterleave(t *testing.T) {
	t.Parallel()
	p, w := start(t, open(t), interactive("cat"))
	var all sync.WaitGroup
	var want []string
	for i := range 8 {
		block := strings.Repeat(string(rune('a'+i)), 200_000) + "\n"
		want = append(want, block)
		all.Go(func() { write(t, p, block) })
	}
	all.Wait()
	if err := p.CloseStdin(t.Context()); err != nil {
		t.Fatal(err)
	}
	within(t, "end", w.ended)
	got := strings.SplitAfter(strings.TrimSuffix(w.text(process.Stdout), "\n")+"\n", "\n")
	got = got[:len(got)-1]
	slices.Sort(got)
	if !slices.Equal(want, got) {
		t.Errorf("%d lines came back that are not the %d that were written", len(got), len(want))
	}
}
