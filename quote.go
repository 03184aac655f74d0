package engine

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// commandLine is a command line for people: masked, quoted, on one line.
func commandLine(argv []string) string {
	words := maskWords(argv)
	var line strings.Builder
	for i, word := range words {
		if i > 0 {
			line.WriteByte(' ')
		}
		if i == 0 {
			line.WriteString(quoteProgram(word))
		} else {
			line.WriteString(quoteWord(word))
		}
	}
	return line.String()
}

// quoteWord writes a word so that a POSIX shell reads it back as that word:
//
//	bare      letters, digits and what no shell takes for syntax
//	'…'       anything else that can be printed
//	$'…\n…'   with control bytes, invalid UTF-8 or invisible characters
//
// The last form is POSIX of 2024, and older than that in bash, zsh, ksh and
// busybox. It keeps a line one line and a terminal as it is: no escape
// sequence, no carriage return, no character that turns the direction of text
// ever gets out raw.
func quoteWord(word string) string {
	switch {
	case word == "":
		return "''"
	case !isPrintable(word):
		return quoteEscaped(word)
	case word[0] != '=' && !strings.ContainsFunc(word, func(r rune) bool { return !isPlain(r) }):
		// zsh replaces a word that begins with "=" by a path.
		return word
	default:
		return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
}

// quoteProgram quotes the first word of a line, where a shell looks for more:
// assignments and reserved words.
func quoteProgram(word string) string {
	quoted := quoteWord(word)
	if quoted != word {
		return quoted
	}
	reserved := []string{
		"case", "coproc", "do", "done", "elif", "else", "esac", "fi", "for", "foreach", "function",
		"if", "in", "nocorrect", "noglob", "repeat", "select", "then", "time", "until", "while",
	}
	if strings.Contains(word, "=") || slices.Contains(reserved, word) {
		return "'" + word + "'"
	}
	return quoted
}

// isPlain tells whether a character means nothing to a shell.
func isPlain(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		return true
	default:
		return strings.ContainsRune("_@%+=:,./-", r)
	}
}

// isPrintable tells whether a text can be shown as it is.
func isPrintable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// quoteEscaped writes a word as $'…'. What cannot be printed is written byte
// by byte in octal, of which shells read three digits at most, so that a digit
// may follow.
func quoteEscaped(word string) string {
	var out strings.Builder
	out.WriteString("$'")
	for len(word) > 0 {
		r, size := utf8.DecodeRuneInString(word)
		switch {
		case r == '\n':
			out.WriteString(`\n`)
		case r == '\t':
			out.WriteString(`\t`)
		case r == '\r':
			out.WriteString(`\r`)
		case r == '\'' || r == '\\':
			out.WriteByte('\\')
			out.WriteRune(r)
		case r == utf8.RuneError && size == 1, !unicode.IsPrint(r):
			for _, b := range []byte(word[:size]) {
				fmt.Fprintf(&out, `\%03o`, b)
			}
		default:
			out.WriteRune(r)
		}
		word = word[size:]
	}
	out.WriteByte('\'')
	return out.String()
}
