package enginetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	engine "github.com/escher-dbai/cloudops-engine"
)

func recordCases() []one {
	return []one{
		{"TellsInOrder", "events come in the order of a life, their cursors never go back, and the last carries the result", tellsInOrder},
		{"ResumesAnywhere", "a reader that comes back with the cursor of the last event it saw gets exactly the rest", resumesAnywhere},
		{"OutputIsBytes", "Output gives each stream in the bytes it was written in: NUL, CR, invalid UTF-8, no last newline", outputIsBytes},
		{"OutputResumesAnywhere", "Output from any cursor on is exactly the rest", outputResumes},
		{"FollowsLive", "a reader gets what is written while the execution runs", followsLive},
		{"ManyReaders", "any number of readers get the same record", manyReaders},
		{"ReadersMayLeave", "a reader that breaks off or whose context ends is no burden, and its error is the context's", readersMayLeave},
		{"BeyondTheEnd", "a cursor behind the end of a record that has ended is ErrBeyondEnd", beyondTheEnd},
		{"TruncationIsTold", "what a limit left out is a gap as wide as the bytes it stands for, and the counts say so", truncationIsTold},
	}
}

func tellsInOrder(b *bench) {
	t := b.t
	id := b.start(t, sh("echo one; echo two; exit 4"))
	events := b.events(t, id, 0)
	var kinds []string
	var at engine.Cursor
	for _, ev := range events {
		kinds = append(kinds, string(ev.Kind))
		if ev.Cursor < at {
			t.Errorf("%s: cursor %d after %d", ev.Kind, ev.Cursor, at)
		}
		at = ev.Cursor
		want(t, "execution of "+string(ev.Kind), id, ev.ExecutionID)
	}
	want(t, "kinds", "accepted status_changed started"+strings.Repeat(" stdout", 2)+" status_changed failed", strings.Join(kinds, " "))
	r := b.end(t, id)
	last := events[len(events)-1]
	if last.Result == nil {
		t.Fatal("the last event has no result")
	}
	want(t, "the result of the last event", asJSON(t, r), asJSON(t, last.Result))
	want(t, "the end of the record", r.Cursor, last.Cursor)
}

func resumesAnywhere(b *bench) {
	t := b.t
	id := b.start(t, sh(`for i in 1 2 3 4 5; do echo "out $i"; echo "err $i" >&2; done; printf 'no newline'`))
	b.end(t, id)
	all := b.events(t, id, 0)
	for i, ev := range all {
		rest := all[i+1:]
		got := b.events(t, id, ev.Cursor)
		if ev.Unended && len(got) == len(rest)+1 {
			got = got[1:] // it has no end to stand behind: it is given again rather than lost
		}
		want(t, fmt.Sprintf("the rest after event %d, a %s at %d", i, ev.Kind, ev.Cursor), asJSON(t, rest), asJSON(t, got))
	}
}

func outputIsBytes(b *bench) {
	t := b.t
	id := b.start(t, sh(`printf 'a\0b\r\n\377\376\n\nlast'; printf '\303(' >&2`))
	b.end(t, id)
	got := b.output(t, id, 0)
	want(t, "stdout", "a\x00b\r\n\xff\xfe\n\nlast", got[engine.Stdout])
	want(t, "stderr", "\xc3(", got[engine.Stderr])
	r := b.end(t, id)
	want(t, "bytes of stdout", int64(len(got[engine.Stdout])), r.Output.StdoutBytes)
	want(t, "lines of stdout", 4, r.Output.StdoutLines)
}

func outputResumes(b *bench) {
	t := b.t
	id := b.start(t, sh(`for i in 1 2 3 4 5 6 7 8 9; do printf "$i"; done`))
	end := b.end(t, id).Cursor
	all := b.output(t, id, 0)[engine.Stdout]
	want(t, "the whole", "123456789", all)
	seen := make(map[string]bool)
	for from := engine.Cursor(0); from <= end; from++ {
		rest := b.output(t, id, from)[engine.Stdout]
		if !strings.HasSuffix(all, rest) {
			t.Errorf("from %d: %q is no end of %q", from, rest, all)
		}
		seen[rest] = true
	}
	want(t, "ends of the output that some cursor gives", len(all)+1, len(seen))
}

func followsLive(b *bench) {
	t := b.t
	g := newGate(t)
	id := b.start(t, sh(`echo first; `+awaitGate+`echo second`, string(g)))
	var lines []string
	for ev, err := range b.Watch(patient(t), id, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if ev.Kind != engine.StdoutWritten {
			continue
		}
		lines = append(lines, string(ev.Line))
		if len(lines) == 1 {
			g.open(t) // it ends only when its first line has come here
		}
	}
	want(t, "lines", "first second", strings.Join(lines, " "))
}

func manyReaders(b *bench) {
	t := b.t
	g := newGate(t)
	id := b.start(t, sh(awaitGate+`i=0; while [ $i -lt 500 ]; do echo "line $i"; i=$((i+1)); done`, string(g)))
	var readers sync.WaitGroup
	got := make([]string, 20)
	for i := range got {
		readers.Go(func() {
			for o, err := range b.Output(patient(t), id, 0) {
				if err != nil {
					t.Errorf("reader %d: %v", i, err)
				}
				got[i] += string(o.Data)
			}
		})
	}
	g.open(t)
	readers.Wait()
	whole := b.end(t, id).Stdout
	for i := range got {
		want(t, fmt.Sprintf("what reader %d got", i), whole, got[i])
	}
}

func readersMayLeave(b *bench) {
	t := b.t
	g := newGate(t)
	id := b.start(t, sh(`echo one; `+awaitGate, string(g)))
	for _, err := range b.Watch(patient(t), id, 0) {
		want(t, "the first thing of Watch", nil, err)
		break
	}
	for _, err := range b.Output(patient(t), id, 0) {
		want(t, "the first thing of Output", nil, err)
		break
	}
	ctx, cancel := context.WithCancel(patient(t))
	var last error
	for ev, err := range b.Watch(ctx, id, 0) {
		last = err
		if ev.Kind == engine.StdoutWritten {
			cancel()
		}
	}
	cancel()
	if !errors.Is(last, context.Canceled) {
		t.Errorf("the last thing of a reader whose context ended: want its error, got %v", last)
	}
	g.open(t)
	want(t, "status", engine.Completed, b.end(t, id).Status)
}

func beyondTheEnd(b *bench) {
	t := b.t
	r := b.do(t, sh("echo one"))
	for _, err := range b.Watch(patient(t), r.ID, r.Cursor+1) {
		if !errors.Is(err, engine.ErrBeyondEnd) {
			t.Errorf("Watch: want ErrBeyondEnd, got %v", err)
		}
	}
	for _, err := range b.Output(patient(t), r.ID, r.Cursor+1) {
		if !errors.Is(err, engine.ErrBeyondEnd) {
			t.Errorf("Output: want ErrBeyondEnd, got %v", err)
		}
	}
	want(t, "events at the very end", 0, len(b.events(t, r.ID, r.Cursor)))
}

func truncationIsTold(b *bench) {
	t := b.t
	const total, keep = 100_000, 1000
	request := sh(fmt.Sprintf("head -c %d /dev/zero | tr '\\0' x", total))
	request.Limits.OutputBytes = keep
	id := b.start(t, request)
	r := b.end(t, id)
	want(t, "status", engine.Completed, r.Status)
	want(t, "truncated", true, r.Output.Truncated)
	want(t, "bytes in all", total, r.Output.StdoutBytes)
	var kept, skipped int64
	for o, err := range b.Output(patient(t), id, 0) {
		if err != nil {
			t.Fatal(err)
		}
		kept += int64(len(o.Data))
		skipped += o.Skipped
	}
	want(t, "bytes kept", total-r.Output.StdoutOmittedBytes, kept)
	want(t, "bytes in gaps", r.Output.StdoutOmittedBytes, skipped)
	if kept > keep || kept == 0 {
		t.Errorf("%d bytes are kept of at most %d", kept, keep)
	}
	if !strings.Contains(r.Stdout, "left out") {
		t.Errorf("the text of the result does not say what is missing: %.80s…", r.Stdout)
	}
}
