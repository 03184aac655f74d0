package redact

import (
	"encoding/base64"
	"net/url"
	"strings"
	"unicode/utf8"
)

// appendForms adds the forms in which a value may be printed. The same form may
// be added more than once.
func appendForms(needles []needle, value string) []needle {
	add := func(form string) {
		if len(form) >= MinBytes {
			needles = append(needles, needle{text: form})
		}
	}
	add(value)
	addEncoded(value, add)
	if strings.ContainsAny(value, "\r\n") {
		addLines(value, add)
	}
	return needles
}

// addLines adds the forms that a value of several lines has on its way through
// terminals, editors and shells.
func addLines(value string, add func(string)) {
	unix := strings.ReplaceAll(value, "\r\n", "\n")
	whole := strings.TrimRight(unix, "\n")
	for _, form := range []string{unix, whole} {
		add(strings.ReplaceAll(form, "\n", "\r\n"))
		add(strings.ReplaceAll(form, "\n", " "))
		add(form)
		if len(form) >= MinBytes {
			addEncoded(form, add)
		}
	}
	add(strings.Join(strings.Fields(whole), " ")) // echo $(cat key.pem)
	for line := range strings.SplitSeq(whole, "\n") {
		add(line)
		if len(line) >= MinBytes {
			addEscaped(line, add)
		}
	}
}

// addEncoded adds the encodings of a value.
func addEncoded(value string, add func(string)) {
	addBase64(value, add)
	addEscaped(value, add)
}

// addBase64 adds what the value becomes within base64, for each of the three
// ways in which it may be aligned to the groups of three bytes.
func addBase64(value string, add func(string)) {
	for shift := range 3 {
		plain := make([]byte, shift+len(value))
		copy(plain[shift:], value)
		// The first and the last character may be made of other bytes as well.
		text := base64.StdEncoding.EncodeToString(plain)
		if shift == 0 {
			addWrapped(text, add)
		}
		inner := text[(8*shift+5)/6 : 8*len(plain)/6]
		ended := text[(8*shift+5)/6:]
		addAlphabets(ended, add)
		if len(inner) < len(ended) {
			addAlphabets(inner, add)
			addAlphabets(strings.TrimRight(ended, "="), add)
		}
	}
}

// addAlphabets adds a piece of base64, and what it is in the alphabet for URLs.
func addAlphabets(text string, add func(string)) {
	add(text)
	if strings.ContainsAny(text, "+/") {
		add(strings.NewReplacer("+", "-", "/", "_").Replace(text))
	}
}

// addWrapped adds the lines that base64 and PEM break a long text into.
func addWrapped(text string, add func(string)) {
	for _, column := range []int{76, 64} {
		if len(text) <= column {
			continue
		}
		for rest := text; rest != ""; {
			n := min(column, len(rest))
			add(rest[:n])
			rest = rest[n:]
		}
	}
}

// addEscaped adds what the value becomes in URLs, JSON, shells and XML. Most
// values are the same in all.
func addEscaped(value string, add func(string)) {
	if isPlain(value) {
		return
	}
	addURL(value, add)
	addJSON(value, add)
	add(strings.ReplaceAll(value, "'", `'\''`))
	add(strings.ReplaceAll(value, "'", `''`))
	add(strings.ReplaceAll(value, "'", `'"'"'`))
	amp := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(value)
	add(amp)
	add(strings.NewReplacer(`"`, "&quot;", "'", "&apos;").Replace(amp))
	add(strings.NewReplacer(`"`, "&quot;", "'", "&#x27;").Replace(amp))
	add(strings.NewReplacer(`"`, "&#34;", "'", "&#39;").Replace(amp))
	add(strings.NewReplacer(`"`, "&#34;", "'", "&#39;", "\t", "&#x9;", "\n", "&#xA;", "\r", "&#xD;").Replace(amp))
}

// isPlain reports whether a value is written the same in every notation.
func isPlain(value string) bool {
	for i := range len(value) {
		if classOf(value[i])&(word|dash|dot) == 0 {
			return false
		}
	}
	return true
}

// addURL adds what the value becomes in the query and the path of a URL. The
// standards leave some bytes open, and libraries differ.
func addURL(value string, add func(string)) {
	strict := strings.ReplaceAll(url.QueryEscape(value), "+", "%20")
	add(url.QueryEscape(value))
	add(url.PathEscape(value))
	for _, form := range []string{
		strict,
		strings.ReplaceAll(strict, "%2F", "/"), // Python
		strings.NewReplacer("%21", "!", "%27", "'", "%28", "(", "%29", ")", "%2A", "*").Replace(strict), // JavaScript
	} {
		add(form)
		add(lowerHex(form))
	}
}

// lowerHex writes the escapes of a URL with small letters.
func lowerHex(escaped string) string {
	out := []byte(escaped)
	for i := 0; i+2 < len(out); i++ {
		if out[i] == '%' {
			copy(out[i+1:i+3], strings.ToLower(escaped[i+1:i+3]))
		}
	}
	return string(out)
}

// addJSON adds what the value becomes within a string of JSON: as JavaScript
// writes it, as Go does, safe for HTML, and as Python and PHP do, in ASCII.
func addJSON(value string, add func(string)) {
	if !utf8.ValidString(value) {
		return // it has no such form
	}
	plain := jsonEscape(value, false)
	add(plain)
	script := strings.NewReplacer("\u2028", `\u2028`, "\u2029", `\u2029`).Replace(plain)
	add(script)
	add(strings.NewReplacer("&", `\u0026`, "<", `\u003c`, ">", `\u003e`).Replace(script))
	ascii := jsonEscape(value, true)
	add(ascii)
	add(strings.ReplaceAll(ascii, "/", `\/`))
}

// jsonEscape returns the value as it stands between the quotes of a string.
func jsonEscape(value string, ascii bool) string {
	const hex = "0123456789abcdef"
	var b strings.Builder
	unit := func(u rune) {
		b.WriteString(`\u`)
		for shift := 12; shift >= 0; shift -= 4 {
			b.WriteByte(hex[u>>shift&15])
		}
	}
	for _, r := range value {
		if i := strings.IndexRune("\"\\\b\f\n\r\t", r); i >= 0 {
			b.WriteByte('\\')
			b.WriteByte(`"\bfnrt`[i])
			continue
		}
		switch {
		case r < ' ', r == 0x7f && ascii, r > 0x7f && r <= 0xffff && ascii:
			unit(r)
		case r > 0xffff && ascii:
			r -= 0x10000
			unit(0xd800 + r>>10)
			unit(0xdc00 + r&0x3ff)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
