//go:build linux

package process

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
)

// Those who come while a look is under way share the next one, and each gets what
// it asked for.
func TestSweeper_LooksOnceForAllWhoWait(t *testing.T) {
	t.Parallel()
	ours, _, _ := bytes.Cut(environment(os.Getpid()), []byte{0})
	var s sweeper
	var all sync.WaitGroup
	s.looking.Lock()
	const others = 50
	all.Go(func() {
		if pids := s.find(string(ours)); !slices.Contains(pids, os.Getpid()) {
			t.Errorf("%s: want this process among %v", ours, pids)
		}
	})
	for i := range others {
		all.Go(func() {
			if pids := s.find(fmt.Sprintf("PROCESS_TEST_NOBODY=%d", i)); len(pids) != 0 {
				t.Errorf("nobody has mark %d, but %v were found", i, pids)
			}
		})
	}
	for {
		s.mu.Lock()
		next := s.next
		waiting := next != nil && len(next.found) == others+1
		s.mu.Unlock()
		if waiting {
			break
		}
		runtime.Gosched()
	}
	s.looking.Unlock()
	all.Wait()
	if s.next != nil {
		t.Error("want one look for all, but there was another")
	}
}
