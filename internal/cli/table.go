package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode"

	"golang.org/x/term"
)

// column is one of a table.
type column struct {
	title string
	right bool // its cells stand at the right
	// spare columns are left out where the last one has no room, the highest first.
	spare int
}

// cell is one text of a table, and how it is painted.
type cell struct {
	text  string
	paint func(string) string
}

// table is what is shown in columns. The last column takes the room that is left.
type table struct {
	columns []column
	rows    [][]cell
	// width is that of the terminal; 0: there is none, and nothing is cut.
	width int
}

// roomForLast is how wide the last column is to be at least, before others go.
const roomForLast = 20

func (t *table) add(cells ...cell) { t.rows = append(t.rows, cells) }

// write shows the table with a line of titles.
func (t *table) write(w io.Writer) {
	for _, line := range t.lines() {
		say(w, "%s\n", line)
	}
}

// lines are the table's lines, the titles first.
func (t *table) lines() []string {
	for t.width > 0 && t.room() < roomForLast && t.drop() {
		continue
	}
	titles := make([]cell, len(t.columns))
	for i, c := range t.columns {
		titles[i] = cell{text: c.title}
	}
	widths := t.widths()
	lines := []string{t.line(titles, widths)}
	for _, row := range t.rows {
		lines = append(lines, t.line(row, widths))
	}
	return lines
}

// widths are those of all columns but the last.
func (t *table) widths() []int {
	widths := make([]int, len(t.columns)-1)
	for i := range widths {
		widths[i] = columns(t.columns[i].title)
		for _, row := range t.rows {
			widths[i] = max(widths[i], columns(row[i].text))
		}
	}
	return widths
}

const betweenColumns = 2

// room is what is left for the last column.
func (t *table) room() int {
	room := t.width
	for _, w := range t.widths() {
		room -= w + betweenColumns
	}
	return room
}

// drop leaves out the column that can be spared most.
func (t *table) drop() bool {
	most := 0
	for i, c := range t.columns {
		if c.spare > t.columns[most].spare {
			most = i
		}
	}
	if t.columns[most].spare == 0 {
		return false
	}
	t.columns = append(t.columns[:most:most], t.columns[most+1:]...)
	for i, row := range t.rows {
		t.rows[i] = append(row[:most:most], row[most+1:]...)
	}
	return true
}

// leastForLast is how wide the last column is where nothing can be spared any more.
const leastForLast = 8

// line is one row. Where even the columns that cannot be spared have no room it is cut as
// a whole, and not painted.
func (t *table) line(row []cell, widths []int) string {
	texts := make([]string, len(row))
	for i, c := range row {
		texts[i] = c.text
		if i == len(widths) {
			continue
		}
		blanks := strings.Repeat(" ", max(0, widths[i]-columns(c.text)))
		if texts[i] += blanks; t.columns[i].right {
			texts[i] = blanks + c.text
		}
	}
	last := len(row) - 1
	if t.width > 0 {
		texts[last] = cut(texts[last], max(t.room(), leastForLast))
	}
	gap := strings.Repeat(" ", betweenColumns)
	if plain := strings.TrimRight(strings.Join(texts, gap), " "); t.width > 0 && columns(plain) > t.width {
		return cut(plain, t.width)
	}
	for i, c := range row {
		if c.paint != nil {
			texts[i] = c.paint(texts[i])
		}
	}
	return strings.TrimRight(strings.Join(texts, gap), " ")
}

// widthOf is the width of a terminal, 0 for what is none.
func widthOf(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok || !isTerminal(f) {
		return 0
	}
	const usual = 80
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || width <= 0 {
		return usual
	}
	return width
}

// cut makes a text at most so many columns wide, and says by … that it went on.
func cut(text string, width int) string {
	if columns(text) <= width {
		return text
	}
	if width <= 0 {
		return ""
	}
	at, used := 0, 0
	for i, r := range text {
		w := runeColumns(r)
		if used+w > width-1 {
			break
		}
		used += w
		at = i + len(string(r))
	}
	return text[:at] + "…"
}

// columns is how wide a text is on a terminal.
func columns(text string) int {
	n := 0
	for _, r := range text {
		n += runeColumns(r)
	}
	return n
}

// wide are the letters that take two columns, roughly: those of East Asia, and pictures.
var wide = &unicode.RangeTable{ //nolint:gochecknoglobals // a constant, if tables could be
	R16: []unicode.Range16{
		{0x1100, 0x115f, 1},
		{0x2e80, 0x303e, 1},
		{0x3041, 0xa4cf, 1},
		{0xac00, 0xd7a3, 1},
		{0xf900, 0xfaff, 1},
		{0xfe30, 0xfe6f, 1},
		{0xff00, 0xff60, 1},
		{0xffe0, 0xffe6, 1},
	},
	R32: []unicode.Range32{{0x1f300, 0x1f64f, 1}, {0x1f680, 0x1f6ff, 1}, {0x1f900, 0x1faff, 1}, {0x20000, 0x3fffd, 1}},
}

func runeColumns(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	case unicode.Is(wide, r):
		return 2
	}
	return 1
}

// oneLine makes a line of a text that a stranger wrote, such as a command: line breaks
// become ⏎, and what a terminal would obey is shown.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return '⏎'
		case r == '\t':
			return ' '
		case r < 0x20:
			return 0x2400 + r
		case r == 0x7f:
			return '␡'
		case r >= 0x80 && r < 0xa0, unicode.Is(unicode.Cf, r), unicode.In(r, unicode.Zl, unicode.Zp):
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// brief is a duration in at most six letters.
func brief(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < 0:
		return "0s"
	case d < time.Second:
		return fmt.Sprintf("%dms", d/time.Millisecond)
	case d < 10*time.Second:
		return fmt.Sprintf("%.1fs", d.Truncate(100*time.Millisecond).Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	case d < day:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%dd%02dh", d/day, d%day/time.Hour)
}

// age is how long ago a time was, in one unit.
func age(t, now time.Time) string {
	const day = 24 * time.Hour
	d := max(now.Sub(t), 0)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < 2*day:
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	return fmt.Sprintf("%dd", d/day)
}

// exact is a time as JSON has it, to the second; "" for none.
func exact(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
