//go:build linux

package process

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

type nobody struct{ number int }

func (*nobody) ready(uint32) {}

// An event finds its source among many, and what was left in the slot of one that
// is gone finds nobody.
func TestPoller_KeepsManyApart(t *testing.T) {
	t.Parallel()
	p, err := newPoller()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := p.close(); err != nil {
			t.Error(err)
		}
	}()
	const many = 2*slotBlock + 1
	sources := make(map[int32]*nobody, many)
	for i := range many {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _, _ = r.Close(), w.Close() }()
		s := &nobody{i}
		slot, err := p.add(int(r.Fd()), s)
		if err != nil {
			t.Fatal(err)
		}
		sources[slot] = s
	}
	if len(sources) != many {
		t.Fatalf("want %d slots, got %d", many, len(sources))
	}
	for slot, want := range sources {
		event := unix.EpollEvent{Fd: slot}
		if got := p.lookup(&event); got != want {
			t.Errorf("slot %d has %v, want %v", slot, got, want)
		}
		if p.remove(slot); p.lookup(&event) != nil {
			t.Errorf("slot %d still has somebody", slot)
		}
	}
	if got := p.lookup(&unix.EpollEvent{Fd: 10 * many}); got != nil {
		t.Errorf("a slot that never was has %v", got)
	}
}
