package events

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	engine "github.com/escher-dbai/cloudops-engine"
)

// ConsoleOptions are how a [Console] writes. The zero value writes no times and no
// colors.
type ConsoleOptions struct {
	// Color marks endings and stderr by the ANSI sequences of a terminal. Whether w
	// is one is for the caller to know.
	Color bool
	// Time is the layout of the local time before each line, such as
	// time.TimeOnly. Empty: no time.
	Time string
}

// Printer is an engine.EventHandler that writes lines for people. Made by
// [Console]; it is safe for concurrent use.
type Printer struct {
	options ConsoleOptions

	mu  sync.Mutex
	w   io.Writer
	err error
}

// Console returns a handler that writes to w a line for each event, with the last
// eight digits of the execution's id:
//
//	[b41ce2a7] accepted: make deploy
//	[b41ce2a7] started
//	[b41ce2a7] out: line 1
//	[b41ce2a7] err: warning: line 2
//	[b41ce2a7] failed after 2.1s: exit code 3
//
// Changes of status are left out, as other events tell them, and so are lines
// without an end, which come again whole. Control bytes and what is not UTF-8 are
// shown as \x1b: no command can color or take over the terminal.
//
// The lines of one call are one write. After a write that fails nothing more is
// written; see [Printer.Err].
func Console(w io.Writer, o ConsoleOptions) *Printer { return &Printer{w: w, options: o} }

// HandleEvents writes events.
func (p *Printer) HandleEvents(events []engine.Event) {
	var out bytes.Buffer
	for i := range events {
		p.line(&out, &events[i])
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil || out.Len() == 0 {
		return
	}
	_, p.err = p.w.Write(out.Bytes())
}

// Err returns the error of the write that failed, or nil.
func (p *Printer) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// line adds the line of one event, if it has one.
func (p *Printer) line(out *bytes.Buffer, ev *engine.Event) {
	text, color := describe(ev)
	if text == "" {
		return
	}
	if p.options.Time != "" {
		out.WriteString(ev.Time.In(time.Local).Format(p.options.Time))
		out.WriteByte(' ')
	}
	if id := ev.ExecutionID; id != (engine.ID{}) {
		fmt.Fprintf(out, "[%x] ", id[len(id)-4:])
	}
	if p.options.Color && color != "" {
		out.WriteString(color + text + plain)
	} else {
		out.WriteString(text)
	}
	out.WriteByte('\n')
}

// What colors a text, and what ends it.
const (
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	plain  = "\x1b[0m"
)

// describe is an event in words, and its color; nothing for one that says nothing
// new.
func describe(ev *engine.Event) (text, color string) {
	switch ev.Kind {
	case engine.ExecutionAccepted:
		return "accepted: " + visible([]byte(ev.Command)), ""
	case engine.ExecutionStarted:
		return "started", ""
	case engine.StdoutWritten, engine.StderrWritten:
		return describeLine(ev)
	case engine.ExecutionStopping:
		return "stopping: asked to end", yellow
	case engine.ExecutionKilling:
		return "killing", yellow
	case engine.TerminalResized:
		return fmt.Sprintf("terminal resized: %d rows, %d columns", ev.Size.Rows, ev.Size.Cols), ""
	case engine.DeadlineExtended:
		return describeExtension(ev.Deadline), ""
	case engine.OutputSkipped:
		return fmt.Sprintf("%d bytes of %s are no longer there", ev.Gap.Bytes, ev.Gap.Stream), yellow
	case engine.EventsMissed:
		return describeMissed(ev.Missed), yellow
	case engine.PlanProgressed:
		return describeProgress(ev.Progress), ""
	case engine.ExecutionStatusChanged:
		return "", ""
	case engine.ExecutionCompleted, engine.ExecutionFailed, engine.ExecutionCancelled,
		engine.ExecutionTimedOut, engine.ExecutionRejected, engine.ExecutionLost:
		return describeEnding(ev)
	}
	return string(ev.Kind), "" // one that is newer than this
}

func describeLine(ev *engine.Event) (text, color string) {
	switch {
	case ev.Partial:
		return "", ""
	case ev.Kind == engine.StderrWritten:
		return "err: " + visible(ev.Line), yellow
	}
	return "out: " + visible(ev.Line), ""
}

func describeExtension(deadline time.Time) string {
	if deadline.IsZero() {
		return "more time given"
	}
	return "more time given: until " + deadline.In(time.Local).Format(time.RFC3339)
}

func describeMissed(m engine.Missed) string {
	switch {
	case m.Executions == 0:
		return fmt.Sprintf("%d events missed", m.Events)
	case m.Events == 0:
		return fmt.Sprintf("%d executions missed", m.Executions)
	}
	return fmt.Sprintf("%d events and %d executions missed", m.Events, m.Executions)
}

func describeProgress(p *engine.Progress) string {
	if p == nil {
		return ""
	}
	text := fmt.Sprintf("plan %s: %d of %d", p.PlanID, p.Completed, p.Total)
	if p.CurrentCommand != "" {
		text += ": " + visible([]byte(p.CurrentCommand))
	}
	return text
}

func describeEnding(ev *engine.Event) (text, color string) {
	text, color = string(ev.Kind), red
	if ev.Kind == engine.ExecutionCompleted {
		color = green
	}
	if r := ev.Result; r != nil && !r.StartedAt.IsZero() {
		text += " after " + r.Duration.Round(time.Millisecond).String()
	}
	if ev.Error != "" {
		text += ": " + visible([]byte(ev.Error))
	}
	return text, color
}

// visible is text as a terminal shows it and does not obey it.
func visible(text []byte) string {
	out := make([]byte, 0, len(text))
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		switch {
		case r == '\t' || r != utf8.RuneError && strconv.IsGraphic(r):
			out = append(out, text[:n]...)
		case r == utf8.RuneError && n == 1:
			out = fmt.Appendf(out, `\x%02x`, text[0])
		default:
			quoted := strconv.QuoteRuneToASCII(r)
			out = append(out, quoted[1:len(quoted)-1]...)
		}
		text = text[n:]
	}
	return string(out)
}
