package engine

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/escher-dbai/cloudops-engine/internal/journal"
	"github.com/escher-dbai/cloudops-engine/internal/redact"
)

// Host runs launches as processes of this program for a Runner that another package
// makes: one that keeps a record on disk, or runs in a process of its own. It is a
// Runner itself. It is safe for concurrent use; make it with [NewHost].
type Host struct{ local *localRunner }

// NewHost returns a host without executions. Errors: ErrUnsupported where trees cannot
// be held like that, the system's.
func NewHost(c Containment) (*Host, error) {
	local, err := newLocalRunner(c)
	if err != nil {
		return nil, err
	}
	return &Host{local: local}, nil
}

// Close waits until every execution has ended, and frees what the host holds.
func (h *Host) Close() error { return h.local.close() }

// Cgroup is the folder of the cgroup that all executions of the host are below, "" where
// they are in none: for whoever has to end them when this program has gone.
func (h *Host) Cgroup() string { return h.local.runs.Cgroup() }

// Start starts a process, for an engine in this program.
func (h *Host) Start(ctx context.Context, l *Launch) (Control, error) {
	own := *l
	known, tell := l.Foreseen(), l.Ended
	own.Ended = func(end Ending) {
		end.Unenforced, end.LogPath = known.Unenforced, known.LogPath
		tell(end)
	}
	if n := len(l.Env); n > 0 && l.Env[n-1] == l.mark { // the process room adds it
		own.Env = slices.Clip(l.Env[:n-1])
	}
	control, err := h.local.Start(ctx, &own)
	if err != nil {
		return nil, err
	}
	return hosted{control, own.secrets}, nil
}

// hosted is a control that also masks what is added.
type hosted struct {
	Control
	secrets *redact.Secrets
}

// AddSecrets has values masked from now on.
func (h hosted) AddSecrets(_ context.Context, values []string) error {
	h.secrets.Add(values...)
	return nil
}

// StartAlone starts a process where no engine writes the notes of its record, because it
// is in another program: they are written here, but for the last, which is for
// [EndRecord]. Started, Phase and Ended of the launch are called as by Start.
func (h *Host) StartAlone(ctx context.Context, l *Launch) (Control, error) {
	own, record := *l, l.Journal
	var began time.Time
	own.Started = func() {
		began = time.Now()
		record.Note(noteStarted, width(noteStarted))
		l.Started()
	}
	own.Phase = func(kind EventKind) {
		noteStop(record, kind)
		l.Phase(kind)
	}
	control, err := h.Start(ctx, &own)
	if err != nil {
		return nil, err
	}
	return Noting(control, l, began), nil
}

// NewRecord is a record in memory that an engine would make of a request that it has
// accepted, for one that no engine has.
func NewRecord() *Journal {
	j := journal.New(&journal.Options{})
	j.Note(noteAccepted, width(noteAccepted))
	return j
}

// EndRecord writes the last note of a record, where no engine does: after the ending
// was kept, because who reads the note asks for that.
func EndRecord(j *Journal) { j.Close(noteEnded, width(noteEnded)) }

// RecordStarted reports whether a record says that its execution was started.
func RecordStarted(j *Journal) bool {
	var one [1]journal.Record
	for at := int64(0); ; {
		n, next, _ := j.TryRead(at, one[:])
		switch {
		case n == 0:
			return false
		case one[0].Kind != journal.Note || one[0].Code == noteStarted: // before the start there is no output
			return true
		}
		at = next
	}
}

// Noting is a control that notes in the record of a launch, which runs since began, what
// is asked of it past its engine.
func Noting(c Control, l *Launch, began time.Time) Control {
	n := &noting{Control: c, record: l.Journal, began: began, timeout: l.Timeout}
	if l.Terminal != nil {
		n.size = *l.Terminal
	}
	return n
}

// noting is such a control.
type noting struct {
	Control
	record *Journal
	began  time.Time

	mu      sync.Mutex
	remarks int
	timeout time.Duration
	size    TerminalSize
}

// AddSecrets has values masked from now on, where its runner masks.
func (n *noting) AddSecrets(ctx context.Context, values []string) error {
	if m, ok := n.Control.(Masker); ok {
		return m.AddSecrets(ctx, values)
	}
	return nil
}

// Resize changes the size of its terminal, and notes it where it is another.
func (n *noting) Resize(size TerminalSize) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.Control.Resize(size); err != nil || size == n.size {
		return err
	}
	n.size = size
	n.remark(noteResized, size.detail())
	return nil
}

// Extend moves its deadline, and notes it where it is a later one.
func (n *noting) Extend(timeout time.Duration) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.Control.Extend(timeout) {
		return false
	}
	if timeout > n.timeout {
		n.timeout = timeout
		n.remark(noteExtended, detailOf(n.began.Add(timeout)))
	}
	return true
}

// Began is when it was started, and how long it may run since then.
func (n *noting) Began() (at time.Time, timeout time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.began, n.timeout
}

// remark notes one of a bounded number. Callers hold n.mu.
func (n *noting) remark(code uint8, detail uint64) {
	if n.remarks < maxRemarks {
		n.remarks++
		n.record.NoteDetail(code, detail)
	}
}

// Mark is the entry of the environment that every process of an execution has, and no
// other: how what is left of it is found when nobody holds it any more.
func (l *Launch) Mark() string {
	if l.mark != "" {
		return l.mark
	}
	return mark(l.ID)
}

// Foreseen is what of an ending is known before the start: Unenforced and LogPath.
func (l *Launch) Foreseen() Ending {
	return Ending{Unenforced: l.unenforced, LogPath: l.Mask(l.logPath)}
}

var _ Runner = (*Host)(nil)
