package engine

import (
	"errors"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/escher-dbai/cloudops-engine/internal/redact"
)

// executionVariable is in the environment of every process of an execution: it
// is how a process that left its group is found, and how a program can tell
// that it runs under an engine.
const executionVariable = "CEE_EXECUTION_ID"

// cleanNames are what is inherited where Request.CleanEnv is set.
func cleanNames() []string {
	return []string{"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ", "TMPDIR", "SystemRoot", "SYSTEMROOT", "TEMP", "TMP"}
}

// inherited is the environment of this process as executions inherit it, worked
// out once for as long as it stays the same.
type inherited struct {
	mu  sync.Mutex
	now *parent
}

// parent is the environment of this process. It does not change.
type parent struct {
	mu    sync.Mutex
	tools []toolEnv // what forTool gave before

	source  []string
	names   []string // of env
	env     []string // without our own settings
	secrets []string // values of names that look secret
	masks   *redact.Set
	values  *redact.Set // without patterns
}

// read returns what is inherited now.
func (h *inherited) read() *parent {
	source := os.Environ()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.now == nil || !slices.Equal(source, h.now.source) {
		h.now = parentOf(source)
	}
	return h.now
}

func parentOf(source []string) *parent {
	p := &parent{source: source}
	for _, entry := range source {
		name, value, ok := strings.Cut(entry, "=")
		if !ok || name == "" || ours(name) {
			continue
		}
		p.env, p.names = append(p.env, entry), append(p.names, name)
		if redact.SecretName(name) {
			p.secrets = append(p.secrets, value)
		}
	}
	p.masks = redact.New(p.secrets, redact.Options{Patterns: true})
	p.values = redact.New(p.secrets, redact.Options{})
	return p
}

// ours reports whether a variable is for this program alone: its settings, and
// the credentials of the fleet.
func ours(name string) bool {
	return strings.HasPrefix(name, EnvPrefix) || strings.HasPrefix(name, "NATS_") || name == executionVariable
}

// environment is the environment of an execution, and what is masked in what it
// writes. The later wins: what is inherited, the tool's defaults, the request's
// own. It may be shared and must not be changed.
func (h *inherited) environment(r *Request, tool []string) ([]string, *redact.Set) {
	p := h.read()
	masks := p.masks
	if r.Redact == RedactValues {
		masks = p.values
	}
	if len(r.Secrets)+len(r.Env)+len(r.UnsetEnv)+len(r.InheritEnv) == 0 && !r.CleanEnv && r.Trace == (Trace{}) {
		return p.forTool(tool), masks
	}
	tool = r.Trace.environment(tool)
	over := make([]string, 0, len(tool)+len(r.Env)+1)
	for _, entry := range tool {
		if _, given := r.Env[nameOf(entry)]; !given {
			over = append(over, entry)
		}
	}
	more := r.Secrets
	for name, value := range r.Env {
		over = append(over, name+"="+value)
		if redact.SecretName(name) {
			more = append(slices.Clip(more), value)
		}
	}
	if len(more) > 0 {
		masks = redact.New(append(slices.Clip(more), p.secrets...), redact.Options{Patterns: r.Redact == RedactDefault})
	}
	return p.under(over, r), masks
}

// toolEnv is the environment that a tool gets where its request says nothing.
type toolEnv struct{ tool, env []string }

// forTool is the inherited environment under the defaults of a tool, worked out
// once: there are as many as kinds of command.
func (p *parent) forTool(tool []string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range p.tools {
		if slices.Equal(t.tool, tool) {
			return t.env
		}
	}
	env := p.under(tool, &Request{})
	p.tools = append(p.tools, toolEnv{tool, env})
	return env
}

// mark is the entry that only the processes of one execution have.
func mark(id ID) string { return executionVariable + "=" + id.String() }

// under is the inherited environment without what over, or the request,
// replaces, and then over.
func (p *parent) under(over []string, r *Request) []string {
	env := make([]string, 0, len(p.env)+len(over))
	for i, entry := range p.env {
		name := p.names[i]
		switch {
		case slices.ContainsFunc(over, func(o string) bool {
			return len(o) > len(name) && o[len(name)] == '=' && o[:len(name)] == name
		}):
		case slices.Contains(r.UnsetEnv, name), name == stateVariable && r.Trace.Parent != "":
		case !inherits(r, name):
		default:
			env = append(env, entry)
		}
	}
	return append(env, over...)
}

// inherits reports whether a request lets a variable in.
func inherits(r *Request, name string) bool {
	if !r.CleanEnv && len(r.InheritEnv) == 0 {
		return true
	}
	return slices.Contains(cleanNames(), name) || strings.HasPrefix(name, "LC_") ||
		slices.ContainsFunc(r.InheritEnv, func(pattern string) bool { return namedBy(pattern, name) })
}

// namedBy reports whether a pattern is a name, or its beginning and *.
func namedBy(pattern, name string) bool {
	prefix, open := strings.CutSuffix(pattern, "*")
	return pattern == name || open && strings.HasPrefix(name, prefix)
}

func nameOf(entry string) string {
	name, _, _ := strings.Cut(entry, "=")
	return name
}

// checkEnv checks the names and values that a request sets.
func checkEnv(r *Request) error {
	var faults []error
	for name, value := range r.Env {
		switch {
		case name == "":
			faults = append(faults, fault(ErrInvalid, "env has an entry without a name"))
		case strings.ContainsAny(name, "=\x00"):
			faults = append(faults, fault(ErrInvalid, "env name %q has = or NUL in it", clip(name, 64)))
		case strings.Contains(value, "\x00"):
			faults = append(faults, fault(ErrInvalid, "env value of %s has NUL in it", clip(name, 64)))
		case ours(name):
			faults = append(faults, fault(ErrInvalid, "env name %s is the engine's own", clip(name, 64)))
		}
	}
	for _, name := range r.InheritEnv {
		if name == "" || strings.ContainsAny(name, "=\x00") {
			faults = append(faults, fault(ErrInvalid, "inherit_env has %q, which is no name", clip(name, 64)))
		}
	}
	for _, name := range r.UnsetEnv {
		if name == "" || strings.ContainsAny(name, "=\x00") {
			faults = append(faults, fault(ErrInvalid, "unset_env has %q, which is no name", clip(name, 64)))
		}
	}
	return errors.Join(faults...)
}
