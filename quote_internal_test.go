package engine

import (
	"os/exec"
	"strings"
	"testing"
)

// awkwardWords are what shells stumble over.
func awkwardWords() []string {
	return []string{
		"", "a", "a b", "it's", `"`, `\`, `a\nb`, "$HOME", "${IFS}", "$(touch /tmp/pwn)", "`touch /tmp/pwn`",
		"; touch /tmp/pwn", "| touch /tmp/pwn", "&& touch /tmp/pwn", "*", "?", "[a-z]", "[REDACTED]", "{a,b}", "~", "~root",
		"!", "!!", "#", "a#b", "-", "--", "-n", "%1", "%s", "=ls", "a=b", "A=b", "@:+,./_-%", "^", "<x", ">x", "()",
		"it's\\", "''", "'", "ü€漢字", "👍🏽", "e\u0301", strings.Repeat("x' ", 1000),
		"a\nb", "\n", "\n\n", "\n1", "tab\there", "\r\n", "\x1b[31mred\x1b[0m", "\x01", "\x017", "\x7f", "\x1b'7\\",
		"\xff", "a\xfe1", "\u00a0", "\u202egnp.exe", "\u200b", "\ufeff", "\u2028", "!\n!", "ü\n", "-n\n",
	}
}

func TestQuoteWord_ShellsReadItBack(t *testing.T) {
	t.Parallel()
	for shell, escapes := range map[string]bool{"sh": false, "bash": true, "zsh": true, "busybox": true} {
		path, err := exec.LookPath(shell)
		if err != nil {
			t.Logf("%s is not installed: left out", shell)
			continue
		}
		args := []string{path}
		if shell == "busybox" {
			args = append(args, "sh")
		}
		for _, word := range awkwardWords() {
			quoted := quoteWord(word)
			if strings.HasPrefix(quoted, "$'") && !escapes {
				continue
			}
			// The guard x keeps trailing newlines, and printf from options.
			got := runShell(t, append(args, "-c", "printf %s x"+quoted+"x")...)
			if want := "x" + word + "x"; got != want {
				t.Errorf("%s reads %s as %q, want %q", shell, quoted, got, want)
			}
		}
	}
}

func TestQuoteProgram_ShellsRunIt(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"time", "if", "while", "A=b", "a b", "for", "=x", "do"} {
		// "Not found" tells that it was looked for, and not taken for syntax.
		got := runShell(t, "bash", "-c", "PATH=/nowhere; "+quoteProgram(name)+" 2>/dev/null; echo $?")
		if got != "127\n" {
			t.Errorf("%s: got %q, want 127", quoteProgram(name), got)
		}
	}
}

func TestQuoteWord_EmitsNoControlBytes(t *testing.T) {
	t.Parallel()
	for _, word := range awkwardWords() {
		quoted := quoteWord(word)
		if !isPrintable(quoted) {
			t.Errorf("%q is quoted as %q", word, quoted)
		}
	}
}

func FuzzQuoteWord(f *testing.F) {
	for _, word := range awkwardWords() {
		f.Add(word)
	}
	f.Fuzz(func(t *testing.T, word string) {
		word = strings.ReplaceAll(word, "\x00", "")
		quoted := quoteWord(word)
		if !isPrintable(quoted) {
			t.Fatalf("%q is quoted as %q", word, quoted)
		}
		if got := runShell(t, "bash", "-c", "printf %s x"+quoted+"x"); got != "x"+word+"x" {
			t.Fatalf("bash reads %s as %q, want %q", quoted, got, word)
		}
	})
}

// runShell is what a shell prints.
func runShell(t *testing.T, argv ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), argv[0], argv[1:]...).Output()
	if err != nil {
		t.Fatalf("run %q: %v", argv, err)
	}
	return string(out)
}
