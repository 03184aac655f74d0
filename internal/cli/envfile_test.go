package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/cli"
)

func writeFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReadEnvFile(t *testing.T) {
	t.Parallel()
	path := writeFile(t, "\ufeff# a comment\r\n"+
		"A=1\r\n"+
		"  INDENTED=yes\n"+
		"\n \t\n"+
		"SPACES=two words # and no comment \n"+
		"EMPTY=\n"+
		"EQ=a=b\n"+
		"export EXPORTED=yes\n"+
		"DOUBLE=\" q \" \n"+
		"SINGLE='it is $HOME'\n"+
		"INNER=say \"hi\"\n"+
		"TWICE=1\nTWICE=2\n"+
		"UTF8=grüße\n"+
		"LAST=without newline")
	want := map[string]string{
		"A": "1", "INDENTED": "yes", "SPACES": "two words # and no comment ", "EMPTY": "", "EQ": "a=b",
		"EXPORTED": "yes", "DOUBLE": " q ", "SINGLE": "it is $HOME", "INNER": `say "hi"`, "TWICE": "2",
		"UTF8": "grüße", "LAST": "without newline",
	}
	got, err := cli.ReadEnvFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("variables (-want +got):\n%s", diff)
	}
}

func TestReadEnvFile_NamesTheLineAndShowsNothingOfIt(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"A=1\nhunter2\n":          ":2: there is no = in it",
		"=hunter2\n":              ":1: there is no name before the =",
		"A=1\n\n\nhunter2 = 3":    ":4: the name has a space or a quote in it",
		"A=\"hunter2\nhunter2\"":  ":1: the quote is not closed",
		"A=hun\x00ter2\n":         ":1: there is a NUL byte in it",
		"A='hunter2\" \nB=good\n": ":1: the quote is not closed",
	} {
		_, err := cli.ReadEnvFile(writeFile(t, text))
		switch {
		case err == nil:
			t.Errorf("%q is read without an error", text)
		case !strings.HasSuffix(err.Error(), want):
			t.Errorf("%q: %v, want …%s", text, err, want)
		case strings.Contains(err.Error()+engine.Hint(err), "hunter"):
			t.Errorf("%q: %v shows what may be a secret", text, err)
		}
	}
}
