package redact_test

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/escher-dbai/cloudops-engine/internal/redact"
)

// A value counts from when it is added, in what is held back as in what comes.
func TestSecrets_MasksWhatIsAddedWhileItRuns(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		values        []string // from the start
		before, after string
		want          string
	}{
		"what comes later":               {nil, secret + " ", secret, secret + " [REDACTED]"},
		"the rest of what began":         {nil, "a SECRETab", "c123XYZ b", "a SECRETab[REDACTED] b"},
		"what began in a mask":           {[]string{"one_SECRETab"}, "one_SECRETab", "c123XYZ.", "[REDACTED]."},
		"what is held":                   {[]string{"a " + secret + "123"}, "a " + secret, "-", "a [REDACTED]-"},
		"what is held, in part":          {[]string{"abc123XYZ_"}, "x SECRETabc123XYZ", "- y", "x SECRET[REDACTED]- y"},
		"behind a mask and what follows": {[]string{"zzSECR"}, "zzSECRETab", "c123XYZ b", "[REDACTED]ETab[REDACTED] b"},
		"nothing that was not":           {[]string{"another secret"}, "plain SEC", "RET text", "plain SECRET text"},
	} {
		secrets := redact.NewSecrets(redact.New(c.values, redact.Options{Patterns: true}))
		var out strings.Builder
		emit := func(p []byte) { out.Write(p) }
		st := secrets.Stream()
		st.Write([]byte(c.before), emit)
		secrets.Add(secret)
		st.Write([]byte(c.after), emit)
		st.Flush(emit)
		if got := out.String(); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

// A pattern that had begun goes on, and a text has no beginning before its own.
func TestSecrets_LeavesTheRestAsItIs(t *testing.T) {
	t.Parallel()
	secrets := redact.NewSecrets(redact.New(nil, redact.Options{Patterns: true}))
	var out strings.Builder
	emit := func(p []byte) { out.Write(p) }
	st := secrets.Stream()
	st.Write([]byte("key AKIA0123"), emit)
	secrets.Add(secret, "short", "")
	st.Write([]byte("456789ABCDEF short one_oth"), emit)
	st.Flush(emit)
	secrets.Add("one_other")
	st.Write([]byte("er"), emit) // the beginning of another stream
	st.Flush(emit)
	if got, want := out.String(), "key [REDACTED] short one_other"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := secrets.String("a "+secret), "a [REDACTED]"; got != want {
		t.Errorf("String: got %q, want %q", got, want)
	}
}

// What is held at the end is judged by what is secret then.
func TestSecrets_CountAtTheEnd(t *testing.T) {
	t.Parallel()
	secrets := redact.NewSecrets(redact.New([]string{secret + "123"}, redact.Options{}))
	var out strings.Builder
	emit := func(p []byte) { out.Write(p) }
	st := secrets.Stream()
	st.Write([]byte(secret+"12"), emit)
	secrets.Add(secret)
	st.Flush(emit)
	if got, want := out.String(), "[REDACTED]12"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A value that overlaps itself over a long way is masked on and on, although another
// comes to it meanwhile.
func TestSecrets_KeepTheirPlaceInALongValue(t *testing.T) {
	t.Parallel()
	secrets := redact.NewSecrets(redact.New([]string{strings.Repeat("ab", 3000)}, redact.Options{}))
	var out strings.Builder
	emit := func(p []byte) { out.Write(p) }
	st := secrets.Stream()
	st.Write([]byte(strings.Repeat("ab", 3000)), emit)
	secrets.Add(secret)
	st.Write([]byte("ab."), emit)
	st.Flush(emit)
	if got, want := out.String(), "[REDACTED]."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// What began further back than is remembered is not known any more.
func TestSecrets_ReachesTwoKiBBack(t *testing.T) {
	t.Parallel()
	value := strings.Repeat("0123456789abcdef", 140) + "-end"
	for _, c := range []struct {
		before int
		want   string
	}{
		{2048, "-[REDACTED]."},
		{2049, "-" + value[2049:] + "."},
	} {
		for _, cut := range []int{c.before, 1, 700} {
			secrets := redact.NewSecrets(nil)
			var out strings.Builder
			st := secrets.Stream()
			for piece := range slices.Chunk([]byte(value[:c.before]), cut) {
				st.Write(piece, func([]byte) {})
			}
			secrets.Add(value)
			emit := func(p []byte) { out.Write(p) }
			st.Write([]byte(value[c.before:]+"."), emit)
			st.Flush(emit)
			if got := "-" + out.String(); got != c.want {
				t.Errorf("after %d bytes in pieces of %d: got %q, want %q", c.before, cut, got, c.want)
			}
		}
	}
}

// addition is values that are added when so much of a text was read.
type addition struct {
	at     int
	values []string
}

// grown masks a whole text in the simplest way, stage by stage: in each it knows all
// values so far, and can no more change what was released in the stage before.
func grown(additions []addition, text string) string {
	var out strings.Builder
	var values []string
	base, covered := 0, 0
	for i, a := range additions {
		values = append(values, a.values...)
		end, forms := len(text), redact.Forms(values)
		place := end
		if i+1 < len(additions) {
			end = additions[i+1].at
			place = undecided(forms, text[:end])
		}
		for _, piece := range matches(forms, text[:end], base) {
			if piece[0] > place {
				break
			}
			if piece[0] > base {
				out.WriteString(text[base:piece[0]])
				base = piece[0]
			}
			if piece[0] >= covered || base > covered {
				out.WriteString(redact.Mask)
			}
			covered = max(covered, piece[1])
			base = max(base, covered)
		}
		if place > base {
			out.WriteString(text[base:place])
			base = place
		}
	}
	return out.String()
}

// undecided is where the longest end of a text begins that a form begins with.
func undecided(forms []string, text string) int {
	for i := range len(text) {
		if slices.ContainsFunc(forms, func(form string) bool { return strings.HasPrefix(form, text[i:]) }) {
			return i
		}
	}
	return len(text)
}

// matches are the places of all forms that end behind base, those that overlap as one.
func matches(forms []string, text string, base int) [][2]int {
	var list [][2]int
	for start := range len(text) {
		for _, form := range forms {
			if end := start + len(form); end > base && strings.HasPrefix(text[start:], form) {
				list = append(list, [2]int{start, end})
			}
		}
	}
	slices.SortFunc(list, func(a, b [2]int) int { return cmp.Compare(a[0], b[0]) })
	var joined [][2]int
	for _, m := range list {
		if n := len(joined); n > 0 && m[0] < joined[n-1][1] {
			joined[n-1][1] = max(joined[n-1][1], m[1])
			continue
		}
		joined = append(joined, m)
	}
	return joined
}

// growing writes a text, adds at the places in it, and cuts what is between at random.
func growing(additions []addition, text string, random *rand.Rand, opts redact.Options) string {
	secrets := redact.NewSecrets(redact.New(additions[0].values, opts))
	var out strings.Builder
	emit := func(p []byte) { out.Write(p) }
	st := secrets.Stream()
	for i, a := range additions {
		if i > 0 {
			secrets.Add(a.values...)
		}
		end := len(text)
		if i+1 < len(additions) {
			end = additions[i+1].at
		}
		for _, piece := range cut(text[a.at:end], random) {
			p := []byte(piece)
			st.Write(p, emit)
			clear(p)
		}
	}
	st.Flush(emit)
	return out.String()
}

// drawAdditions draws what is added where; the first is what is there at the start.
func drawAdditions(t *rapid.T, length int) []addition {
	list := make([]addition, 1+rapid.IntRange(0, 4).Draw(t, "additions"))
	for i := range list {
		list[i].values = rapid.SliceOfN(rapid.StringMatching(`[abc]{1,14}`), 0, 3).Draw(t, "values")
		if i > 0 {
			list[i].at = rapid.IntRange(0, length).Draw(t, "at")
		}
	}
	slices.SortStableFunc(list[1:], func(a, b addition) int { return cmp.Compare(a.at, b.at) })
	return list
}

func TestSecrets_GrowAsTheirTwinDoes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.StringMatching(`[abc ]{0,12}`), 0, 12).Draw(t, "words"), "")
		additions := drawAdditions(t, len(text))
		want := grown(additions, text)
		for range 3 {
			random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "split"), 0))
			if got := growing(additions, text, random, redact.Options{}); got != want {
				t.Fatalf("%v in %q:\n got %q\nwant %q", additions, text, got, want)
			}
		}
		if len(additions) == 1 && want != twin(additions[0].values, text) {
			t.Fatalf("the twins differ: %q and %q", want, twin(additions[0].values, text))
		}
	})
}

// FuzzSecrets compares what grows with its twin; with patterns, which the twin does
// not know, one cut with another. Values are the lines, and each is added at its
// place.
func FuzzSecrets(f *testing.F) {
	f.Add("abcabc\nbcabcb", []byte("abcabcbcabcabcb"), uint64(1), false)
	f.Fuzz(func(t *testing.T, lines string, text []byte, seed uint64, patterns bool) {
		if len(lines) > 200 || len(text) > 1000 {
			t.Skip("the twin is slow")
		}
		random := rand.New(rand.NewPCG(seed, 1))
		additions := []addition{{}}
		for value := range strings.SplitSeq(lines, "\n") {
			at := min(additions[len(additions)-1].at+random.IntN(40), len(text))
			additions = append(additions, addition{at, []string{value}})
		}
		opts := redact.Options{Patterns: patterns}
		want := growing(additions, string(text), random, opts)
		if got := growing(additions, string(text), random, opts); got != want {
			t.Errorf("cut otherwise: got %q, want %q", got, want)
		}
		if twin := grown(additions, string(text)); !patterns && twin != want {
			t.Errorf("got %q, want %q", want, twin)
		}
	})
}

// Once Add has returned, no write lets the value through, however many stream and
// add at once.
func TestSecrets_AreAddedWhileStreamsWrite(t *testing.T) {
	t.Parallel()
	secrets := redact.NewSecrets(nil)
	var all sync.WaitGroup
	added := make(chan struct{})
	for range 4 {
		all.Go(func() {
			var line strings.Builder
			st := secrets.Stream()
			for late := 0; late < 100; {
				select {
				case <-added:
					late++
				default:
				}
				line.Reset()
				st.Write([]byte("a "+secret+"\n"), func(p []byte) { line.Write(p) })
				if late > 0 && line.String() != "a [REDACTED]\n" {
					t.Errorf("after Add: %q", line.String())
					return
				}
			}
		})
	}
	var adding sync.WaitGroup
	for _, value := range append(fakeSecrets(20), secret) {
		adding.Go(func() { secrets.Add(value) })
	}
	adding.Wait()
	close(added)
	all.Wait()
	for _, value := range fakeSecrets(20) {
		if got := secrets.String(value); got != redact.Mask {
			t.Errorf("%q was lost: %q", value, got)
		}
	}
}
