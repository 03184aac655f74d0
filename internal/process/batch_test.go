package process_test

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/escher-dbai/cloudops-engine/internal/process"
)

func TestPLAT01_BatchFilesAreKnownByTheirNames(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]bool{
		`x.bat`: true, `C:\tools\X.CMD`: true, `x.bat. . `: true, `x.bat `: true, `x.cMd.`: true, `.bat`: true,
		`x.exe`: false, `x.bat.exe`: false, `batch`: false, `xbat`: false, `C:\x.cmd\y`: false, ``: false, ` . `: false,
	} {
		if got := process.IsBatch(path); got != want {
			t.Errorf("%q: batch %v, want %v", path, got, want)
		}
	}
}

// What is special to cmd.exe is in quotes, or refused: "" says refused.
func TestPLAT01_ArgumentsOfBatchFilesAreNoCommands(t *testing.T) {
	t.Parallel()
	for arg, want := range map[string]string{
		`"&calc.exe`: "", `%PATH%`: "", "a\nb": "", "a\rb": "", "a\x00b": "", "\x1a": "", "\x7f": "",
		`^&`: `"^&"`, `!x!`: `"!x!"`, `(a)`: `"(a)"`, `<>`: `"<>"`, `a&b|c`: `"a&b|c"`,
		`a b`: `"a b"`, "a\tb": "\"a\tb\"", `a=b,c;d`: `"a=b,c;d"`, `grün`: `"grün"`, ``: `""`,
		`plain`: `plain`, `--x_1`: `--x_1`, `C:\a\b.txt`: `C:\a\b.txt`, `/d`: `/d`,
		`C:\a\`: `"C:\a\\"`, `a b\\`: `"a b\\\\"`,
	} {
		line, err := process.BatchLine(`C:\my tools\x.bat`, []string{"first", arg})
		switch {
		case want == "" && !errors.Is(err, process.ErrBatch):
			t.Errorf("%q: %q, %v, want it refused", arg, line, err)
		case want != "" && err != nil:
			t.Errorf("%q: %v", arg, err)
		case want != "" && line != `cmd.exe /d /e:ON /v:OFF /c ""C:\my tools\x.bat" first `+want+`"`:
			t.Errorf("%q: the line is %s", arg, line)
		}
	}
}

func TestPLAT01_PathsAndLengthsAreRefusedToo(t *testing.T) {
	t.Parallel()
	for what, try := range map[string]struct {
		path string
		args []string
	}{
		"a variable in the path": {`C:\%TEMP%\x.bat`, nil},
		"a quote in the path":    {`C:\"&calc&".bat`, nil},
		"too long a line":        {`x.bat`, []string{strings.Repeat("x", 8192)}},
		"too many arguments":     {`x.bat`, strings.Split(strings.Repeat("x ", 5000), " ")},
	} {
		if line, err := process.BatchLine(try.path, try.args); !errors.Is(err, process.ErrBatch) {
			t.Errorf("%s: %d bytes, %v", what, len(line), err)
		}
	}
}

// Whatever the arguments are, nothing that cmd.exe knows stands outside of quotes,
// and there are as many arguments as were given.
func TestPLAT01_NothingSpecialIsOutsideOfQuotes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.StringOf(rapid.OneOf(rapid.RuneFrom([]rune(`"%!^&|<>()=,; \`+"\t\n\x00")), rapid.RuneFrom([]rune(`abz`)), rapid.Rune()))
		args := rapid.SliceOfN(part, 0, 5).Draw(t, "args")
		line, err := process.BatchLine(`C:\x y.bat`, args)
		if err != nil {
			if !strings.ContainsFunc(strings.Join(args, ""), func(r rune) bool { return r < ' ' || r == '"' || r == '%' || r == 0x7f }) {
				t.Fatalf("refused without need: %v", err)
			}
			return
		}
		inner := strings.TrimSuffix(strings.TrimPrefix(line, `cmd.exe /d /e:ON /v:OFF /c "`), `"`)
		quoted, words := false, 1
		for _, r := range inner {
			switch {
			case r == '"':
				quoted = !quoted
			case quoted:
			case r == ' ':
				words++
			case strings.ContainsRune("%!^&|<>()=,;\t", r) || r < ' ':
				t.Fatalf("%q stands outside of quotes in %q", r, inner)
			}
		}
		if quoted || words != len(args)+1 || strings.Contains(inner, "%") {
			t.Fatalf("%d words, open quote %v: %q", words, quoted, inner)
		}
	})
}
