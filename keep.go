package engine

import (
	"bytes"
	"reflect"

	"github.com/escher-dbai/cloudops-engine/internal/redact"
)

// kept is a request as it is kept when its execution has ended, without its
// secrets: as JSON, or where there was nothing to it but a command with nothing to
// mask, as it is for most, as that command.
type kept struct {
	json    string
	command Command
	parsed  *Request // of a plan, which would take long to read
}

// keep makes what is kept of a request, and what runs as it is shown.
func keep(of *Request, mask func(string) string) (k kept, line string, err error) {
	r := *of
	r.ID, r.Secrets, r.Stdin, r.StdinFrom, r.Tee = ID{}, nil, nil, nil, nil
	r.Env = withoutSecrets(r.Env)
	text := r.Command.String()
	line = mask(text)
	if _, ok := r.Command.(Plan); ok {
		k, err = keepPlan(r, mask)
		return k, line, err
	}
	rest := r
	rest.Command = nil
	if line == text && reflect.ValueOf(rest).IsZero() {
		return kept{command: r.Command}, line, nil
	}
	data, err := maskedRequest(r, mask)
	return kept{json: string(data)}, line, err
}

// keepPlan makes what is kept of a plan.
func keepPlan(r Request, mask func(string) string) (kept, error) {
	data, err := r.MarshalJSON()
	if err != nil {
		return kept{}, err
	}
	masked, err := maskedRequest(r, mask)
	if err != nil || bytes.Equal(data, masked) {
		return kept{parsed: &r}, err
	}
	r, err = ParseRequest(masked)
	return kept{parsed: &r}, err
}

// maskedRequest is a request as JSON, without its id and its secrets: a mask stands
// where they were, so that nobody runs it again without them and does not notice.
func maskedRequest(r Request, mask func(string) string) ([]byte, error) {
	r.ID = ID{}
	if len(r.Secrets) > 0 {
		r.Secrets = []string{redact.Mask}
	}
	if len(r.Stdin) > 0 || r.StdinFrom != nil {
		r.Stdin = []byte(redact.Mask)
	}
	r.Env = withoutSecrets(r.Env)
	if p, ok := r.Command.(Plan); ok {
		r.Command = p.withoutSecrets()
	}
	data, err := r.MarshalJSON()
	if err != nil {
		return nil, err
	}
	return redact.JSON(data, mask)
}

// request is what was kept.
func (k kept) request() Request {
	if k.parsed != nil {
		return *k.parsed
	}
	if k.command != nil {
		return Request{Command: k.command}
	}
	r, err := ParseRequest([]byte(k.json))
	if err != nil || r.Command == nil {
		r.Command = Exec("unknown") // keep wrote it: this does not happen
	}
	return r
}

func withoutSecrets(env map[string]string) map[string]string {
	if len(env) == 0 {
		return nil
	}
	out := make(map[string]string, len(env))
	for name, value := range env {
		if redact.SecretName(name) {
			value = redact.Mask
		}
		out[name] = value
	}
	return out
}
