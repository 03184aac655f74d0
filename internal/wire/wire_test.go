package wire_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	engine "github.com/escher-dbai/cloudops-engine"
	pb "github.com/escher-dbai/cloudops-engine/gen/cloudops/v1"
	"github.com/escher-dbai/cloudops-engine/internal/wire"
)

// over is a message as the other side gets it: by way of its bytes.
func over[M any, P interface {
	*M
	proto.Message
}](t interface{ Fatal(args ...any) }, m P) P {
	data, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	got := P(new(M))
	if err := proto.Unmarshal(data, got); err != nil {
		t.Fatal(err)
	}
	return got
}

// must is a value whose making cannot fail.
func must[T any](t *rapid.T) func(T, error) T {
	return func(v T, err error) T {
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func same[T any](t *rapid.T, want, got T) {
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("what came is not what went (-want +got):\n%s", diff)
	}
}

func TestRequest_ComesAsItWent(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := draw[engine.Request](t)
		if want.Timeout > 0 && rapid.Bool().Draw(t, "for ever") {
			want.Timeout = engine.Forever
		}
		m := must[*pb.ExecuteRequest](t)(wire.EncodeRequest(want))
		got := must[engine.Request](t)(wire.DecodeRequest(over(t, m)))
		want.Trace = engine.Trace{} // it goes in headers
		same(t, string(must[[]byte](t)(want.MarshalJSON())), string(must[[]byte](t)(got.MarshalJSON())))
		same(t, want.Timeout, got.Timeout)
		same(t, want.Command.String(), got.Command.String())
		same(t, want.Stdin, got.Stdin)
	})
}

func TestExecution_ComesAsItWent(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := draw[engine.Page](t)
		same(t, want, must[engine.Page](t)(wire.DecodePage(over(t, wire.EncodePage(&want)))))
	})
}

func TestResult_ComesAsItWent(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := draw[engine.Result](t)
		want.Stdout = string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
		want.Duration += time.Duration(rapid.IntRange(0, 999_999).Draw(t, "nanoseconds"))
		m := must[*pb.Result](t)(wire.EncodeResult(&want, true))
		same(t, want, must[engine.Result](t)(wire.DecodeResult(over(t, m))))
		m = must[*pb.Result](t)(wire.EncodeResult(&want, false))
		want.Stdout, want.Stderr = "", ""
		same(t, want, must[engine.Result](t)(wire.DecodeResult(over(t, m))))
	})
}

// A record comes without the output of its result, and without a request that is whole: who
// asks gets no secrets.
func TestRecord_ComesWithoutSecrets(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := engine.Record{Execution: draw[engine.Execution](t), Request: draw[engine.Request](t), Whole: rapid.Bool().Draw(t, "whole")}
		want.Request.Trace = engine.Trace{} // of that run, and of no other
		if rapid.Bool().Draw(t, "ended") {
			r := draw[engine.Result](t)
			want.Result = &r
		}
		m := must[*pb.RecordResponse](t)(wire.EncodeRecord(&want))
		got := must[engine.Record](t)(wire.DecodeRecord(over(t, m)))
		same(t, want.Execution, got.Execution)
		same(t, want.Whole, got.Whole)
		if want.Result != nil {
			want.Result.Stdout, want.Result.Stderr = "", ""
		}
		same(t, want.Result, got.Result)
		if want.Whole {
			same(t, engine.Request{}, got.Request)
		} else {
			same(t, string(must[[]byte](t)(want.Request.MarshalJSON())), string(must[[]byte](t)(got.Request.MarshalJSON())))
		}
	})
}

// drawEvent makes an event of any kind, with the fields of its kind.
func drawEvent(t *rapid.T) engine.Event {
	all := draw[engine.Event](t)
	ev := engine.Event{ExecutionID: all.ExecutionID, Time: all.Time, Cursor: all.Cursor}
	ev.Kind = rapid.SampledFrom([]engine.EventKind{
		engine.ExecutionAccepted, engine.ExecutionStarted, engine.ExecutionStatusChanged, engine.ExecutionStopping, engine.ExecutionKilling,
		engine.StdoutWritten, engine.StderrWritten, engine.TerminalResized, engine.DeadlineExtended, engine.OutputSkipped,
		engine.EventsMissed, engine.PlanProgressed, engine.ExecutionCompleted, engine.ExecutionFailed, engine.ExecutionTimedOut,
	}).Draw(t, "kind")
	switch ev.Kind {
	case engine.StdoutWritten, engine.StderrWritten:
		ev.Line, ev.Number, ev.Partial, ev.Continues, ev.Unended = all.Line, all.Number, all.Partial, all.Continues, all.Unended
	case engine.TerminalResized:
		ev.Size = all.Size
	case engine.DeadlineExtended:
		ev.Deadline = all.Deadline
	case engine.OutputSkipped:
		ev.Gap = all.Gap
	case engine.EventsMissed:
		ev.Missed = all.Missed
	case engine.PlanProgressed:
		ev.Progress = all.Progress
	default:
		ev.Command, ev.Result, ev.Error, ev.Timeout = all.Command, all.Result, all.Error, all.Timeout
		ev.OldStatus, ev.NewStatus = all.OldStatus, all.NewStatus
	}
	return ev
}

func TestEvent_ComesAsItWent(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := drawEvent(t)
		m := must[*pb.Event](t)(wire.EncodeEvent(&want, true))
		same(t, want, must[engine.Event](t)(wire.DecodeEvent(over(t, m))))
	})
}

func TestOutput_ComesAsItWent(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		piece := draw[engine.Output](t)
		same(t, piece, must[engine.Output](t)(wire.DecodeOutput(over(t, wire.EncodeOutput(&piece)))))
		line := draw[engine.Line](t)
		same(t, line, must[engine.Line](t)(wire.DecodeLine(over(t, wire.EncodeLine(&line)))))
		query := draw[engine.LineQuery](t)
		same(t, query, must[engine.LineQuery](t)(wire.DecodeLineQuery(over(t, wire.EncodeLineQuery(&query)))))
	})
}

func TestFilter_ComesAsItWent(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		filter := draw[engine.Filter](t)
		same(t, filter, must[engine.Filter](t)(wire.DecodeFilter(over(t, wire.EncodeFilter(&filter)))))
		deletion := draw[engine.Deletion](t)
		same(t, deletion, must[engine.Deletion](t)(wire.DecodeDeletion(over(t, wire.EncodeDeletion(&deletion)))))
	})
}

func TestCounts_ComeAsTheyWent(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		stats := draw[engine.Stats](t)
		m := must[*pb.Stats](t)(wire.EncodeStats(stats))
		same(t, stats, must[engine.Stats](t)(wire.DecodeStats(over(t, m))))
		able := draw[engine.Capabilities](t)
		c := must[*pb.Capabilities](t)(wire.EncodeCapabilities(able))
		same(t, able, must[engine.Capabilities](t)(wire.DecodeCapabilities(over(t, c))))
	})
}

// What only a program can have, what no number has room for, and what JSON would change is
// refused before it leaves.
func TestEncodeRequest_RefusesWhatCannotGo(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		change func(*engine.Request)
		want   error
	}{
		"a reader":       {func(r *engine.Request) { r.StdinFrom = strings.NewReader("") }, engine.ErrUnsupported},
		"a tee":          {func(r *engine.Request) { r.Tee = func(engine.Stream, []byte) {} }, engine.ErrUnsupported},
		"a month":        {func(r *engine.Request) { r.Timeout = 31 * 24 * time.Hour }, engine.ErrTimeoutTooLarge},
		"a label":        {func(r *engine.Request) { r.Metadata.Source = "\xff" }, engine.ErrInvalid},
		"a variable":     {func(r *engine.Request) { r.Env = map[string]string{"A": `\` + "\xff"} }, engine.ErrInvalid},
		"a bad argument": {func(r *engine.Request) { r.Command = engine.Exec("a", "\xff") }, engine.ErrInvalidCommand},
	} {
		r := engine.Request{Command: engine.Exec("true")}
		c.change(&r)
		if _, err := wire.EncodeRequest(r); !errors.Is(err, c.want) {
			t.Errorf("%s: want %v, got %v", what, c.want, err)
		}
	}
	for _, text := range []string{"\ufffd", `\ufffd`, `\\ufffd`} {
		if _, err := wire.EncodeRequest(engine.Request{Command: engine.Exec("true"), WorkingDir: text}); err != nil {
			t.Errorf("%q is UTF-8: %v", text, err)
		}
	}
}

// A duration below a millisecond is not none.
func TestEncodeRequest_RoundsUpToAMillisecond(t *testing.T) {
	t.Parallel()
	m, err := wire.EncodeRequest(engine.Request{Command: engine.Exec("true"), Timeout: time.Microsecond})
	if err != nil || m.GetTimeoutMs() != 1 {
		t.Errorf("got %d ms, %v", m.GetTimeoutMs(), err)
	}
}

// The rules of the engine's JSON hold in whatever a request comes.
func TestDecodeRequest_IsStrict(t *testing.T) {
	t.Parallel()
	unknown := &pb.ExecuteRequest{Command: &pb.Command{Type: new("shell"), Command: new("true")}, Limits: &pb.Limits{}}
	unknown.Limits.ProtoReflect().SetUnknown([]byte{0xf8, 0x3f, 1}) // field 1023
	for what, c := range map[string]struct {
		m    *pb.ExecuteRequest
		want error
	}{
		"a field of another kind":  {&pb.ExecuteRequest{Command: &pb.Command{Type: new("shell"), Command: new("true"), Program: new("x")}}, engine.ErrInvalidCommand},
		"an unknown kind":          {&pb.ExecuteRequest{Command: &pb.Command{Type: new("perl")}}, engine.ErrInvalidCommand},
		"a duration of 0":          {&pb.ExecuteRequest{TimeoutMs: new(int32(0))}, engine.ErrInvalid},
		"a limit of 0":             {&pb.ExecuteRequest{Limits: &pb.Limits{MemoryBytes: new(int64(0))}}, engine.ErrInvalid},
		"two kinds of stdin":       {&pb.ExecuteRequest{Stdin: new("a"), StdinBase64: []byte("b")}, engine.ErrInvalid},
		"no id":                    {&pb.ExecuteRequest{Id: "../../etc/passwd"}, engine.ErrInvalid},
		"rows of another terminal": {&pb.ExecuteRequest{Terminal: &pb.TerminalSize{Rows: math.MaxUint32}}, engine.ErrInvalid},
		"a field of tomorrow":      {unknown, engine.ErrInvalid},
	} {
		if r, err := wire.DecodeRequest(c.m); !errors.Is(err, c.want) {
			t.Errorf("%s: want %v, got %v, %v", what, c.want, r, err)
		}
	}
}

// A client may be older than the daemon: what it does not know of an answer is left out.
func TestDecodeResult_PassesOverWhatIsNew(t *testing.T) {
	t.Parallel()
	m := &pb.Result{Id: "019a5c1e-7a4b-7c3d-9e2f-0123456789ab", Usage: &pb.Usage{ReadBlocks: new(int64(7))}}
	m.Usage.ProtoReflect().SetUnknown([]byte{0xf8, 0x3f, 1})
	if r, err := wire.DecodeResult(m); err != nil || r.Usage.ReadBlocks != 7 {
		t.Errorf("got %+v, %v", r, err)
	}
}

func FuzzDecodeRequest(f *testing.F) {
	for _, r := range []engine.Request{
		{Command: engine.Shell("echo hi"), Timeout: time.Second, Stdin: []byte{0xff}},
		{Command: engine.Terraform("apply").Var("a", "b"), Limits: engine.Limits{CPUs: 0.5, MemoryBytes: 1 << 30}},
	} {
		m, err := wire.EncodeRequest(r)
		if err != nil {
			f.Fatal(err)
		}
		data, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte{0xf8, 0x3f, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		m := &pb.ExecuteRequest{}
		if proto.Unmarshal(data, m) != nil {
			return
		}
		r, err := wire.DecodeRequest(m)
		if err != nil {
			if !errors.Is(err, engine.ErrInvalid) {
				t.Errorf("an error that blames nobody: %v", err)
			}
			return
		}
		if _, err := wire.EncodeRequest(r); err != nil {
			t.Errorf("what was read cannot be written: %v", err)
		}
	})
}
