package main_test

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

type managerKey struct{}

// told is what a service manager has been told and nobody has asked for.
type told struct{ words chan string }

// manager is a service manager that listens to what a daemon tells it (sd_notify). What
// begins from then on finds it in NOTIFY_SOCKET, and is to give signs of life.
func manager(ts *testscript.TestScript, _ bool, _ []string) {
	dir, err := os.MkdirTemp("", "m") // a path that has room for a socket
	ts.Check(err)
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "n"), Net: "unixgram"})
	ts.Check(err)
	words := make(chan string, 1<<14)
	var hearing sync.WaitGroup
	hearing.Go(func() {
		buffer := make([]byte, 1<<10)
		for {
			n, err := l.Read(buffer)
			if err != nil {
				return
			}
			words <- string(buffer[:n])
		}
	})
	ts.Defer(func() {
		_ = l.Close()
		hearing.Wait()
		_ = os.RemoveAll(dir)
	})
	theBegun(ts).env.Setenv("NOTIFY_SOCKET", filepath.Join(dir, "n"))
	theBegun(ts).env.Setenv("WATCHDOG_USEC", "40000")
	toldTo(ts).words = words
}

func toldTo(ts *testscript.TestScript) *told {
	t, ok := ts.Value(managerKey{}).(*told)
	if !ok {
		ts.Fatalf("setup did not run")
	}
	return t
}

// hears wants the manager to be told what an expression fits, next of all but signs of life.
func hears(ts *testscript.TestScript, _ bool, args []string) {
	want := regexp.MustCompile("^(?:" + args[0] + ")$")
	hangs := time.After(time.Minute) // only so that a hang says where
	for {
		select {
		case told := <-toldTo(ts).words:
			if want.MatchString(told) {
				return
			}
			if told != "WATCHDOG=1" {
				ts.Fatalf("the manager was told %q, want %s", told, args[0])
			}
		case <-hangs:
			ts.Fatalf("the manager was not told %s", args[0])
		}
	}
}
