package engine_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

const secret = "SECRETabc123XYZ"

// sinks collects every text in which an execution can be seen.
type sinks struct {
	mu    sync.Mutex
	texts map[string]string
}

func (s *sinks) add(where string, v any) {
	text, ok := v.(string)
	if !ok {
		data, err := json.Marshal(v)
		text = fmt.Sprintf("%+v %s %v", v, data, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.texts == nil {
		s.texts = make(map[string]string)
	}
	s.texts[where] += text
}

// HandleEvents makes the sinks a handler.
func (s *sinks) HandleEvents(events []engine.Event) {
	for _, ev := range events {
		s.add("the handler", ev)
		s.add("a line of the handler", string(ev.Line))
	}
}

func (s *sinks) check(t *testing.T) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for where, text := range s.texts {
		if i := strings.Index(text, secret); i >= 0 {
			t.Errorf("the secret is in %s: …%s…", where, text[max(0, i-60):min(len(text), i+60)])
		}
	}
}

// look adds what the methods tell of an execution.
func (s *sinks) look(t *testing.T, e *engine.Engine, id engine.ID, when string) {
	t.Helper()
	s.add("Get "+when, get(t, e, id))
	page, err := e.List(t.Context(), engine.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	s.add("List "+when, page)
}

// The secret is in argument, environment, stdin, both streams, labels, actor and
// working directory.
func secretive(dir string) engine.Request {
	r := bash(`cat; echo "$1 $HIDDEN_TOKEN" >&2; pwd; printf "${1%??}"; sleep 0.05; printf "${1: -2}"; read x <"$2"; exit 1`, secret, filepath.Join(dir, "gate"))
	r.Env = map[string]string{"HIDDEN_TOKEN": secret, "PLAIN": "see " + secret}
	r.Stdin = []byte("stdin: " + secret + "\n")
	r.WorkingDir = filepath.Join(dir, secret)
	r.Actor = engine.Actor{Kind: engine.Human, Name: secret}
	r.Metadata = engine.Metadata{Source: secret, Tags: map[string]string{"label": secret}}
	r.OutputLogPath = filepath.Join(dir, "log")
	return r
}

func TestRED11_NoSinkShowsASecret(t *testing.T) {
	t.Parallel()
	for name, register := range map[string]func(*engine.Request){
		"registered":           func(r *engine.Request) { r.Secrets = []string{secret} },
		"in a secret variable": func(*engine.Request) {},
		"values alone":         func(r *engine.Request) { r.Redact = engine.RedactValues },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &sinks{}
			e := open(t, engine.Config{Handler: s})
			dir := t.TempDir()
			if err := os.Mkdir(filepath.Join(dir, secret), 0o700); err != nil {
				t.Fatal(err)
			}
			fifo(t, filepath.Join(dir, "gate"))
			r := secretive(dir)
			register(&r)
			r.Tee = func(_ engine.Stream, p []byte) { s.add("the tee", string(p)) }
			id := start(t, e, r)
			until(t, e, id, isStart)
			s.look(t, e, id, "while it runs")
			if err := os.WriteFile(filepath.Join(dir, "gate"), []byte("go\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			result := end(t, e, id)
			s.add("Result", result)
			s.look(t, e, id, "after the end")
			for _, ev := range watched(t, e, id, 0) {
				s.add("Watch", ev)
				s.add("a line of Watch", string(ev.Line))
			}
			for _, o := range outputs(t, e, id, 0) {
				s.add("Output", string(o.Data))
			}
			log, err := os.ReadFile(r.OutputLogPath)
			if err != nil || !strings.Contains(string(log), "[REDACTED]") {
				t.Errorf("want masks in the log, got %q, %v", log, err)
			}
			s.add("the log", string(log))
			if err := e.Shutdown(t.Context()); err != nil {
				t.Fatal(err)
			}
			s.check(t)
			if result.Output.Masks < 4 {
				t.Errorf("want every mask counted, got %d: %q, %q", result.Output.Masks, result.Stdout, result.Stderr)
			}
		})
	}
}

func TestRED12_NoErrorShowsASecret(t *testing.T) {
	t.Parallel()
	noProgram := filepath.Join(t.TempDir(), secret)
	if err := os.WriteFile(noProgram, []byte("no program\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	e := open(t, engine.Config{Policy: engine.PolicyFunc(func(_ context.Context, a engine.Action) error {
		if a.Argv[0] == "echo" && a.Starting == (len(a.Argv) > 2) {
			return fmt.Errorf("%q is not allowed", a.Argv)
		}
		return nil
	})})
	s := &sinks{}
	id := engine.ID{9}
	for name, r := range map[string]engine.Request{
		"a missing program":     {Command: engine.Exec("/no/such/" + secret)},
		"a missing directory":   {Command: engine.Exec("true"), WorkingDir: "/no/such/" + secret},
		"a relative directory":  {Command: engine.Exec("true"), WorkingDir: secret},
		"a missing script":      {Command: engine.Script("/no/such/" + secret)},
		"a signal":              {Command: engine.Exec("true"), StopSignal: secret},
		"a log path":            {Command: engine.Exec("true"), OutputLogPath: secret},
		"an actor":              {Command: engine.Exec("true"), Actor: engine.Actor{Kind: secret}},
		"a region":              {Command: engine.AWS("s3", "ls").Region("-" + secret)},
		"a name of a variable":  {Command: engine.Exec("true"), Env: map[string]string{"A=" + secret: ""}},
		"a redact":              {Command: engine.Exec("true"), Redact: secret},
		"a denial":              {Command: engine.Exec("echo", secret)},
		"a denial at the start": {Command: engine.Exec("echo", secret, "x")},
		"no program at all":     {Command: engine.Exec(noProgram, "--password="+secret)},
		"a bad text with an id": {ID: id, Command: engine.Exec("true", secret+"\xff")},
	} {
		r.Secrets = []string{secret}
		started, err := e.Execute(t.Context(), r)
		if err == nil {
			result := end(t, e, started)
			if result.Success {
				t.Errorf("%s is no error", name)
			}
			s.add("the result of "+name, result)
			continue
		}
		s.add(name, err.Error()+engine.Hint(err))
		s.add(name+", formatted", fmt.Sprintf("%v %+v %q %#v", err, err, err, fmt.Errorf("run: %w", err).Error()))
	}
	s.check(t)
}

// A mask must not outlive what it is for: what another execution writes is its own.
func TestSecret_IsMaskedInItsExecutionAlone(t *testing.T) {
	t.Parallel()
	e := open(t, engine.Config{})
	with := bash(`echo "$1"`, "hunter2hunter2")
	with.Secrets = []string{"hunter2hunter2"}
	with.Timeout = time.Minute
	if r := do(t, e, with); r.Stdout != "[REDACTED]\n" {
		t.Errorf("want it masked, got %q", r.Stdout)
	}
	if r := do(t, e, bash(`echo "$1"`, "hunter2hunter2")); r.Stdout != "hunter2hunter2\n" {
		t.Errorf("want it as it is, got %q", r.Stdout)
	}
}
