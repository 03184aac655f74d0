package engine

import (
	"encoding/json"
	"reflect"

	"github.com/escher-dbai/cloudops-engine/internal/redact"
)

// kept is a request as it is kept when its execution has ended: as JSON, and
// without its secrets.
type kept struct {
	json []byte
	// bare says that there is nothing but a command, which json then is: so it is
	// for most, and a whole request costs several times as much.
	bare bool
}

// keep makes what is kept of the request.
func (x *execution) keep() (kept, error) {
	r := x.request
	r.ID, r.Secrets, r.Stdin, r.StdinFrom, r.Tee = ID{}, nil, nil, nil, nil
	r.Env = withoutSecrets(r.Env)
	rest := r
	rest.Command = nil
	k := kept{bare: reflect.ValueOf(rest).IsZero()}
	var err error
	if k.bare {
		k.json, err = r.Command.MarshalJSON()
	} else {
		k.json, err = r.MarshalJSON()
	}
	if err == nil {
		k.json, err = maskJSON(k.json, x.launch.Mask)
	}
	return k, err
}

// request is what was kept.
func (k kept) request() (r Request) {
	var err error
	if k.bare {
		r.Command, err = ParseCommand(k.json)
	} else {
		r, err = ParseRequest(k.json)
	}
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

// maskJSON masks value by value, so that a mask never takes a quote or a brace
// along; but only where there is something to mask.
func maskJSON(data []byte, mask func(string) string) ([]byte, error) {
	text := string(data)
	if mask(text) == text {
		return data, nil
	}
	var content any
	if err := json.Unmarshal(data, &content); err != nil {
		return nil, err
	}
	return json.Marshal(maskStrings(content, mask))
}

func maskStrings(v any, mask func(string) string) any {
	switch v := v.(type) {
	case string:
		return mask(v)
	case []any:
		for i := range v {
			v[i] = maskStrings(v[i], mask)
		}
	case map[string]any:
		for name := range v {
			v[name] = maskStrings(v[name], mask)
		}
	}
	return v
}
