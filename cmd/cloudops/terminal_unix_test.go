//go:build unix

package main_test

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/creack/pty"
	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/term"
)

// dialog is a program on a terminal of 24 by 80, and somebody who sits there.
type dialog struct {
	screen *os.File

	mu    sync.Mutex
	more  *sync.Cond
	shown []byte
	seen  int // what of it was waited for
	over  bool
}

// talk runs a program on a terminal and wants this exit code. FILE has a line for
// each thing that whoever sits there does:
//
//	> TEXT        types it, with \r, \x03 and the like as in Go
//	< TEXT        waits until it is shown, behind what was waited for before
//	= ROWS COLS   changes the size
//	! NAME        signals the program
//
// In the end the terminal must be as it was before. What was shown is in shown.txt.
func talk(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 3 {
		ts.Fatalf("usage: talk FILE CODE PROGRAM ARG...")
	}
	screen, keyboard, err := pty.Open()
	ts.Check(err)
	ts.Check(pty.Setsize(screen, &pty.Winsize{Rows: 24, Cols: 80}))
	before, err := term.GetState(int(keyboard.Fd()))
	ts.Check(err)
	path, err := exec.LookPath(args[2])
	ts.Check(err)
	cmd := exec.CommandContext(context.Background(), path, args[3:]...)
	cmd.Env, cmd.Dir = append(slices.Clip(theBegun(ts).env.Vars), "NO_COLOR=1"), ts.MkAbs(".")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = keyboard, keyboard, keyboard
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	ts.Check(cmd.Start())
	ts.Defer(func() { _ = cmd.Process.Kill() }) // of one that has ended it says so
	d := &dialog{screen: screen}
	d.more = sync.NewCond(&d.mu)
	var reading sync.WaitGroup
	reading.Go(d.read)
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		d.do(ts, cmd, strings.TrimSuffix(line, "\n"))
	}
	code := codeOf(ts, cmd.Wait())
	after, err := term.GetState(int(keyboard.Fd()))
	ts.Check(err)
	ts.Check(keyboard.Close()) // the last to hold it
	reading.Wait()
	ts.Check(screen.Close())
	ts.Check(os.WriteFile(ts.MkAbs("shown.txt"), bytes.ReplaceAll(d.shown, []byte("\r\n"), []byte("\n")), 0o600))
	if strconv.Itoa(code) != args[1] {
		ts.Fatalf("exit code %d, want %s\n%s", code, args[1], d.shown)
	}
	if *before != *after {
		ts.Fatalf("the terminal is not as it was before: %+v, and was %+v", after, before)
	}
}

// read reads the screen until nobody has the terminal any more.
func (d *dialog) read() {
	in := bufio.NewReader(d.screen)
	buffer := make([]byte, 4<<10)
	for {
		n, err := in.Read(buffer)
		d.mu.Lock()
		d.shown = append(d.shown, buffer[:n]...)
		d.over = err != nil
		d.more.Broadcast()
		d.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// do does what one line says.
func (d *dialog) do(ts *testscript.TestScript, cmd *exec.Cmd, line string) {
	what, text, _ := strings.Cut(line, " ")
	switch what {
	case ">":
		typed, err := strconv.Unquote(`"` + strings.ReplaceAll(text, `"`, `\"`) + `"`)
		ts.Check(err)
		_, err = d.screen.WriteString(typed)
		ts.Check(err)
	case "<":
		d.await(ts, text)
	case "=":
		rows, cols, _ := strings.Cut(text, " ")
		r, err := strconv.ParseUint(rows, 10, 16)
		ts.Check(err)
		c, err := strconv.ParseUint(cols, 10, 16)
		ts.Check(err)
		ts.Check(pty.Setsize(d.screen, &pty.Winsize{Rows: uint16(r), Cols: uint16(c)}))
	case "!":
		ts.Check(cmd.Process.Signal(signals()[text]))
	default:
		ts.Fatalf("line %q of the dialog does nothing", line)
	}
}

// await waits until a text is shown, and no longer than would be a hang.
func (d *dialog) await(ts *testscript.TestScript, text string) {
	hangs := time.AfterFunc(time.Minute, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.over = true
		d.more.Broadcast()
	})
	defer hangs.Stop()
	d.mu.Lock()
	defer d.mu.Unlock()
	for {
		if i := bytes.Index(d.shown[d.seen:], []byte(text)); i >= 0 {
			d.seen += i + len(text)
			return
		}
		if d.over {
			ts.Fatalf("%q was never shown:\n%s", text, d.shown)
		}
		d.more.Wait()
	}
}
