package engine

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// requestJSON is a Request on the wire.
type requestJSON struct {
	ID      ID              `json:"id,omitzero"`
	Command json.RawMessage `json:"command"`

	Env        map[string]string `json:"env,omitempty"`
	UnsetEnv   []string          `json:"unset_env,omitempty"`
	CleanEnv   bool              `json:"clean_env,omitempty"`
	InheritEnv []string          `json:"inherit_env,omitempty"`
	WorkingDir string            `json:"working_dir,omitempty"`

	TimeoutMS      *int64 `json:"timeout_ms,omitempty"`
	IdleTimeoutMS  *int64 `json:"idle_timeout_ms,omitempty"`
	QueueTimeoutMS *int64 `json:"queue_timeout_ms,omitempty"`
	GraceMS        *int64 `json:"grace_ms,omitempty"`
	WaitDelayMS    *int64 `json:"wait_delay_ms,omitempty"`
	StopSignal     string `json:"stop_signal,omitempty"`

	KillMode        KillMode  `json:"kill_mode,omitempty"`
	Leftovers       Leftovers `json:"leftovers,omitempty"`
	NoNewPrivileges bool      `json:"no_new_privileges,omitempty"`

	Stdin       *string `json:"stdin,omitempty"`
	StdinBase64 []byte  `json:"stdin_base64,omitempty"`

	Interactive bool          `json:"interactive,omitempty"`
	Terminal    *TerminalSize `json:"terminal,omitempty"`

	OutputLogPath string     `json:"output_log_path,omitempty"`
	OutputLogMode LogMode    `json:"output_log_mode,omitempty"`
	Digest        bool       `json:"digest,omitempty"`
	SuccessCodes  []int      `json:"success_codes,omitempty"`
	Secrets       []string   `json:"secrets,omitempty"`
	Redact        Redact     `json:"redact,omitempty"`
	Lock          string     `json:"lock,omitempty"`
	Limits        limitsJSON `json:"limits,omitzero"`
	Actor         Actor      `json:"actor,omitzero"`
	Metadata      Metadata   `json:"metadata,omitzero"`
	Trace         Trace      `json:"trace,omitzero"`
}

// limitsJSON is Limits on the wire, where 0 is not the same as absent.
type limitsJSON struct {
	OutputBytes *int64   `json:"output_bytes,omitempty"`
	Oversize    Oversize `json:"oversized_output_strategy,omitempty"`
	MemoryBytes *int64   `json:"memory_bytes,omitempty"`
	CPUs        *float64 `json:"cpus,omitempty"`
	Processes   *int64   `json:"processes,omitempty"`
	OpenFiles   *int64   `json:"open_files,omitempty"`
	BestEffort  bool     `json:"best_effort,omitempty"`
}

// wholeLimit is a limit that is a whole number, with its JSON.
type wholeLimit struct {
	name  string
	n     *int64
	json  **int64
	least int64 // below, no program starts
}

func wholeLimits(l *Limits, j *limitsJSON) [4]wholeLimit {
	return [...]wholeLimit{
		{"output_bytes", &l.OutputBytes, &j.OutputBytes, 1},
		{"memory_bytes", &l.MemoryBytes, &j.MemoryBytes, 4 << 20},
		{"processes", &l.Processes, &j.Processes, 1},
		{"open_files", &l.OpenFiles, &j.OpenFiles, 16},
	}
}

// durations pairs the durations of a request with their JSON.
func durations(r *Request, j *requestJSON) []struct {
	name string
	d    *time.Duration
	ms   **int64
} {
	return []struct {
		name string
		d    *time.Duration
		ms   **int64
	}{
		{"timeout_ms", &r.Timeout, &j.TimeoutMS},
		{"idle_timeout_ms", &r.IdleTimeout, &j.IdleTimeoutMS},
		{"queue_timeout_ms", &r.QueueTimeout, &j.QueueTimeoutMS},
		{"grace_ms", &r.Grace, &j.GraceMS},
		{"wait_delay_ms", &r.WaitDelay, &j.WaitDelayMS},
	}
}

// MarshalJSON writes the request without StdinFrom and Tee, which are not data.
func (r Request) MarshalJSON() ([]byte, error) {
	r = lifted(r)
	j := requestJSON{
		ID: r.ID, Env: r.Env, UnsetEnv: r.UnsetEnv, CleanEnv: r.CleanEnv, InheritEnv: r.InheritEnv, WorkingDir: r.WorkingDir,
		StopSignal: r.StopSignal, StdinBase64: r.Stdin, OutputLogPath: r.OutputLogPath, OutputLogMode: r.OutputLogMode,
		Digest: r.Digest, Interactive: r.Interactive, Terminal: r.Terminal,
		SuccessCodes: r.SuccessCodes, Secrets: r.Secrets, Redact: r.Redact,
		KillMode: r.KillMode, Leftovers: r.Leftovers, NoNewPrivileges: r.NoNewPrivileges, Lock: r.Lock,
		Limits: limitsJSON{Oversize: r.Limits.Oversize, BestEffort: r.Limits.BestEffort},
		Actor:  r.Actor, Metadata: r.Metadata, Trace: r.Trace,
	}
	if len(r.Metadata.Tags) == 0 {
		j.Metadata.Tags = nil // no tags and an empty list of them are the same content
	}
	for _, d := range durations(&r, &j) {
		if *d.d != 0 {
			ms := milliseconds(*d.d)
			*d.ms = &ms
		}
	}
	for _, l := range wholeLimits(&r.Limits, &j.Limits) {
		if *l.n != 0 {
			*l.json = l.n
		}
	}
	if r.Limits.CPUs != 0 {
		j.Limits.CPUs = &r.Limits.CPUs
	}
	if r.Command != nil {
		command, err := r.Command.MarshalJSON()
		if err != nil {
			return nil, err
		}
		j.Command = command
	} else {
		j.Command = json.RawMessage("null")
	}
	return json.Marshal(j)
}

// UnmarshalJSON reads a request, strictly: a field that is not known is an
// ErrInvalid, as is a duration of 0.
func (r *Request) UnmarshalJSON(data []byte) error {
	var j requestJSON
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&j); err != nil {
		return Advise(fault(ErrInvalid, "request: %s", inJSONWords(err)), "docs/types.md lists the fields of a request")
	}
	*r = Request{
		ID: j.ID, Env: j.Env, UnsetEnv: j.UnsetEnv, CleanEnv: j.CleanEnv, InheritEnv: j.InheritEnv, WorkingDir: j.WorkingDir,
		StopSignal: j.StopSignal, Stdin: j.StdinBase64, OutputLogPath: j.OutputLogPath, OutputLogMode: j.OutputLogMode,
		Digest: j.Digest, Interactive: j.Interactive, Terminal: j.Terminal,
		SuccessCodes: j.SuccessCodes, Secrets: j.Secrets, Redact: j.Redact,
		KillMode: j.KillMode, Leftovers: j.Leftovers, NoNewPrivileges: j.NoNewPrivileges, Lock: j.Lock,
		Limits: Limits{Oversize: j.Limits.Oversize, BestEffort: j.Limits.BestEffort},
		Actor:  j.Actor, Metadata: j.Metadata, Trace: j.Trace,
	}
	if j.Stdin != nil {
		if j.StdinBase64 != nil {
			return fault(ErrInvalid, "stdin and stdin_base64 are both given: give one")
		}
		r.Stdin = []byte(*j.Stdin)
	}
	if err := readNumbers(r, &j); err != nil {
		return err
	}
	if len(j.Command) == 0 || string(j.Command) == "null" {
		return nil // an empty command is for Execute to refuse
	}
	command, err := ParseCommand(j.Command)
	r.Command = command
	return err
}

// inJSONWords says in words of JSON what a decoder found wrong.
func inJSONWords(err error) string {
	wrong, ok := errors.AsType[*json.UnmarshalTypeError](err)
	if !ok || wrong.Field == "" {
		return strings.TrimPrefix(err.Error(), "json: ") // such as of an unknown field
	}
	want := "an object"
	switch wrong.Type.Kind() {
	case reflect.String:
		want = "a string"
	case reflect.Bool:
		want = "true or false"
	case reflect.Slice:
		want = "a list"
	case reflect.Float64:
		want = "a number"
	case reflect.Int, reflect.Int64, reflect.Uint16:
		want = "a whole number"
	default:
	}
	return fmt.Sprintf("%s is not %s, but a JSON %s", wrong.Field, want, wrong.Value)
}

// readNumbers reads the numbers for which 0 in JSON is an error.
func readNumbers(r *Request, j *requestJSON) error {
	var faults []error
	for _, l := range wholeLimits(&r.Limits, &j.Limits) {
		if *l.json == nil {
			continue
		}
		if *l.n = **l.json; *l.n <= 0 {
			faults = append(faults, fault(ErrInvalid, "limits.%s is %d: must be above 0; leave it out for the default", l.name, *l.n))
		}
	}
	if n := j.Limits.CPUs; n != nil {
		if r.Limits.CPUs = *n; *n <= 0 {
			faults = append(faults, fault(ErrInvalid, "limits.cpus is %g: must be above 0; leave it out for no limit", *n))
		}
	}
	for _, d := range durations(r, j) {
		switch ms := *d.ms; {
		case ms == nil:
		case *ms <= 0:
			faults = append(faults, fault(ErrInvalid, "%s is %d: must be above 0; leave it out for the default", d.name, *ms))
		case *ms > int64(Forever/time.Millisecond):
			*d.d = Forever
		default:
			*d.d = time.Duration(*ms) * time.Millisecond
		}
	}
	return errors.Join(faults...)
}

// ParseRequest reads one JSON request. Errors: ErrInvalid and what is more
// precise.
func ParseRequest(data []byte) (Request, error) {
	var r Request
	if err := json.Unmarshal(data, &r); err != nil {
		if _, ok := errors.AsType[*condition](err); !ok {
			err = fault(ErrInvalid, "request: %v", err)
		}
		return Request{}, err
	}
	return r, nil
}
