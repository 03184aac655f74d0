package cli

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

// toolTimeout is how long a CLI may take to tell its version. Some start an
// interpreter and a thousand modules for it.
const toolTimeout = 20 * time.Second

// tools are the cloud CLIs that the engine knows, and how each tells its version.
func tools() []struct {
	name string
	args []string
} {
	return []struct {
		name string
		args []string
	}{
		{"aws", []string{"--version"}},
		{"gcloud", []string{"--version"}},
		{"az", []string{"version", "--output", "json"}},
		{"kubectl", []string{"version", "--client"}},
		{"terraform", []string{"version"}},
	}
}

// askTools asks all of them at once.
func askTools(ctx context.Context, e *engine.Engine) []check {
	checks := make([]check, len(tools()))
	ids := make([]engine.ID, len(checks))
	for i, tool := range tools() {
		c := check{Group: "tool", Name: tool.name, State: lacking, Detail: "not found on PATH"}
		path, err := exec.LookPath(tool.name)
		if err == nil {
			c.Path = path
			ids[i], err = e.Execute(ctx, versionRequest(engine.Exec(tool.name, tool.args...)))
		}
		if err != nil && !errors.Is(err, exec.ErrNotFound) {
			c.State, c.Detail = unsure, err.Error()
		}
		checks[i] = c
	}
	for i, id := range ids {
		if id == (engine.ID{}) {
			continue
		}
		r, err := e.Wait(ctx, id)
		if err != nil {
			checks[i].State, checks[i].Detail = unsure, err.Error()
			continue
		}
		checks[i].answered(&r)
	}
	return checks
}

// answered reads what a tool said.
func (c *check) answered(r *engine.Result) {
	c.Version = versionIn(r.Stdout + r.Stderr)
	switch {
	case r.Cause == engine.CauseTimeout:
		c.State, c.Detail, c.Version = unsure, "no answer within "+toolTimeout.String()+": "+c.Path, ""
	case !r.Success:
		c.State, c.Detail, c.Version = unsure, r.Error+": "+c.Path, ""
	case c.Version == "":
		c.State, c.Detail = unsure, "no version in its answer: "+c.Path
	default:
		c.State, c.Detail = good, ""
	}
}

// ask runs a command to its end.
func ask(ctx context.Context, e *engine.Engine, command engine.Command) (engine.Result, error) {
	id, err := e.Execute(ctx, versionRequest(command))
	if err != nil {
		return engine.Result{}, err
	}
	return e.Wait(ctx, id)
}

func versionRequest(command engine.Command) engine.Request {
	return engine.Request{
		Command: command,
		Timeout: toolTimeout, Grace: time.Second,
		Env: map[string]string{"CHECKPOINT_DISABLE": "1"}, // terraform asks the network otherwise
	}
}

// versionIn is the first word of a text that looks like a version: digits, a dot
// and digits, whatever stands around.
func versionIn(text string) string {
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return strings.ContainsRune(" \t\r\n\"',/:()", r) }) {
		word = strings.TrimPrefix(word, "v")
		major, rest, ok := strings.Cut(word, ".")
		if ok && isDigits(major) && rest != "" && isDigits(rest[:1]) {
			return word
		}
	}
	return ""
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
