package redact_test

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/escher-dbai/cloudops-engine/internal/redact"
)

// Over an alphabet of three letters, values overlap, nest and nearly match all
// the time. None of the letters is in the mask, so that no value can arise
// from what is left and a mask.
func TestRED19_AnySplitIsTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.StringMatching(`[abc]{1,14}`), 0, 6).Draw(t, "values")
		words := rapid.SliceOf(rapid.OneOf(
			rapid.StringMatching(`[abc ]{0,12}`),
			rapid.SampledFrom(append(values, " ")),
		)).Draw(t, "words")
		text := strings.Join(words, "")
		set := redact.New(values, redact.Options{})
		want := twin(values, text)

		if got := pieces(set, text); got != want {
			t.Fatalf("in one write: got %q, want %q", got, want)
		}
		list := cut(text, rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "split"), 0)))
		if got := pieces(set, list...); got != want {
			t.Fatalf("in pieces %q: got %q, want %q", list, got, want)
		}
		if got := set.String(text); got != want {
			t.Fatalf("String: got %q, want %q", got, want)
		}
		for _, value := range values {
			if len(value) >= redact.MinBytes && strings.Contains(want, value) {
				t.Fatalf("%q is left in %q", value, want)
			}
		}
	})
}

// Patterns, too, do not depend on the split. The words are pieces of patterns.
func TestRED19_AnySplitIsTheSameForPatterns(t *testing.T) {
	t.Parallel()
	words := append(redact.Begins(), "PRIVATE KEY", "-----", "-----END ", "-----BEGIN PRIVATE KEY-----", "\n", `\n`, " ", "/",
		":", "=", "@", ".", "-", "_", "a", "Z9", "abcdefgh", "ABCDEFGH12345678", "user", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "value1")
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOf(rapid.SampledFrom(words)).Draw(t, "words"), "")
		set := redact.New([]string{"value1", "a:value1@"}, redact.Options{Patterns: true})
		want := pieces(set, text)
		if got := set.String(text); got != want {
			t.Fatalf("%q\nString: got %q, want %q", text, got, want)
		}
		if got := pieces(set, strings.Split(text, "")...); got != want {
			t.Fatalf("%q\nbyte by byte: got %q, want %q", text, got, want)
		}
		list := cut(text, rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "split"), 0)))
		if got := pieces(set, list...); got != want {
			t.Fatalf("in pieces %q: got %q, want %q", list, got, want)
		}
	})
}

// FuzzStream compares the stream with its twin: values are the lines of the
// first argument.
func FuzzStream(f *testing.F) {
	f.Add("abcabc\nbcabcb", []byte("abcabcbcabcabcb"), uint64(1), false)
	f.Fuzz(func(t *testing.T, lines string, text []byte, seed uint64, patterns bool) {
		if len(lines) > 200 || len(text) > 2000 {
			t.Skip("the twin is slow")
		}
		values := strings.Split(lines, "\n")
		set := redact.New(values, redact.Options{Patterns: patterns})
		whole := pieces(set, string(text))
		if !patterns && whole != twin(values, string(text)) {
			t.Errorf("in one write: got %q, want %q", whole, twin(values, string(text)))
		}
		list := cut(string(text), rand.New(rand.NewPCG(seed, 0)))
		if got := pieces(set, list...); got != whole {
			t.Errorf("in pieces %q: got %q, want %q", list, got, whole)
		}
		if got := set.String(string(text)); got != whole {
			t.Errorf("String: got %q, want %q", got, whole)
		}
		if !bytes.ContainsAny([]byte(redact.Mask), lines) {
			noneIn(t, whole, longEnough(values))
		}
	})
}

// longEnough returns the values that are masked.
func longEnough(values []string) []string {
	var list []string
	for _, value := range values {
		if len(value) >= redact.MinBytes {
			list = append(list, value)
		}
	}
	return list
}
