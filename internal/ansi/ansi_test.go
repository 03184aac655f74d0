package ansi_test

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/escher-dbai/cloudops-engine/internal/ansi"
)

// shown is what a terminal gets of text that comes in pieces.
func shown(t *testing.T, pieces ...string) string {
	t.Helper()
	var out bytes.Buffer
	g := ansi.NewGuard(&out)
	for _, p := range pieces {
		if n, err := g.Write([]byte(p)); n != len(p) || err != nil {
			t.Fatalf("%d bytes of %d: %v", n, len(p), err)
		}
	}
	if err := g.Flush(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func bytewise(text string) []string { return strings.Split(text, "") }

func TestGuard_LetsThroughColoursAndMovesWithinALine(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"plain\ttext\r\n", "\x1b[31mred\x1b[0m", "\x1b[m", "\x1b[1;38;5;8mgrey 8\x1b[38;2;8;8;8m", "10%\r20%\x1b[K", "\x1b[3Cx\x1b[2Dy\x1b[1G\b",
		"grün, 日本語, 🙂", "\x1b[38:2::1:2:3m",
	} {
		if got := shown(t, text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestLOGI01_ShowsWhatATerminalWouldObey(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"\x1b]0;pwned\x07":                  "␛]0;pwned␇",
		"\x1b]52;c;cm0gLXJm\x07":            "␛]52;c;cm0gLXJm␇",
		"\x1b]8;;file:///etc\x1b\\x":        "␛]8;;file:///etc␛\\x",
		"\x1b[2J\x1b[H":                     "␛[2J␛[H",
		"\x1b[1A\x1b[2Kfake prompt$ ":       "␛[1A\x1b[2Kfake prompt$ ",
		"\x1b[8mhidden\x1b[0m":              "␛[8mhidden\x1b[0m",
		"\x1b[0;8m":                         "␛[0;8m",
		"\x1b[6n\x1b[c\x1b[>c":              "␛[6n␛[c␛[>c",
		"\x1bP+q544e\x1b\\":                 "␛P+q544e␛\\",
		"\x1bc\x1b(0\x1b7":                  "␛c␛(0␛7",
		"\x1b[?1049h\x1b[?25l":              "␛[?1049h␛[?25l",
		"\x05\x0e\x0f\x00\x7f":              "␅␎␏␀␡",
		"\u009b31m\u009d0;x\u009c":          "�31m�0;x�",
		"\x9b31m":                           "�31m",
		"ends in an \x1b":                   "ends in an ␛",
		"ends in an \x1b[31":                "ends in an ␛[31",
		"\x1b[31\x1b[32mgreen":              "␛[31\x1b[32mgreen",
		"\x1b[" + strings.Repeat("1;", 100): "␛[" + strings.Repeat("1;", 100),
		"cut \xc3":                          "cut �",
	} {
		if got := shown(t, text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
		if got := shown(t, bytewise(text)...); got != want {
			t.Errorf("%q byte by byte became %q, want %q", text, got, want)
		}
	}
}

func TestPlain(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"text\twith\xff": "text\twith\xff", "\x1b[1;31mred\x1b[0m!": "red!", "a\x1b]0;title\x07b": "ab",
		"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\": "link", "\r10%\r20%\r100%": "100%", "10%\r20%\r": "20%", "crlf\r": "crlf",
		"a\x00\x07b\x7f": "ab", "no end \x1b]0;x": "no end ", "": "",
	} {
		if got := string(ansi.Plain([]byte(text))); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

// Whatever comes and however it is split, a terminal gets no ESC but of what is
// harmless, no other control character, and valid UTF-8; and it is the same.
func FuzzGuard(f *testing.F) {
	f.Add("\x1b]0;pwned\x07\x1b[2J\x1b[8mhidden\x1b[0m\x1b[1A\x1b[2Kfake prompt$ \n", uint8(3))
	f.Add("\x1b[38;5;8m\u009b\x9b\xf0\x9f\x99\x82", uint8(1))
	f.Add("\x1b\x1b[\x1b[31\x1b[0", uint8(2))
	for _, digits := range []int{60, 61, 62, 63, 100} { // about as long as a sequence may be
		f.Add("\x1b["+strings.Repeat("3", digits)+"C", uint8(19))
		f.Add("\x1b["+strings.Repeat("3", digits)+"C", uint8(62))
	}
	f.Fuzz(func(t *testing.T, text string, size uint8) {
		var pieces []string
		for rest := text; rest != ""; {
			n := min(len(rest), int(size)+1)
			pieces, rest = append(pieces, rest[:n]), rest[n:]
		}
		whole, split := shown(t, text), shown(t, pieces...)
		if whole != split {
			t.Fatalf("%q: whole %q, in pieces of %d %q", text, whole, size+1, split)
		}
		if !utf8.ValidString(whole) {
			t.Fatalf("%q: %q is no UTF-8", text, whole)
		}
		for i, r := range whole {
			switch {
			case r == 0x1b && !strings.ContainsAny(whole[i:i+2], "["), r < 0x20 && !strings.ContainsRune("\x1b\n\r\t\b", r), r >= 0x7f && r <= 0x9f:
				t.Fatalf("%q: %q has %q at %d", text, whole, r, i)
			}
		}
		if got := ansi.Plain([]byte(text)); bytes.ContainsAny(got, "\x1b\r\a\b\x00") {
			t.Fatalf("%q is not plain: %q", text, got)
		}
	})
}
