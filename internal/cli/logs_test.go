package cli_test

import (
	"os"
	"strings"
	"sync"
	"testing"

	engine "github.com/escher-dbai/cloudops-engine"
)

func TestLogs_ShowsWhatWasWrittenByteForByte(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.did(`printf 'a\r\nb\377\000\n\nlast'; printf 'e1\ne2\n' >&2`)
	got := h.says(0, "logs", "@last")
	wantText(t, "stdout", "a\r\nb\xff\x00\n\nlast", got.stdout)
	wantText(t, "stderr", "e1\ne2\n", got.stderr)
	got = h.says(0, "logs", "-f", "@last")
	wantText(t, "stdout, followed", "a\r\nb\xff\x00\n\nlast", got.stdout)
	got = h.says(0, "logs", "--stream", "stderr", "--tail", "1", "@last")
	wantText(t, "the tail of stderr", "e2\n", got.stderr+got.stdout)
	wantText(t, "text alone", "a\nb\xff\n\nlast", h.says(0, "logs", "--plain", "--stream", "stdout", "@last").stdout)
}

func TestLogs_ChoosesLines(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.did("seq 1 20")
	for want, args := range map[string][]string{
		"19\n20\n":         {"--tail", "2"},
		"":                 {"-n", "0"},
		"10\n20\n":         {"--grep", "0$"},
		"20\n":             {"--grep", "0$", "--tail", "3"},
		"1\n2\n3\n4\n5\n6": {"--since", "1h", "--until", "2100-01-01"},
	} {
		got := h.says(0, append([]string{"logs", "@last"}, args...)...).stdout
		if got != want && (want == "" || len(got) < 40 || !strings.HasPrefix(got, want)) {
			t.Errorf("%v: want %q, got %q", args, want, got)
		}
		followed := h.says(0, append([]string{"logs", "-f", "@last"}, args...)...).stdout
		wantText(t, "followed, "+strings.Join(args, " "), got, followed)
	}
	wantText(t, "none before", "", h.says(0, "logs", "--until", "1h", "@last").stdout)
	faults := h.says(125, "logs", "--since", "yesterday", "--grep", "(", "--tail", "-1", "--stream", "stdin", "--raw", "--plain", "@last")
	wantHas(t, "faults", faults.stderr, "error: --since:", "error: --grep:", "error: --tail:", "error: --stream:", "error: --raw")
	stamped := h.says(0, "logs", "-t", "--tail", "1", "@last").stdout
	if stamp, rest, _ := strings.Cut(stamped, " "); rest != "20\n" || len(stamp) != len("2006-01-02T15:04:05.000Z") {
		t.Errorf("a line with its time is %q", stamped)
	}
}

func TestLogs_AreEvents(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	id := h.did("printf 'a\\nb'; echo e >&2")
	kinds := func(args ...string) string {
		var all []string
		for line := range strings.Lines(h.says(0, args...).stdout) {
			e := parse[engine.Event](t, line)
			if e.ExecutionID != id {
				t.Errorf("the event %s is of another execution", line)
			}
			all = append(all, string(e.Kind)+":"+string(e.Line))
		}
		return strings.Join(all, " ")
	}
	if got := kinds("logs", "--json", "@last"); strings.Count(got, "stdout:") != 2 || strings.Count(got, ":") != 3 {
		t.Errorf("logs --json: %s", got)
	}
	if got := kinds("logs", "-f", "--json", "@last"); !strings.HasPrefix(got, "accepted: status_changed: started: ") || !strings.HasSuffix(got, " completed:") ||
		strings.Count(got, "stdout:") != 2 {
		t.Errorf("logs -f --json: %s", got)
	}
	if got := kinds("logs", "-f", "--json", "--tail", "1", "--stream", "stdout", "@last"); got != "stdout:b status_changed: completed:" {
		t.Errorf("logs -f --json --tail 1: %s", got)
	}
}

func TestLogs_FollowGoesOnWhereTheLinesEnd(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{}, {"--tail", "1"}, {"-t"}, {"--grep", "."}, {"--since", "1h"}, {"--json"}} {
		h := newHome(t)
		path, open := h.gate()
		h.start("echo one; printf 'two '; until [ -e " + path + " ]; do sleep 0.01; done; echo three; printf four")
		h.until(func() bool { return strings.Contains(h.says(0, "logs", "@last").stdout, "two ") })
		seen := make(chan said)
		var following sync.WaitGroup
		following.Go(func() { seen <- h.cloudops("", append([]string{"logs", "-f", "@last"}, args...)...) })
		open()
		got := <-seen
		following.Wait()
		text := got.stdout
		if len(args) > 0 && args[0] == "-t" {
			text = ""
			for line := range strings.Lines(got.stdout) {
				_, line, _ = strings.Cut(line, " ")
				text += line
			}
			text = strings.TrimSuffix(text, "\n")
		}
		want := "one\ntwo three\nfour"
		switch {
		case len(args) == 0, args[0] == "-t", args[0] == "--since":
			wantText(t, strings.Join(args, " "), want, text)
		case args[0] == "--grep":
			wantText(t, "--grep", want+"\n", text)
		case args[0] == "--tail":
			if !strings.HasSuffix(want, text) || !strings.HasSuffix(text, "four") {
				t.Errorf("--tail: %q", text)
			}
		case args[0] == "--json":
			if n := strings.Count(text, `"line":"two three"`); n != 1 {
				t.Errorf("--json has the line %d times: %s", n, text)
			}
		}
	}
}

func TestLogs_OfSeveralComeByTimeAndSayWhatTheyAreOf(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	step := make(map[string]func())
	after := func(line string) string {
		path, open := h.gate()
		step[line] = open
		return "until [ -e " + path + " ]; do sleep 0.002; done; echo " + line + "; "
	}
	a, b := h.start("echo a1; "+after("a2")), h.start(after("b1")+after("b2"))
	for i, line := range []string{"a1", "b1", "a2", "b2"} { // the time of a line is when we have read it
		if i > 0 {
			step[line]()
		}
		of := map[byte]engine.ID{'a': a, 'b': b}[line[0]]
		h.until(func() bool { return strings.HasSuffix(h.says(0, "logs", of.String()).stdout, line+"\n") })
	}
	h.ended(a)
	h.ended(b)
	got := h.says(0, "logs", a.String(), b.String()).stdout
	var lines []string
	for line := range strings.Lines(got) {
		prefix, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " | ")
		if owner := map[byte]engine.ID{'a': a, 'b': b}[text[0]]; !strings.HasPrefix(owner.String(), prefix) {
			t.Errorf("line %q is not of %s", line, owner)
		}
		lines = append(lines, text)
	}
	wantText(t, "the order", "a1 b1 a2 b2", strings.Join(lines, " "))
	followed := h.says(0, "logs", "-f", a.String(), b.String()).stdout
	wantText(t, "followed", got, followed)
}

func TestLogs_SayWhatALimitLeftOut(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.did("seq 1 100000", func(r *engine.Request) { r.Limits.OutputBytes = 4096 })
	got := h.says(0, "logs", "@last")
	if !strings.HasPrefix(got.stdout, "1\n2\n") || !strings.HasSuffix(got.stdout, "\n99999\n100000\n") {
		t.Errorf("head and tail are not both there: %.40q … %q", got.stdout, got.stdout[len(got.stdout)-20:])
	}
	wantHas(t, "what is missing", got.stderr, "note: not kept: ", " lines of stdout\n")
	if got := h.says(0, "logs", "--tail", "3", "@last"); got.stderr != "" || got.stdout != "99998\n99999\n100000\n" {
		t.Errorf("the tail is whole: %+v", got)
	}
	wantHas(t, "with prefixes", h.says(0, "logs", "-t", "@last").stderr, " lines of stdout\n")
}

func TestLogs_SayThatAllWasLetGo(t *testing.T) {
	t.Parallel()
	h := newHome(t, func(c *engine.Config) { c.MaxMemoryBytes = 1 << 20 })
	id := h.did("echo 1; echo 2; echo e >&2")
	h.did("seq 1 500000") // so that there is no room for it
	for _, args := range [][]string{{"logs"}, {"logs", "-f"}, {"logs", "-t"}} {
		h.until(func() bool { return h.says(0, append(args, id.String())...).stdout == "" })
		got := h.says(0, append(args, id.String())...)
		wantText(t, strings.Join(args, " "), "note: not kept: 2 lines of stdout\nnote: not kept: 1 line of stderr\n", got.stderr)
	}
}

func TestLogs_ThatCannotBeWrittenAreAnError(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("there is no device that is full")
	}
	defer func() { _ = full.Close() }()
	h := newHome(t)
	h.did("echo hello")
	for _, args := range [][]string{{"logs", "@last"}, {"logs", "-t", "@last"}, {"logs", "-f", "--json", "@last"}} {
		code, stderr := h.into(full, args...)
		if code != 125 || stderr != "error: write stdout: no space left on device\n" {
			t.Errorf("%v: %d, %q", args, code, stderr)
		}
	}
}
