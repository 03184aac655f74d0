package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

// What a terminal is told.
const (
	enterScreen = "\x1b[?1049h\x1b[?25l"
	leaveScreen = "\x1b[?25h\x1b[?1049l"
	goHome      = "\x1b[H"
	clearLine   = "\x1b[K"
	clearBelow  = "\x1b[J"
	reversed    = "\x1b[7m"
	plainAgain  = "\x1b[0m"
)

// draw shows it all.
func (s *screen) draw() {
	width, height := s.size()
	lines := s.frame(width, height, time.Now())
	var frame strings.Builder
	frame.WriteString(goHome)
	for i, line := range lines {
		frame.WriteString(line + clearLine)
		if i < len(lines)-1 {
			frame.WriteString("\r\n")
		}
	}
	frame.WriteString(clearBelow)
	_, _ = io.WriteString(s.out, frame.String()) // a terminal that has gone is heard by its keys
}

// frame is what the screen shows: a title, the table around the row that is selected,
// and at the bottom the keys, a question or what happened.
func (s *screen) frame(width, height int, now time.Time) []string {
	style := styleOf(s.out, s.noColour)
	running := 0
	for i := range s.rows {
		if s.rows[i].Status == engine.Running {
			running++
		}
	}
	title := fmt.Sprintf("cloudops  %d running, %d waiting  %s", running, len(s.rows)-running, clock(now))
	at, _ := s.at()
	t := topTable(s.rows, now, width, style)
	if len(s.rows) > 0 {
		for i := range t.rows[at] {
			t.rows[at][i].paint = nil
		}
	}
	table := t.lines()
	lines := []string{cut(title, width), cut(table[0], width)}
	room := max(height-len(lines)-1, 0)
	first := min(max(at-room/2, 0), max(len(s.rows)-room, 0))
	for i := first; i < min(first+room, len(s.rows)); i++ {
		line := table[i+1]
		if i == at {
			line = reversed + line + strings.Repeat(" ", max(0, width-columns(line))) + plainAgain
		}
		lines = append(lines, line)
	}
	for len(lines) < height-1 {
		lines = append(lines, "")
	}
	if height < 2 {
		return lines[:1]
	}
	return append(lines[:height-1], s.bottom(width, style))
}

// bottom is the last line of the screen.
func (s *screen) bottom(width int, style style) string {
	_, x := s.at()
	switch {
	case s.failed != nil:
		return style.red(cut(oneLine(s.failed.Error()), width))
	case s.asking != "" && x != nil:
		verb := "cancel"
		if s.asking == "K" {
			verb = "kill"
		}
		return style.yellow(cut(fmt.Sprintf("%s %s (%s)? y/N", verb, x.ID, oneLine(x.Command)), width))
	case s.message != "":
		return style.cyan(cut(s.message, width))
	}
	return cut("↑↓ select  ⏎ output  c cancel  K kill  q quit", width)
}
