//go:build linux

package engine_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

// written is all that an execution wrote, as its readers got it: the bytes of each
// stream, and the events of its lines.
type written struct {
	result engine.Result
	bytes  [2]bytes.Buffer
	lines  [2][]engine.Event
}

// write runs a line of bash with a reader of its bytes and one of its lines, who
// follow it live.
func write(t *testing.T, e *engine.Engine, r engine.Request) *written {
	t.Helper()
	w, id, done := &written{}, start(t, e, r), make(chan struct{})
	go func() {
		defer close(done)
		for o, err := range e.Output(context.WithoutCancel(t.Context()), id, 0) {
			if err != nil || o.Skipped > 0 {
				t.Errorf("output: %v, %d bytes are missing", err, o.Skipped)
			}
			w.bytes[o.Stream].Write(o.Data)
		}
	}()
	for _, ev := range watched(t, e, id, 0) {
		switch ev.Kind {
		case engine.StdoutWritten:
			w.lines[engine.Stdout] = append(w.lines[engine.Stdout], ev)
		case engine.StderrWritten:
			w.lines[engine.Stderr] = append(w.lines[engine.Stderr], ev)
		default:
		}
	}
	<-done
	w.result = end(t, e, id)
	return w
}

// texts are the lines of stdout.
func (w *written) texts() []string {
	var all []string
	for _, ev := range w.lines[engine.Stdout] {
		all = append(all, string(ev.Line))
	}
	return all
}

// wantOutput checks the bytes of stdout, and its lines.
func (w *written) wantOutput(t *testing.T, output string, lines ...string) {
	t.Helper()
	if got := w.bytes[engine.Stdout].String(); got != output || w.result.Stdout != output {
		t.Errorf("want the bytes %.200q, got %.200q, and %.200q in the result", output, got, w.result.Stdout)
	}
	if got := w.texts(); fmt.Sprintf("%q", got) != fmt.Sprintf("%q", lines) {
		t.Errorf("want the lines %.200q, got %.200q", lines, got)
	}
	if got := w.result.Output; got.StdoutBytes != int64(len(output)) || got.StdoutLines != int64(len(lines)) {
		t.Errorf("want %d bytes and %d lines counted, got %+v", len(output), len(lines), got)
	}
}

func TestIO01_PartialLastLine(t *testing.T) {
	t.Parallel()
	w := write(t, open(t, engine.Config{}), bash(`printf 'a\nb'`))
	w.wantOutput(t, "a\nb", "a", "b")
	if lines := w.lines[engine.Stdout]; lines[0].Unended || !lines[1].Unended {
		t.Errorf("want the second line alone marked, got %+v", lines)
	}
}

func TestIO02_NothingAndOnlyNewlines(t *testing.T) {
	t.Parallel()
	e := open(t, engine.Config{})
	write(t, e, bash(`printf '\n\n\n'`)).wantOutput(t, "\n\n\n", "", "", "")
	write(t, e, bash(`:`)).wantOutput(t, "")
}

func TestIO03_CarriageReturns(t *testing.T) {
	t.Parallel()
	w := write(t, open(t, engine.Config{}), bash(`printf 'a\r\nb\rc\r\r\nd'`))
	w.wantOutput(t, "a\r\nb\rc\r\r\nd", "a\r", "b\rc\r\r", "d")
}

// A progress bar is seen while it is drawn, as updates of one line, and PlainText
// says what it shows.
func TestIO04_ProgressWithoutANewline(t *testing.T) {
	t.Parallel()
	g := plant(t)
	e := open(t, engine.Config{})
	id := start(t, e, g.bash(`for i in 1 2 3; do printf '\rprogress %d%%' $i; done; exec sleep 300`))
	seen := until(t, e, id, func(ev engine.Event) bool { return ev.Partial && bytes.HasSuffix(ev.Line, []byte("3%")) })
	if got := string(engine.PlainText(seen.Line)); got != "progress 3%" || seen.Number != 1 {
		t.Errorf("want the first line to show progress 3%%, got %q, number %d", got, seen.Number)
	}
	cancel(t, e, id, engine.Cancellation{Force: true})
	if r := end(t, e, id); r.Stdout != "\rprogress 1%\rprogress 2%\rprogress 3%" {
		t.Errorf("want the bytes kept, got %q", r.Stdout)
	}
}

func TestIO05_AByteAtATime(t *testing.T) {
	t.Parallel()
	// Two gates: of one the second reader could meet the first writer, just leaving.
	first, second := filepath.Join(t.TempDir(), "first"), filepath.Join(t.TempDir(), "second")
	fifo(t, first)
	fifo(t, second)
	e := open(t, engine.Config{})
	r := bash(`printf x; read < "$1"; printf y; read < "$2"; printf z`, first, second)
	r.Redact = engine.RedactValues // else the x would be held back: xoxb-… begins so
	id := start(t, e, r)
	for i, so := range []string{"x", "xy"} { // it goes on only when that was seen
		until(t, e, id, func(ev engine.Event) bool { return ev.Partial && string(ev.Line) == so })
		gate := []string{first, second}[i]
		if err := os.WriteFile(gate, []byte("\n"), 0); err != nil {
			t.Fatal(err)
		}
	}
	if r := end(t, e, id); r.Stdout != "xyz" || r.Output.StdoutBytes != 3 {
		t.Errorf("want three bytes, got %q", r.Stdout)
	}
}

// wantWidths checks how long the lines of stdout are.
func wantWidths(t *testing.T, line string, widths ...int) {
	t.Helper()
	w := write(t, open(t, engine.Config{}), bash(line))
	var got []int
	for _, text := range w.texts() {
		got = append(got, len(text))
	}
	if fmt.Sprint(got) != fmt.Sprint(widths) {
		t.Errorf("want lines of %v bytes, got %v", widths, got)
	}
}

func TestIO06_The64KiBBoundary(t *testing.T) {
	t.Parallel()
	wantWidths(t, `for n in 65534 65535 65536 65537 131072; do head -c $n /dev/zero | tr '\0' X; echo; done`,
		65534, 65535, 65536, 65537, 131072)
}

func TestIO07_The16KiBBoundary(t *testing.T) {
	t.Parallel()
	wantWidths(t, `for n in 16383 16384 16385; do head -c $n /dev/zero | tr '\0' Y; echo; done`, 16383, 16384, 16385)
}

// hashing is a tee that hashes stdout.
func hashing(r *engine.Request) hash.Hash {
	h := sha256.New()
	r.Tee = func(s engine.Stream, p []byte) {
		if s == engine.Stdout {
			_, _ = h.Write(p) // it never fails
		}
	}
	return h
}

// sumOf is the hash of n bytes of one letter.
func sumOf(letter byte, n int64) []byte {
	h, block := sha256.New(), bytes.Repeat([]byte{letter}, 1<<16)
	for ; n > 0; n -= int64(len(block)) {
		_, _ = h.Write(block[:min(n, int64(len(block)))]) // it never fails
	}
	return h.Sum(nil)
}

// endless runs a command that writes n bytes of one letter without a newline, with
// a reader, and checks that all of it passed and little of it is in memory.
func endless(t *testing.T, line string, letter byte, n int64) {
	t.Helper()
	e := open(t, engine.Config{})
	r := bash(line, fmt.Sprint(n))
	h := hashing(&r)
	id := start(t, e, r)
	var got, most int64
	for o, err := range e.Output(t.Context(), id, 0) {
		if err != nil {
			t.Fatal(err)
		}
		got += int64(len(o.Data)) + o.Skipped
		most = max(most, stats(t, e).OutputBytes)
	}
	result := end(t, e, id)
	if !result.Success || got != n || result.Output.StdoutBytes != n || !result.Output.Truncated {
		t.Errorf("want %d bytes, cut; got %d, %s, %+v", n, got, result.Status, result.Output)
	}
	if !bytes.Equal(h.Sum(nil), sumOf(letter, n)) {
		t.Error("the tee got other bytes")
	}
	if most > 12<<20 {
		t.Errorf("%d bytes were in memory at once", most)
	}
}

func TestIO09_OneLineOf100MB(t *testing.T) {
	t.Parallel()
	endless(t, `head -c "$1" /dev/zero | tr '\0' x`, 'x', int64(times(100, 24))<<20)
}

func TestIO28_TwoGigabytesOfZeros(t *testing.T) {
	t.Parallel()
	endless(t, `head -c "$1" /dev/zero`, 0, int64(times(2048, 64))<<20)
}

func TestIO10_AMillionLines(t *testing.T) {
	t.Parallel()
	n := times(1_000_000, 100_000)
	w := write(t, open(t, engine.Config{}), bash(`seq 1 "$1"`, fmt.Sprint(n)))
	for i, text := range w.texts() {
		if text != fmt.Sprint(i+1) {
			t.Fatalf("line %d is %q", i+1, text)
		}
	}
	if got := w.result.Output.StdoutLines; got != int64(n) || len(w.texts()) != n {
		t.Errorf("want %d lines, got %d, and %d counted", n, len(w.texts()), got)
	}
}

func TestIO12_NUL(t *testing.T) {
	t.Parallel()
	e := open(t, engine.Config{})
	w := write(t, e, bash(`printf 'a\0b\n\0\0\n'`))
	w.wantOutput(t, "a\x00b\n\x00\x00\n", "a\x00b", "\x00\x00")
	for l, err := range e.Lines(t.Context(), w.result.ID, engine.LineQuery{Last: 1}) {
		if string(l.Text) != "\x00\x00" || err != nil {
			t.Errorf("the last line: %q, %v", l.Text, err)
		}
	}
}

func TestIO13_InvalidUTF8(t *testing.T) {
	t.Parallel()
	w := write(t, open(t, engine.Config{}), bash(`printf 'ok1\n\xff\xfe\xc3(\nok2\n'`))
	if got := fmt.Sprintf("%q", w.texts()); got != `["ok1" "\xff\xfe\xc3(" "ok2"]` {
		t.Errorf("got %s", got)
	}
	json, err := w.lines[engine.Stdout][1].MarshalJSON()
	if err != nil || !strings.Contains(string(json), `"line":"\ufffd\ufffd\ufffd("`) || !strings.Contains(string(json), `"line_base64":"//7DKA=="`) {
		t.Errorf("want it visible in JSON, and its bytes beside it; got %s, %v", json, err)
	}
}

func TestIO16_BothStreams(t *testing.T) {
	t.Parallel()
	n := times(10_000, 2000)
	w := write(t, open(t, engine.Config{}), bash(`for ((i = 1; i <= $1; i++)); do echo o$i; echo e$i >&2; done`, fmt.Sprint(n)))
	for s, letter := range []string{"o", "e"} {
		var cursor engine.Cursor
		for i, ev := range w.lines[s] {
			if string(ev.Line) != fmt.Sprint(letter, i+1) || ev.Number != int64(i+1) || ev.Cursor <= cursor {
				t.Fatalf("line %d of stream %d: %q, number %d, cursor %d behind %d", i+1, s, ev.Line, ev.Number, ev.Cursor, cursor)
			}
			cursor = ev.Cursor
		}
		if len(w.lines[s]) != n {
			t.Errorf("stream %d has %d lines, want %d", s, len(w.lines[s]), n)
		}
	}
}

func TestIO17_ConcurrentWriters(t *testing.T) {
	t.Parallel()
	n := times(5000, 1000)
	w := write(t, open(t, engine.Config{}), bash(
		`for j in 1 2 3 4; do (for ((i = 1; i <= $1; i++)); do echo "w$j-$i-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"; done) & done; wait`, fmt.Sprint(n)))
	whole := regexp.MustCompile(`^w[1-4]-[0-9]+-x{40}$`)
	for _, text := range w.texts() {
		if !whole.MatchString(text) {
			t.Errorf("a torn line: %q", text)
		}
	}
	if got := len(w.texts()); got != 4*n {
		t.Errorf("want %d lines, got %d", 4*n, got)
	}
}

func TestIO18_SIGPIPEIsDefaultInTheChild(t *testing.T) {
	t.Parallel()
	write(t, open(t, engine.Config{}), bash(`yes | head -n 1; echo "${PIPESTATUS[0]}"`)).wantOutput(t, "y\n141\n", "y", "141")
}

func TestIO19_OutputLimitAndAnEndlessWriter(t *testing.T) {
	t.Parallel()
	const limit = 1 << 20
	g := plant(t)
	r := g.bash("yes")
	r.Limits = engine.Limits{OutputBytes: limit, Oversize: engine.FailExecution}
	result := do(t, open(t, engine.Config{}), r)
	wantEnding(t, result, ending{engine.Failed, engine.CauseOutputLimit, false, engine.Actor{}})
	if kept := result.Output.StdoutBytes - result.Output.StdoutOmittedBytes; kept != limit || !strings.Contains(result.Stdout, "left out") {
		t.Errorf("want exactly %d bytes kept, and a marker; got %d", limit, kept)
	}
	g.ended(t)
}

func TestIO23_OutputThatLooksLikeControlMessages(t *testing.T) {
	t.Parallel()
	w := write(t, open(t, engine.Config{}), bash(
		`echo '::add-mask::x'; echo '##vso[task.setvariable]'; echo '{"type":"exited","exit_code":0}'; echo 'event: done'; exit 9`))
	w.wantOutput(t, "::add-mask::x\n##vso[task.setvariable]\n{\"type\":\"exited\",\"exit_code\":0}\nevent: done\n",
		"::add-mask::x", "##vso[task.setvariable]", `{"type":"exited","exit_code":0}`, "event: done")
	if w.result.ExitCode != 9 {
		t.Errorf("want exit code 9, got %d", w.result.ExitCode)
	}
}

// What rotates here are segments of 64 KiB: a follower goes through hundreds.
func TestIO24_FollowAcrossSegments(t *testing.T) {
	t.Parallel()
	n := times(3_000_000, 300_000)
	r := bash(`seq 1 "$1"`, fmt.Sprint(n))
	r.Limits.OutputBytes = 64 << 20
	h := hashing(&r)
	w := write(t, open(t, engine.Config{}), r)
	if sum := sha256.Sum256(w.bytes[engine.Stdout].Bytes()); !bytes.Equal(sum[:], h.Sum(nil)) || len(w.texts()) != n {
		t.Errorf("want %d lines and the bytes that were written, got %d", n, len(w.texts()))
	}
}

func TestIO27_TimesAndOrder(t *testing.T) {
	t.Parallel()
	w := write(t, open(t, engine.Config{}), bash(`for i in $(seq 1 1000); do echo $i; done`))
	var before engine.Event
	for i, ev := range w.lines[engine.Stdout] {
		if ev.Number != int64(i+1) || ev.Cursor <= before.Cursor || ev.Time.Before(before.Time) || ev.Time.Location() != time.UTC {
			t.Fatalf("line %d: number %d, cursor %d behind %d, %v behind %v", i+1, ev.Number, ev.Cursor, before.Cursor, ev.Time, before.Time)
		}
		before = ev
	}
}
