package supervisor_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/folder"
	"github.com/escher-dbai/cloudops-engine/internal/supervisor"
)

// An engine controls what another has started: it cancels, and both know who did.
func TestRunner_CancelsWhatItFinds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e := newEngine(t, newRunner(t, dir))
	id := start(t, e, sh(`trap 'echo bye; exit 5' TERM; echo one; while :; do sleep 0.02; done`), "one")
	f := mustFind(t, newRunner(t, dir), id)
	by := engine.Actor{Kind: engine.Human, Name: "somebody else"}
	if !f.control.Stop(engine.CauseCancel, by) {
		t.Error("Stop says that it did not end it")
	}
	end, stdout := f.end(t)
	if end.Cause != engine.CauseCancel || end.CancelledBy != by || end.ExitCode != 5 || stdout != "one\nbye\n" {
		t.Errorf("want cancelled by %v, with exit 5; got %+v, %q", by, end, stdout)
	}
	if !slices.Equal(f.phases, []engine.EventKind{engine.ExecutionStopping}) {
		t.Errorf("phases: %v", f.phases)
	}
	result := wait(t, e, id)
	if result.CancelledBy != by || result.Status != engine.Cancelled {
		t.Errorf("the engine that started it says %s by %v", result.Status, result.CancelledBy)
	}
}

// It types at it, and moves its deadline.
func TestRunner_WritesToWhatItFinds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e := newEngine(t, newRunner(t, dir))
	request := sh(`echo one; wc -c`)
	request.Interactive, request.Timeout = true, time.Minute
	id := start(t, e, request, "one")
	f := mustFind(t, newRunner(t, dir), id)
	began, ok := f.control.(interface {
		Began() (time.Time, time.Duration)
	})
	if !ok {
		t.Fatal("the control does not say when it began")
	}
	if at, timeout := began.Began(); timeout != time.Minute || time.Since(at) > time.Minute || time.Since(at) < 0 {
		t.Errorf("began at %v, for %v", at, timeout)
	}
	if !f.control.Extend(time.Hour) {
		t.Error("Extend says that it comes too late")
	}
	if _, timeout := began.Began(); timeout != time.Minute {
		t.Errorf("what was known at the beginning is %v now", timeout)
	}
	const many = 1 << 20 // more than one request carries
	n, err := f.control.Stdin().Write(patient(t), make([]byte, many))
	if n != many || err != nil {
		t.Errorf("%d bytes were taken: %v", n, err)
	}
	if err := f.control.Stdin().Close(patient(t)); err != nil {
		t.Error(err)
	}
	if _, stdout := f.end(t); strings.Fields(stdout)[1] != fmt.Sprint(many) {
		t.Errorf("it read %q", stdout)
	}
	later := mustFind(t, newRunner(t, dir), id)
	if later.control != nil {
		t.Error("it has ended, and there is a control")
	}
}

// Terminals of executions are in the supervisor, and have the size that anybody says.
func TestRunner_ResizesWhatItFinds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e := newEngine(t, newRunner(t, dir))
	request := sh(`echo one; read x; stty size`)
	request.Terminal = &engine.TerminalSize{Rows: 5, Cols: 6}
	id := start(t, e, request, "one\r")
	f := mustFind(t, newRunner(t, dir), id)
	if err := f.control.Resize(engine.TerminalSize{Rows: 7, Cols: 8}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.control.Stdin().Write(patient(t), []byte("\r")); err != nil {
		t.Fatal(err)
	}
	if _, stdout := f.end(t); !strings.Contains(stdout, "7 8") {
		t.Errorf("stty says %q", stdout)
	}
	wait(t, e, id)
	resized := false
	for ev, err := range e.Watch(patient(t), id, 0) {
		if err != nil {
			t.Fatal(err)
		}
		resized = resized || ev.Kind == engine.TerminalResized && ev.Size == engine.TerminalSize{Rows: 7, Cols: 8}
	}
	if !resized {
		t.Error("the engine that started it does not tell of the new size")
	}
}

// A recorder's executions are as open to others, and its engine tells of what they did.
func TestRecorder_IsFoundByOthers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r, err := supervisor.NewRecorder(supervisor.Options{Dir: dir, About: func(l *engine.Launch) (json.RawMessage, error) {
		return json.Marshal(l.Request.Actor.Name)
	}})
	if err != nil {
		t.Fatal(err)
	}
	e := newEngine(t, r)
	t.Cleanup(func() { _ = r.Close() })
	request := sh(`echo one; sleep 600`)
	request.Actor.Name = "me, or you"
	id := start(t, e, request, "one")
	if about := describedIn(t, dir, id).About; string(about) != `"me, or you"` {
		t.Errorf("about it is kept %s", about)
	}
	if err := e.AddSecrets(patient(t), id, "me, or"); err != nil {
		t.Error(err)
	}
	// Where it was still starting, its runner is told when that is through.
	about := describedIn(t, dir, id).About
	for ctx := patient(t); string(about) != `"[REDACTED] you"` && ctx.Err() == nil; {
		about = describedIn(t, dir, id).About
	}
	if string(about) != `"[REDACTED] you"` {
		t.Errorf("a secret that its engine added later is in %s", about)
	}
	f := mustFind(t, newRunner(t, dir), id)
	by := engine.Actor{Name: "you"}
	f.control.Kill(engine.CauseCancel, by)
	end, stdout := f.end(t)
	if end.CancelledBy != by || stdout != "one\n" {
		t.Errorf("found: %+v, %q", end, stdout)
	}
	if result := wait(t, e, id); result.CancelledBy != by || result.Stdout != "one\n" {
		t.Errorf("its own: %+v", result)
	}
}

// As many run in a directory as it has slots, whoever starts them; the others wait.
func TestRunner_WaitsForASlot(t *testing.T) {
	t.Parallel()
	dir, g := t.TempDir(), newGate(t)
	engines := make([]*engine.Engine, 2)
	for i := range engines {
		r, err := supervisor.New(supervisor.Options{Dir: dir, Slots: 1})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = r.Close() })
		engines[i] = newEngine(t, r)
	}
	first := start(t, engines[0], sh("echo one; "+awaitGate, string(g)), "one")
	second, err := engines[1].Execute(patient(t), sh(`test -e "$1"`, string(g)))
	if err != nil {
		t.Fatal(err)
	}
	if status, err := engines[1].Status(patient(t), second); err != nil || status != engine.Pending {
		t.Errorf("without a slot it is %s, %v", status, err)
	}
	g.open(t)
	for i, id := range []engine.ID{first, second} {
		if result := wait(t, engines[i], id); result.ExitCode != 0 {
			t.Errorf("%d: %+v", i, result)
		}
	}
}

// Nothing is left of what could not be started.
func TestRunner_LeavesNothingOfAFailedStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e := newEngine(t, newRunner(t, dir))
	path := dir + "/noprogram"
	if err := os.WriteFile(path, []byte("echo hi\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	id, err := e.Execute(patient(t), engine.Request{Command: engine.Exec(path)})
	if err != nil {
		t.Fatal(err)
	}
	if result := wait(t, e, id); result.Cause != engine.CauseSpawn || !strings.Contains(result.Error, "exec format error") {
		t.Errorf("want a failed start and the system's words; got %+v", result)
	}
	state, err := folder.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if active, err := state.Active(); err != nil || len(active) > 0 {
		t.Errorf("left: %v, %v", active, err)
	}
}

// The lines of the protocol, as version 1 has them: later programs speak with supervisors
// that were started before them. What a supervisor does not know it refuses, and goes on.
func TestProtocol_IsTheSame(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e := newEngine(t, newRunner(t, dir))
	id := start(t, e, sh(`trap '' TERM; echo one; while :; do sleep 0.02; done`), "one")
	conn, err := net.Dial("unix", describedIn(t, dir, id).Socket) //nolint:noctx // it is here or not
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	in := bufio.NewScanner(conn)
	read := func() string {
		if !in.Scan() {
			t.Fatalf("it hangs up: %v", in.Err())
		}
		return in.Text()
	}
	if want, got := fmt.Sprintf(`{"hello":{"version":1,"oldest":1,"execution_id":"%s"}}`, id), read(); want != got {
		t.Errorf("want %s, got %s", want, got)
	}
	if got := read(); !strings.HasPrefix(got, `{"started":{"at":"`) {
		t.Errorf("want started, got %s", got)
	}
	for request, want := range map[string]string{
		`{"number":1,"op":"of_tomorrow","data":"eA=="}`:              `{"answer":{"number":1,"problem":{"code":"unsupported","text":"the supervisor does not know the operation of_tomorrow"}}}`,
		`{"number":7,"op":"add_secrets","secrets":["aHVudGVyMg=="]}`: `{"answer":{"number":7}}`,
		`{"number":2,"op":"resize","size":{"rows":1,"cols":1}}`: `{"answer":{"number":2,"problem":{"code":"no_terminal",` +
			`"text":"execution has no terminal: it was started without"}}}`,
		`{"number":3,"op":"wake","cursor":0,"later":"field"}`:   `{"answer":{"number":3}}`,
		`{"number":4,"op":"write","data":"eA=="}`:               `{"answer":{"number":4,"problem":{"code":"no_stdin","text":"stdin is not open"}}}`,
		`{"number":5,"op":"extend","timeout_ns":3600000000000}`: `{"answer":{"number":5,"won":true}}`,
	} {
		if _, err := fmt.Fprintln(conn, request); err != nil {
			t.Fatal(err)
		}
		if got := read(); want != got {
			t.Errorf("%s: want %s, got %s", request, want, got)
		}
	}
	if _, err := fmt.Fprintln(conn, `{"number":6,"op":"kill","cause":"cancel","by":{"name":"x"}}`); err != nil {
		t.Fatal(err)
	}
	var last []string
	for in.Scan() {
		last = append(last, in.Text())
	}
	text := strings.Join(last, "\n")
	for _, want := range []string{
		`{"phase":"stopping"}`, `{"phase":"killing"}`, `{"answer":{"number":6,"won":true}}`, `{"ending":{"cause":"cancel","exit_code":-1,"signal":9,`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("want %s in\n%s", want, text)
		}
	}
}

// A state directory is made by who has checked where.
func TestNew_NeedsADirectory(t *testing.T) {
	t.Parallel()
	if _, err := supervisor.New(supervisor.Options{Dir: t.TempDir() + "/none"}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("want that it is not there, got %v", err)
	}
}
