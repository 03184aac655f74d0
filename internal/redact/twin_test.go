package redact_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/escher-dbai/cloudops-engine/internal/redact"
)

// twin masks a whole text in the simplest way: mark every byte of every match,
// then write one mask for each run of matches that overlap.
func twin(values []string, text string) string {
	forms := redact.Forms(values)
	reach := 0 // behind the last byte of the matches so far
	var masked strings.Builder
	for i := range len(text) {
		longest := 0
		for _, form := range forms {
			if strings.HasPrefix(text[i:], form) {
				longest = max(longest, len(form))
			}
		}
		if longest > 0 {
			if i >= reach {
				masked.WriteString(redact.Mask)
			}
			reach = max(reach, i+longest)
		}
		if i >= reach {
			masked.WriteByte(text[i])
		}
	}
	return masked.String()
}

// pieces writes a text in pieces and returns what came out. Each piece is
// overwritten afterwards, as a buffer is that is read into again.
func pieces(set *redact.Set, texts ...string) string {
	var out strings.Builder
	emit := func(p []byte) { out.Write(p) }
	st := set.Stream()
	for _, text := range texts {
		p := []byte(text)
		st.Write(p, emit)
		for i := range p {
			p[i] = '!'
		}
	}
	st.Flush(emit)
	return out.String()
}

// cut cuts a text into pieces of random length, some of them empty.
func cut(text string, random *rand.Rand) []string {
	var list []string
	for len(text) > 0 {
		n := min(random.IntN(1+random.IntN(40)), len(text))
		list = append(list, text[:n])
		text = text[n:]
	}
	return list
}

// masks checks what becomes of a text, whole and in all kinds of pieces.
func masks(t *testing.T, set *redact.Set, text, want string) {
	t.Helper()
	if got := set.String(text); got != want {
		t.Errorf("String(%.1000q)\n got %.1000q\nwant %.1000q", text, got, want)
	}
	if got := pieces(set, text); got != want {
		t.Errorf("in one write: %.1000q\n got %.1000q\nwant %.1000q", text, got, want)
	}
	if got := pieces(set, strings.Split(text, "")...); got != want {
		t.Errorf("byte by byte: %.1000q\n got %.1000q\nwant %.1000q", text, got, want)
	}
	random := rand.New(rand.NewPCG(5, uint64(len(text))))
	for range 20 {
		list := cut(text, random)
		if got := pieces(set, list...); got != want {
			t.Fatalf("in pieces: %.1000q\n got %.1000q\nwant %.1000q", list, got, want)
		}
	}
}

// noneIn checks that nothing of the list is in a text.
func noneIn(t *testing.T, text string, list []string) {
	t.Helper()
	if i := slices.IndexFunc(list, func(s string) bool { return strings.Contains(text, s) }); i >= 0 {
		t.Errorf("%q is left in %q", list[i], text)
	}
}
