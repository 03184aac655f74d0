//go:build unix

package engine_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	engine "github.com/escher-dbai/cloudops-engine"
)

func TestLog_HasEveryByteWhateverIsKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e := open(t, engine.Config{LogDir: filepath.Join(dir, "made", "by us"), MaxOutputBytes: 1000})
	line := bash(`head -c 100000 /dev/zero | tr '\0' x; echo err >&2`)
	own := line
	own.OutputLogPath = filepath.Join(dir, "own.log")
	toFile := line
	toFile.Limits.Oversize = engine.StreamToFile
	for name, r := range map[string]engine.Request{"in the directory of the engine": line, "its own": own, "as strategy": toFile} {
		result := do(t, e, r)
		log, err := os.ReadFile(result.LogPath)
		if err != nil || strings.Count(string(log), "x") != 100_000 || !strings.Contains(string(log), "err\n") {
			t.Errorf("%s: want every byte in %q, got %d, %v", name, result.LogPath, len(log), err)
		}
		if info, err := os.Stat(result.LogPath); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: want it ours alone, got %v, %v", name, info, err)
		}
		if !result.Success || !result.Output.Truncated || len(result.Stdout) > 1200 || result.LogError != "" {
			t.Errorf("%s: want a success with little in memory, got %s, %d bytes, %q", name, result.Status, len(result.Stdout), result.LogError)
		}
	}
}

func TestLog_OfAnExecutionThatDidNotStartIsNotThere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "no-program")
	if err := os.WriteFile(path, []byte("none\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	r := do(t, open(t, engine.Config{}), engine.Request{Command: engine.Exec(path), OutputLogPath: filepath.Join(dir, "log")})
	wantEnding(t, r, ending{engine.Failed, engine.CauseSpawn, false, engine.Actor{}})
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("want nothing but the file of the test, got %v, %v", entries, err)
	}
}

func TestStdin_FromAReaderAFileAndOneThatNeverEnds(t *testing.T) {
	t.Parallel()
	e := open(t, engine.Config{})
	path := filepath.Join(t.TempDir(), "in")
	if err := os.WriteFile(path, []byte("from a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	endless, feed := io.Pipe()
	defer func() { _ = feed.Close() }()
	for want, c := range map[string]struct {
		from io.Reader
		line string
	}{
		"from a reader": {io.LimitReader(strings.NewReader("from a reader, and more"), 13), "cat"},
		"from a file":   {file, "cat"},
		"not read":      {endless, "printf 'not read'"},
	} {
		r := bash(c.line)
		r.StdinFrom = c.from
		if result := do(t, e, r); result.Stdout != want || !result.Success {
			t.Errorf("want %q, got %q, %s: %s", want, result.Stdout, result.Status, result.Error)
		}
	}
}
