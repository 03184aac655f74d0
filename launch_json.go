package engine

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/escher-dbai/cloudops-engine/internal/redact"
)

// launchVersion is raised where a launch means something else than before. A field that
// is new, and nothing without it, needs no other version.
const launchVersion = 1

// launchJSON is a Launch on its way to another process. Durations are in nanoseconds,
// and what the system knows as bytes is bytes: it need not be UTF-8.
type launchJSON struct {
	Version int      `json:"version"`
	ID      ID       `json:"id"`
	Path    []byte   `json:"path"`
	Argv    [][]byte `json:"argv"`
	Env     [][]byte `json:"env"`
	Dir     []byte   `json:"dir,omitempty"`

	Request json.RawMessage `json:"request"`
	// RequestTimes are what the JSON of a request would round: timeout, idle timeout,
	// queue timeout, grace, wait delay.
	RequestTimes [5]time.Duration `json:"request_times_ns"`

	AcceptedAt  time.Time      `json:"accepted_at,omitzero"`
	Timeout     time.Duration  `json:"timeout_ns"`
	IdleTimeout time.Duration  `json:"idle_timeout_ns,omitempty"`
	Grace       time.Duration  `json:"grace_ns"`
	WaitDelay   time.Duration  `json:"wait_delay_ns"`
	StopSignal  syscall.Signal `json:"stop_signal,omitempty"`
	KillMode    KillMode       `json:"kill_mode"`
	KeepBytes   int64          `json:"keep_bytes,omitempty"`
	Oversize    Oversize       `json:"oversize,omitempty"`
	Terminal    *TerminalSize  `json:"terminal,omitempty"`

	Secrets    [][]byte `json:"secrets,omitempty"`
	Patterns   bool     `json:"patterns,omitempty"`
	Mark       []byte   `json:"mark,omitempty"`
	ScriptName *string  `json:"script_name,omitempty"`
	Script     string   `json:"script,omitempty"`
	LogPath    []byte   `json:"log_path,omitempty"`
	Unenforced []string `json:"unenforced,omitempty"`
}

// MarshalJSON writes all that a start needs, secrets in clear: it is for a socket
// between two processes of one user, and never for a file. What is no data is not in it:
// Journal, Started, Phase, Masked, Ended, and of the request StdinFrom and Tee. What depends on
// the working directory of this process does not any more.
func (l *Launch) MarshalJSON() ([]byte, error) {
	dir, logPath, err := l.settled()
	if err != nil {
		return nil, err
	}
	j := launchJSON{
		Version: launchVersion, ID: l.ID, Path: []byte(l.Path), Argv: bytesOf(l.Argv), Env: bytesOf(l.Env), Dir: []byte(dir),
		AcceptedAt: l.AcceptedAt,
		Timeout:    l.Timeout, IdleTimeout: l.IdleTimeout, Grace: l.Grace, WaitDelay: l.WaitDelay,
		StopSignal: l.StopSignal, KillMode: l.KillMode, KeepBytes: l.KeepBytes, Oversize: l.Oversize, Terminal: l.Terminal,
		Mark: []byte(l.mark), LogPath: []byte(logPath), Unenforced: l.unenforced,
	}
	values, options := l.secrets.Parts()
	j.Secrets, j.Patterns = bytesOf(values), options.Patterns
	if l.script != nil {
		j.ScriptName, j.Script = &l.script.name, l.script.content
	}
	request := *l.Request
	for i, d := range requestTimes(&request) {
		j.RequestTimes[i], *d = *d, 0
	}
	if j.Request, err = request.MarshalJSON(); err != nil {
		return nil, err
	}
	return json.Marshal(j)
}

// settled are its directory and the path of its log, from the root.
func (l *Launch) settled() (dir, logPath string, err error) {
	if dir = l.Dir; dir == "" {
		if dir, err = os.Getwd(); err != nil {
			return "", "", fmt.Errorf("find the working directory: %w", err)
		}
	}
	if l.logPath != "" {
		logPath, err = filepath.Abs(l.logPath)
	}
	return dir, logPath, err
}

// UnmarshalJSON reads what MarshalJSON writes. Errors: ErrInvalid where it is of a
// later version.
func (l *Launch) UnmarshalJSON(data []byte) error {
	var j launchJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return fault(ErrInvalid, "launch: %v", err)
	}
	if j.Version > launchVersion {
		return fault(ErrInvalid, "launch: it is of version %d, and this program knows %d", j.Version, launchVersion)
	}
	request, err := ParseRequest(j.Request)
	if err != nil {
		return err
	}
	for i, d := range requestTimes(&request) {
		*d = j.RequestTimes[i]
	}
	*l = Launch{
		ID: j.ID, Path: string(j.Path), Argv: textsOf(j.Argv), Env: textsOf(j.Env), Dir: string(j.Dir), Request: &request,
		AcceptedAt: j.AcceptedAt,
		Timeout:    j.Timeout, IdleTimeout: j.IdleTimeout, Grace: j.Grace, WaitDelay: j.WaitDelay,
		StopSignal: j.StopSignal, KillMode: j.KillMode, KeepBytes: j.KeepBytes, Oversize: j.Oversize, Terminal: j.Terminal,
		secrets: redact.NewSecrets(redact.New(textsOf(j.Secrets), redact.Options{Patterns: j.Patterns})),
		mark:    string(j.Mark), logPath: string(j.LogPath), unenforced: j.Unenforced,
	}
	l.Mask = l.secrets.String
	if j.ScriptName != nil {
		l.script = &scriptFile{name: *j.ScriptName, content: j.Script}
	}
	return nil
}

func requestTimes(r *Request) [5]*time.Duration {
	return [...]*time.Duration{&r.Timeout, &r.IdleTimeout, &r.QueueTimeout, &r.Grace, &r.WaitDelay}
}

// bytesOf and textsOf tell strings of the system as JSON can hold them.
func bytesOf(texts []string) [][]byte {
	all := make([][]byte, len(texts))
	for i, text := range texts {
		all[i] = []byte(text)
	}
	return all
}

func textsOf(texts [][]byte) []string {
	all := make([]string, len(texts))
	for i, text := range texts {
		all[i] = string(text)
	}
	return all
}
