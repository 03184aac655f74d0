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

func TestLog_ThatIsThereAlready(t *testing.T) {
	t.Parallel()
	e, dir := open(t, engine.Config{}), t.TempDir()
	path := filepath.Join(dir, "log")
	request := func(path string, mode engine.LogMode) engine.Request {
		return engine.Request{Command: engine.Exec("echo", "new"), OutputLogPath: path, OutputLogMode: mode}
	}
	if err := os.WriteFile(path, []byte("old, and longer\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		mode       engine.LogMode
		text, want string
	}{{engine.LogAppend, "new", "old, and longer\nnew\n"}, {engine.LogOverwrite, "new", "new\n"}, {engine.LogAppend, "again", "new\nagain\n"}} {
		again := request(path, c.mode)
		again.Command = engine.Exec("echo", c.text)
		r := do(t, e, again)
		if got, err := os.ReadFile(path); string(got) != c.want || err != nil || r.LogPath != path || r.LogError != "" {
			t.Errorf("%s: want %q, got %q, %v, %s", c.mode, c.want, got, err, r.LogError)
		}
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	for what, r := range map[string]engine.Request{
		"nothing said":     request(path, engine.LogNew),
		"a directory":      request(dir, engine.LogAppend),
		"a link":           request(link, engine.LogOverwrite),
		"an unknown mode":  request(path, "replace"),
		"a mode, no path":  request("", engine.LogAppend),
		"a directory, new": request(dir, engine.LogNew),
	} {
		_, err := e.Execute(t.Context(), r)
		wantError(t, what, err, engine.ErrInvalid)
	}
	missing := request(path, engine.LogAppend)
	missing.Command = engine.Exec("no-such-program-anywhere")
	if _, err := e.Execute(t.Context(), missing); err == nil {
		t.Error("a program that is not there was accepted")
	}
	if got, err := os.ReadFile(path); string(got) != "new\nagain\n" || err != nil {
		t.Errorf("a refused request left %q, %v", got, err)
	}
}
