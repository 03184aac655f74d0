package redact_test

import (
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"html"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/escher-dbai/cloudops-engine/internal/redact"
)

const secret = "SECRETabc123XYZ"

// keyOf is a value of several lines. No part of it is a key.
var keyOf = strings.Join([]string{
	"-----BEGIN FAKE " + "PRIVATE KEY-----",
	"bm90IGEga2V5LCBqdXN0IHRleHQgZm9yIHRlc3Rz",
	"YW5kIGEgc2Vjb25kIGxpbmUgb2YgdGhlIHNhbWUu",
	"ZW5k",
	"-----END FAKE " + "PRIVATE KEY-----",
	"",
}, "\n")

func TestRED01_MasksAValue(t *testing.T) {
	t.Parallel()
	set := redact.New([]string{secret}, redact.Options{})
	masks(t, set, "tok="+secret+" end\n", "tok=[REDACTED] end\n")
	masks(t, set, secret+secret, "[REDACTED][REDACTED]")
	masks(t, set, "nothing here", "nothing here")
	masks(t, set, "", "")
}

func TestRED02_MasksAValueSplitOverWrites(t *testing.T) {
	t.Parallel()
	var emitted []string
	emit := func(p []byte) { emitted = append(emitted, string(p)) }
	st := redact.New([]string{secret}, redact.Options{}).Stream()

	st.Write([]byte("out: SECRETab"), emit)
	if diff := cmp.Diff([]string{"out: "}, emitted); diff != "" {
		t.Errorf("emitted before the value was whole (-want +got):\n%s", diff)
	}
	if got, want := st.Held(), len("SECRETab"); got != want {
		t.Errorf("Held() = %d, want %d", got, want)
	}

	st.Write([]byte("c123XYZ\n"), emit)
	if diff := cmp.Diff([]string{"out: ", redact.Mask, "\n"}, emitted); diff != "" {
		t.Errorf("emitted (-want +got):\n%s", diff)
	}
	if got := st.Masks(); got != 1 {
		t.Errorf("Masks() = %d, want 1", got)
	}
	if got := st.Held(); got != 0 {
		t.Errorf("Held() = %d, want 0", got)
	}
}

// What only began as a value comes out when it goes on differently, or at the
// end, and not before.
func TestStream_ReleasesWhatWasNotAValue(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	emit := func(p []byte) { out.Write(p) }
	st := redact.New([]string{secret}, redact.Options{}).Stream()
	for _, c := range []struct {
		write, want string
		held        int
	}{
		{"SECRET", "", 6},
		{"S", "SECRET", 1},
		{"ECRETabc", "SECRET", 9},
		{"-", "SECRETSECRETabc-", 0},
		{"SEC", "SECRETSECRETabc-", 3},
	} {
		st.Write([]byte(c.write), emit)
		if got := out.String(); got != c.want || st.Held() != c.held {
			t.Errorf("after %q: %q with %d held, want %q with %d", c.write, got, st.Held(), c.want, c.held)
		}
	}
	st.Flush(emit)
	if got, want := out.String(), "SECRETSECRETabc-SEC"; got != want || st.Held() != 0 {
		t.Errorf("after Flush: %q with %d held, want %q with none", got, st.Held(), want)
	}
	st.Write([]byte("RETabc123XYZ"), emit)
	st.Flush(emit)
	if got, want := out.String(), "SECRETSECRETabc-SECRETabc123XYZ"; got != want {
		t.Errorf("a stream used again: %q, want %q", got, want)
	}
}

func TestRED04_MasksAcrossChunks(t *testing.T) {
	t.Parallel()
	set := redact.New([]string{secret}, redact.Options{Patterns: true})
	text := strings.Repeat("x", 16379) + secret + "\n" + strings.Repeat("x", 65530) + secret
	want := strings.Repeat("x", 16379) + redact.Mask + "\n" + strings.Repeat("x", 65530) + redact.Mask
	for _, size := range []int{1, 7, 4096, 16384, 65536, len(text)} {
		var list []string
		for rest := text; rest != ""; {
			n := min(size, len(rest))
			list = append(list, rest[:n])
			rest = rest[n:]
		}
		if got := pieces(set, list...); got != want {
			t.Errorf("in chunks of %d bytes: %d bytes came out, want %d", size, len(got), len(want))
		}
	}
	if got := set.String(text); got != want {
		t.Errorf("String: %d bytes came out, want %d", len(got), len(want))
	}
}

func TestRED05_MasksTheUnionOfOverlappingValues(t *testing.T) {
	t.Parallel()
	tower := []string{"ipsum dolor", "dolor sit", "psum dolor s", "m dolor"}
	for _, c := range []struct {
		name       string
		values     []string
		text, want string
	}{
		{"tower", tower, "Lorem ipsum dolor sit amet", "Lorem [REDACTED] amet"},
		{"the inner one alone", tower, "Lorem m dolor amet", "Lorem [REDACTED] amet"},
		{"the outer one breaks off", tower, "an ipsum dolo, m dolors", "an ipsum dolo, [REDACTED]s"},
		{"nested", []string{"abcdefghijkl", "defghi"}, "abcdefghijk defghi abcdefghijkl", "abc[REDACTED]jk [REDACTED] [REDACTED]"},
		{"two within one that fails", []string{"abcdef", "--abcdef--abcdef--"}, "--abcdef--abcdef-.", "--[REDACTED]--[REDACTED]-."},
		{"two within one that holds", []string{"abcdef", "--abcdef--abcdef--"}, "--abcdef--abcdef--", "[REDACTED]"},
		{"with itself", []string{"abcabcabc"}, "abcabcabcabcabc", "[REDACTED]"},
		{"touching", []string{"abcdef", "ghijkl"}, "abcdefghijkl", "[REDACTED][REDACTED]"},
		{"joined late", []string{"abcdef", "ghijkl", "fg----"}, "abcdefghijkl fg---- abcdefg----", "[REDACTED][REDACTED] [REDACTED] [REDACTED]"},
		{"twice the same", []string{"abcdef", "abcdef"}, "abcdef", "[REDACTED]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			masks(t, redact.New(c.values, redact.Options{}), c.text, c.want)
			masks(t, redact.New(c.values, redact.Options{Patterns: true}), c.text, c.want)
		})
	}
}

func TestRED06_MasksAValueOfSeveralLines(t *testing.T) {
	t.Parallel()
	set := redact.New([]string{keyOf}, redact.Options{})
	trimmed := strings.TrimRight(keyOf, "\n")
	lines := strings.Split(trimmed, "\n")
	masks(t, set, keyOf, "[REDACTED]")
	masks(t, set, "key: "+trimmed+" end", "key: [REDACTED] end")
	masks(t, set, strings.ReplaceAll(keyOf, "\n", "\r\n"), "[REDACTED]")
	masks(t, set, strings.Join(lines, " ")+"\n", "[REDACTED]\n")
	masks(t, set, "> "+lines[1]+" <", "> [REDACTED] <")
	masks(t, set, "> "+lines[3]+" <", "> ZW5k <")
	masks(t, redact.New([]string{strings.ReplaceAll(keyOf, "\n", "\r\n")}, redact.Options{}), keyOf, "[REDACTED]")
	masks(t, redact.New([]string{secret + "\n"}, redact.Options{}), "("+secret+")", "([REDACTED])")
}

func TestRED08_MasksCommonEncodings(t *testing.T) {
	t.Parallel()
	odd := `SEC&"RET'a/b +<ü😀` + "\x7f\t" + "\u2028" + `c>\ab~!()*?`
	for _, value := range []string{secret, odd, "0\xff\xfe?>+/~binary", keyOf, "six666"} {
		set := redact.New([]string{value}, redact.Options{})
		for name, text := range encodings(t, value) {
			if got := set.String("<" + text + ">"); got != "<[REDACTED]>" {
				t.Errorf("%s of %q: %q becomes %q", name, value, text, got)
			}
		}
		masksWithinBase64(t, set, value)
	}
}

// The commands of the case, as they print.
func TestRED08_MasksWhatBase64AndPythonPrint(t *testing.T) {
	t.Parallel()
	set := redact.New([]string{secret, `SEC&"RET abc123`, "päß/word"}, redact.Options{})
	masks(t, set, "U0VDUkVUYWJjMTIzWFla\n", "[REDACTED]\n")
	masks(t, set, "dTpTRUNSRVRhYmMxMjNYWVo=\n", "dTp[REDACTED]\n")
	masks(t, set, "dXM6U0VDUkVUYWJjMTIzWFla\n", "dXM6[REDACTED]\n")
	masks(t, set, `SEC%26%22RET%20abc123 "SEC&\"RET abc123"`, `[REDACTED] "[REDACTED]"`)
	masks(t, set, `p%C3%A4%C3%9F/word p%c3%a4%c3%9f%2fword p\u00e4\u00df/word p\u00e4\u00df\/word`,
		"[REDACTED] [REDACTED] [REDACTED] [REDACTED]")

	long := strings.Repeat(secret+".", 8)
	text := base64.StdEncoding.EncodeToString([]byte(long))
	for _, column := range []int{64, 76} {
		masks(t, redact.New([]string{long}, redact.Options{}),
			text[:column]+"\n"+text[column:2*column]+"\n"+text[2*column:]+"\n", "[REDACTED]\n[REDACTED]\n[REDACTED]\n")
	}
}

// masksWithinBase64 checks a value that was encoded together with what stood
// around it. A character that holds bits of both may stand.
func masksWithinBase64(t *testing.T, set *redact.Set, value string) {
	t.Helper()
	for _, encoding := range []*base64.Encoding{
		base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding, base64.RawURLEncoding,
	} {
		for _, before := range []string{"", "u", "us", "use", "user:"} {
			for _, after := range []string{"", "1", "12", "123"} {
				text := encoding.EncodeToString([]byte(before + value + after))
				first := (8*len(before) + 5) / 6
				behind := 8 * len(before+value) / 6
				if after == "" {
					behind = len(text)
				}
				got, want := set.String(text), text[:first]+redact.Mask+text[behind:]
				if got != want && got != text[:first]+redact.Mask+text[min(behind+1, len(text)):] {
					t.Errorf("base64 of %q within %q and %q: got %q, want %q", value, before, after, got, want)
				}
			}
		}
	}
}

// encodings returns what libraries make of a value.
func encodings(t *testing.T, value string) map[string]string {
	t.Helper()
	forms := map[string]string{
		"base64":             base64.StdEncoding.EncodeToString([]byte(value)),
		"query":              url.QueryEscape(value),
		"path":               url.PathEscape(value),
		"every byte escaped": strings.ReplaceAll(url.QueryEscape(value), "+", "%20"),
		"shell":              strings.ReplaceAll(value, "'", `'\''`),
		"SQL":                strings.ReplaceAll(value, "'", "''"),
		"HTML":               html.EscapeString(value),
	}
	if strings.ToValidUTF8(value, "") != value {
		return forms
	}
	quoted, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	forms["JSON, safe for HTML"] = string(quoted[1 : len(quoted)-1])
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		t.Fatal(err)
	}
	forms["JSON"] = strings.TrimSuffix(b.String(), "\n")[1 : b.Len()-2]
	if !strings.Contains(value, "\x7f") { // which XML cannot say
		b.Reset()
		if err := xml.EscapeText(&b, []byte(value)); err != nil {
			t.Fatal(err)
		}
		forms["XML"] = b.String()
	}
	return forms
}

func TestRED10_LeavesShortValues(t *testing.T) {
	t.Parallel()
	values := []string{"", "a", "true", "12345", "no"}
	set := redact.New(values, redact.Options{})
	if !set.Empty() {
		t.Error("Empty() = false for values that are all too short")
	}
	masks(t, set, "true no 12345 a", "true no 12345 a")
	masks(t, redact.New(append(values, "123456"), redact.Options{}), "true no 12345 123456 a", "true no 12345 [REDACTED] a")
}

func TestSet_EmptyPassesThrough(t *testing.T) {
	// Not parallel: allocations are counted.
	for name, set := range map[string]*redact.Set{
		"nil": nil, "zero": {}, "new": redact.New(nil, redact.Options{}),
	} {
		if !set.Empty() {
			t.Errorf("%s: Empty() = false", name)
		}
		masks(t, set, secret, secret)
		p := []byte(secret)
		st := set.Stream()
		st.Write(p, func(got []byte) {
			if &got[0] != &p[0] {
				t.Errorf("%s: Write copied", name)
			}
		})
		emit := func([]byte) {}
		if n := testing.AllocsPerRun(10, func() { st.Write(p, emit) }); n != 0 {
			t.Errorf("%s: Write allocates %v times", name, n)
		}
	}
}

// What holds no secret is passed on as it is: one piece, not copied.
func TestStream_PassesThroughWithoutACopy(t *testing.T) {
	// Not parallel: allocations are counted.
	p := []byte("GET https://example.com:8080/path 200 in 3 ms.\n")
	st := redact.New([]string{secret}, redact.Options{Patterns: true}).Stream()
	calls := 0
	emit := func(got []byte) {
		calls++
		if &got[0] != &p[0] || len(got) != len(p) {
			t.Errorf("emitted %q", got)
		}
	}
	if n := testing.AllocsPerRun(10, func() { st.Write(p, emit) }); n != 0 {
		t.Errorf("Write allocates %v times", n)
	}
	if calls != 11 {
		t.Errorf("emitted %d times in 11 calls", calls)
	}
}

func TestSet_StringReturnsTheTextItself(t *testing.T) {
	// Not parallel: allocations are counted.
	set := redact.New([]string{secret}, redact.Options{Patterns: true})
	text := "GET https://example.com:8080/path 200 " + strings.Repeat("and more ", 200)
	if n := testing.AllocsPerRun(10, func() { set.String(text) }); n != 0 {
		t.Errorf("String allocates %v times", n)
	}
}
