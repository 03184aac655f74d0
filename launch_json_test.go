package engine_test

import (
	"context"
	"encoding/json"
	"io"
	"reflect"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/enginetest"
	"github.com/escher-dbai/cloudops-engine/internal/journal"
)

// passedOn is a runner whose launches have gone through JSON before a host starts them,
// as those have that a process of its own runs.
type passedOn struct {
	t    *testing.T
	host *engine.Host
	// alone has the host write the notes, into a record of its own, and none is
	// written by the engine.
	alone bool
	own   *engine.Journal // that record, where alone
}

func newPassedOn(t *testing.T) *passedOn {
	t.Helper()
	host, err := engine.NewHost("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := host.Close(); err != nil {
			t.Error(err)
		}
	})
	return &passedOn{t: t, host: host}
}

// Start starts what becomes of a launch on its way.
func (p *passedOn) Start(ctx context.Context, l *engine.Launch) (engine.Control, error) {
	data, err := json.Marshal(l)
	if err != nil {
		return nil, err
	}
	there := new(engine.Launch)
	if err := json.Unmarshal(data, there); err != nil {
		return nil, err
	}
	if again, err := json.Marshal(there); err != nil || string(again) != string(data) {
		p.t.Errorf("%v: a launch is\n%s and becomes\n%s", err, data, again)
	}
	there.Request.Tee, there.Request.StdinFrom = l.Request.Tee, l.Request.StdinFrom
	there.Journal, there.Started, there.Phase, there.Ended = l.Journal, l.Started, l.Phase, l.Ended
	if !p.alone {
		return p.host.Start(ctx, there)
	}
	there.Journal = journal.New(&journal.Options{})
	p.own = there.Journal
	there.Ended = func(end engine.Ending) {
		engine.EndRecord(there.Journal)
		l.Ended(end)
	}
	return p.host.StartAlone(ctx, there)
}

// A launch that went through JSON is the same launch: the suite of every runner holds.
func TestLaunch_IsTheSameThroughJSON(t *testing.T) {
	t.Parallel()
	enginetest.TestRunner(t, func(t *testing.T) engine.Runner { t.Helper(); return newPassedOn(t) })
}

// What the suite has no launch for: every field, and bytes that are no UTF-8.
func TestLaunch_HasAllOfIt(t *testing.T) {
	t.Parallel()
	want := engine.Launch{
		ID: engine.ID{1}, Path: "/b\xffin", Argv: []string{"a", "\xff"}, Env: []string{"B=\xfe"}, Dir: "/\xfd",
		Request: &engine.Request{
			ID: engine.ID{1}, Command: engine.Shell("true"), Timeout: 1, IdleTimeout: 2, QueueTimeout: 3, Grace: 4, WaitDelay: 5,
			Stdin: []byte{0xff}, Secrets: []string{"hunter2"},
		},
		AcceptedAt: time.Unix(1, 2).UTC(),
		Timeout:    engine.Forever, IdleTimeout: 7, Grace: 8, WaitDelay: 9, StopSignal: syscall.SIGINT,
		KillMode: engine.KillLeader, KeepBytes: 10, Oversize: engine.FailExecution, Terminal: &engine.TerminalSize{Rows: 1, Cols: 2},
	}
	data, err := json.Marshal(&want)
	if err != nil {
		t.Fatal(err)
	}
	var got engine.Launch
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	there, is := reflect.ValueOf(want), reflect.ValueOf(got)
	for i := range there.NumField() {
		field := there.Type().Field(i)
		switch field.Name {
		case "Journal", "Mask", "Started", "Phase", "Masked", "Ended": // no data
			continue
		}
		if !field.IsExported() {
			continue // the suite proves those
		}
		if there.Field(i).IsZero() {
			t.Errorf("%s is not in this test", field.Name)
		}
		if diff := cmp.Diff(there.Field(i).Interface(), is.Field(i).Interface(), cmp.AllowUnexported(engine.ShellCommand{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", field.Name, diff)
		}
	}
	wantError(t, "a launch of a later version", json.Unmarshal([]byte(`{"version":99}`), &got), engine.ErrInvalid)
}

// An ending is the same through JSON, whatever it says.
func TestEnding_IsTheSameThroughJSON(t *testing.T) {
	t.Parallel()
	text := rapid.String()
	number := rapid.Int64Range(0, 1<<40)
	when := rapid.Custom(func(t *rapid.T) time.Time { return time.Unix(0, rapid.Int64Range(1, 1<<61).Draw(t, "ns")).UTC() })
	micros := rapid.Custom(func(t *rapid.T) time.Duration { return time.Duration(number.Draw(t, "us")) * time.Microsecond })
	rapid.Check(t, func(t *rapid.T) {
		want := engine.Ending{
			Cause: engine.Cause(text.Draw(t, "cause")), ExitCode: rapid.IntRange(-1, 255).Draw(t, "code"),
			Signal: syscall.Signal(rapid.IntRange(0, 64).Draw(t, "signal")), Error: text.Draw(t, "error"),
			CancelledBy: engine.Actor{Kind: engine.Human, Name: text.Draw(t, "name")},
			Started:     when.Draw(t, "started"), Ended: when.Draw(t, "ended"),
			Forced: rapid.Bool().Draw(t, "forced"), OutputIncomplete: rapid.Bool().Draw(t, "incomplete"), Swept: rapid.Int().Draw(t, "swept"),
			Survivors:   []engine.Survivor{{Pid: rapid.Int().Draw(t, "pid"), Command: text.Draw(t, "command")}},
			Containment: text.Draw(t, "containment"), LimitsHit: rapid.SliceOfN(text, 1, 3).Draw(t, "limits"), Masks: number.Draw(t, "masks"),
			SHA256: [2]string{text.Draw(t, "out"), text.Draw(t, "err")}, LogError: text.Draw(t, "log"),
			Unenforced: rapid.SliceOfN(text, 1, 3).Draw(t, "unenforced"), LogPath: text.Draw(t, "log path"),
			Usage: engine.Usage{
				UserTime: micros.Draw(t, "user"), SystemTime: micros.Draw(t, "system"), PeakBytes: number.Draw(t, "peak"),
				Voluntary: number.Draw(t, "v"), Involuntary: number.Draw(t, "i"), ReadBlocks: number.Draw(t, "r"), WriteBlocks: number.Draw(t, "w"),
			},
		}
		data, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got engine.Ending
		if err := json.Unmarshal(data, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(engine.Ending{})); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

// Where a host is alone with a record, it notes what an engine would have.
func TestHost_NotesWhatAnEngineWould(t *testing.T) {
	t.Parallel()
	p := newPassedOn(t)
	p.alone = true
	controls := make(chan engine.Control, 1)
	e := open(t, engine.Config{Runner: watchedStart{p, controls}})
	request := bash(`trap "" HUP; echo ready; while :; do sleep 0.01; done`)
	request.Terminal, request.Grace = &engine.TerminalSize{Rows: 10, Cols: 20}, time.Millisecond
	id := start(t, e, request)
	control := <-controls
	awaitOutput(t, p.own)
	for range 2 { // the second changes nothing
		if err := control.Resize(engine.TerminalSize{Rows: 30, Cols: 40}); err != nil {
			t.Fatal(err)
		}
		if !control.Extend(time.Hour) {
			t.Error("Extend says that it comes too late")
		}
	}
	control.Stop(engine.CauseCancel, engine.Actor{})
	end(t, e, id)
	var got []uint8
	buf := make([]journal.Record, 16)
	for at := int64(0); ; {
		n, next, err := p.own.Read(t.Context(), at, buf)
		if err == io.EOF { //nolint:errorlint // Read returns it as it is
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range buf[:n] {
			if r.Kind == journal.Note {
				got = append(got, r.Code)
			}
		}
		at = next
	}
	if want := engine.Codes("started", "resized", "extended", "stopping", "killing", "ended"); !cmp.Equal(want, got) {
		t.Errorf("notes: want %v, got %v", want, got)
	}
}

// awaitOutput waits until something was written.
func awaitOutput(t *testing.T, j *journal.Journal) {
	t.Helper()
	var buf [1]journal.Record
	for at := int64(0); buf[0].Kind != journal.Output || buf[0].Width == 0; {
		var err error
		if _, at, err = j.Read(t.Context(), at, buf[:]); err != nil {
			t.Fatal(err)
		}
	}
}

// watchedStart is a runner that hands out the controls.
type watchedStart struct {
	engine.Runner
	controls chan engine.Control
}

// Start starts it.
func (w watchedStart) Start(ctx context.Context, l *engine.Launch) (engine.Control, error) {
	control, err := w.Runner.Start(ctx, l)
	w.controls <- control
	return control, err
}
