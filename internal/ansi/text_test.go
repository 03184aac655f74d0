package ansi_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/escher-dbai/cloudops-engine/internal/ansi"
)

// textOf is what a Text makes of what is written in these pieces.
func textOf(t *testing.T, pieces ...string) string {
	t.Helper()
	var out bytes.Buffer
	w := ansi.NewText(&out)
	for _, p := range pieces {
		if n, err := w.Write([]byte(p)); n != len(p) || err != nil {
			t.Errorf("write %q: %d, %v", p, n, err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Error(err)
	}
	return out.String()
}

func TestText_IsPlainLineByLine(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"\x1b[31mred\x1b[0m\nplain\n":         "red\nplain\n",
		"10%\r50%\r100%\ndone\r\n":            "100%\ndone\n",
		"\n\n":                                "\n\n",
		"no newline \x1b[1mat the end\x1b[0m": "no newline at the end",
		"title \x1b]0;x\nnext\n":              "title \nnext\n",
		"":                                    "",
	} {
		if got := textOf(t, text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
		if got := textOf(t, strings.Split(text, "")...); got != want {
			t.Errorf("%q, a byte at a time, became %q, want %q", text, got, want)
		}
	}
}

// A line without end does not stay in memory: it comes in pieces.
func TestText_OfALineWithoutEnd(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	w := ansi.NewText(&out)
	for range 64 {
		if _, err := w.Write(bytes.Repeat([]byte("x"), 64<<10)); err != nil {
			t.Fatal(err)
		}
	}
	if got := out.Len(); got < 2<<20 || bytes.Count(out.Bytes(), []byte("x")) != got {
		t.Errorf("of 4 MiB of a line %d bytes were passed on", got)
	}
}

// Behind it may be a guard, which holds something too.
func TestText_FlushesTheGuardBehind(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	w := ansi.NewText(ansi.NewGuard(&out))
	if _, err := w.Write([]byte("a\u009bb\xe2\x82")); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil || out.String() != "a\ufffdb\ufffd\ufffd" {
		t.Errorf("got %q, %v", out.String(), err)
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.ErrUnsupported }

func TestText_TellsWhatWentWrong(t *testing.T) {
	t.Parallel()
	w := ansi.NewText(brokenWriter{})
	if _, err := w.Write([]byte("held")); err != nil {
		t.Errorf("nothing was passed on yet: %v", err)
	}
	if err := w.Flush(); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("want the error of the writer behind, got %v", err)
	}
}
