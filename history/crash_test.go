package history_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"maps"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/history"
)

// helperVariable has the directory of the history in which this binary works
// instead of testing.
const helperVariable = "HISTORY_TEST_DIR"

func newID() (id engine.ID, err error) {
	_, err = rand.Read(id[:])
	return id, err
}

// helper accepts and ends executions from several goroutines for as long as it
// lives, and says so after each acknowledgement.
func helper(dir string) int {
	s, err := history.Open(context.Background(), dir, history.Config{})
	if err != nil {
		_, _ = fmt.Fprintln(os.Stdout, "open:", err)
		return 1
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	say := func(what string, id engine.ID) {
		mu.Lock()
		defer mu.Unlock()
		_, _ = fmt.Fprintln(os.Stdout, what, id)
	}
	for range 4 {
		all.Go(func() {
			for {
				if err := live(s, say); err != nil {
					_, _ = fmt.Fprintln(os.Stdout, "error:", err)
					return
				}
			}
		})
	}
	all.Wait()
	return 1
}

// live takes one execution through its life.
func live(s *history.Store, say func(string, engine.ID)) error {
	id, err := newID()
	if err != nil {
		return err
	}
	a, err := engine.NewAcceptance(engine.Request{ID: id, Command: engine.Exec("echo", id.String()), Secrets: []string{"hunter2hunter2"}}, time.Now(), plain)
	if err != nil {
		return err
	}
	if _, err := s.Accept(context.Background(), a); err != nil {
		return err
	}
	say("accepted", id)
	if err := s.Note(context.Background(), engine.Change{ID: id, Status: engine.Running, At: time.Now()}); err != nil {
		return err
	}
	say("started", id)
	end := engine.Result{ID: id, Status: engine.Failed, Cause: engine.CauseExit, ExitCode: 3, StartedAt: time.Now(), CompletedAt: time.Now()}
	if err := s.Note(context.Background(), engine.Change{ID: id, Status: engine.Failed, Result: &end}); err != nil {
		return err
	}
	say("ended", id)
	return nil
}

// killed runs the helper, kills it after some lines, and returns what it
// acknowledged of each execution last.
func killed(t *testing.T, dir string, lines int) map[string]string {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), program)
	cmd.Env = append(os.Environ(), helperVariable+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	acknowledged := make(map[string]string)
	r := bufio.NewReader(out)
	for n := 0; ; n++ {
		if n == lines {
			if err := cmd.Process.Kill(); err != nil {
				t.Error(err)
			}
		}
		line, err := r.ReadString('\n')
		if err == io.EOF {
			break // a line without its end was not said
		}
		what, id, ok := strings.Cut(strings.TrimSpace(line), " ")
		if err != nil || !ok || strings.HasSuffix(what, ":") {
			t.Fatalf("the helper says %q, %v", line, err)
		}
		acknowledged[id] = what
	}
	_ = cmd.Wait() // it was killed
	return acknowledged
}

// CRASH-03, CRASH-04: what was acknowledged is there after kill -9, none twice, and
// the history is whole.
func TestStore_KeepsWhatItAcknowledgedWhenKilled(t *testing.T) {
	t.Parallel()
	rounds := 30
	if full() {
		rounds = 3000
	}
	const perHistory = 100
	for done := 0; done < rounds; done += perHistory {
		dir := place(t)
		acknowledged := make(map[string]string)
		for round := range min(perHistory, rounds-done) {
			maps.Copy(acknowledged, killed(t, dir, mathrand.IntN(80)))
			checkKilled(t, dir, acknowledged)
			if t.Failed() {
				t.Fatalf("in round %d", done+round)
			}
		}
		if len(acknowledged) < 10 {
			t.Errorf("only %d were acknowledged: this proves little", len(acknowledged))
		}
	}
}

// checkKilled opens the history and looks for everything.
func checkKilled(t *testing.T, dir string, acknowledged map[string]string) {
	t.Helper()
	s := open(t, dir, history.Config{})
	defer closeStore(t, s)
	if r := s.Report(); r != (history.Report{}) {
		t.Errorf("it opens with %+v", r)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
	found := make(map[string]engine.Status)
	for f := (engine.Filter{Limit: 1000, Total: true}); ; {
		p, err := s.List(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		for i := range p.Executions {
			x := &p.Executions[i]
			if _, twice := found[x.ID.String()]; twice {
				t.Errorf("%s is there twice", x.ID)
			}
			found[x.ID.String()] = x.Status
		}
		if f.After = p.Next; p.Next == "" {
			if p.Total != len(found) {
				t.Errorf("%d are counted, %d are there", p.Total, len(found))
			}
			break
		}
	}
	reached := map[engine.Status]int{engine.Pending: 1, engine.Running: 2, engine.Failed: 3}
	for id, what := range acknowledged {
		if reached[found[id]] < map[string]int{"accepted": 1, "started": 2, "ended": 3}[what] {
			t.Errorf("%s was acknowledged as %s, and is %q", id, what, found[id])
		}
	}
}
