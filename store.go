package engine

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/escher-dbai/cloudops-engine/internal/redact"
)

// Store keeps what outlives an engine's memory: which requests were accepted, in
// what order, and what became of them. It keeps no output. [NewMemoryStore] makes
// one that forgets with the program; the suite enginetest.TestStore holds for
// every one.
//
// What a method has acknowledged by returning nil is kept: how durably is for the
// implementation to say, and the same for Accept, Note and Delete. Calls that run
// at the same time may share what that costs, so that a hundred take as long as
// one. A context bounds the waiting: where it ends first, what was asked may still
// be done, and the same call made again finds out.
//
// All methods are safe for concurrent use. They return ErrStore where the store
// itself fails, ErrClosed after it was closed.
type Store interface {
	// Accept keeps a request and its place in the order of acceptance. Known says
	// that it is there already, with the same digest; nothing changes then. Errors:
	// ErrInvalid, ErrConflict where the id is there with another digest, ErrExpired
	// where it was deleted.
	Accept(ctx context.Context, a Acceptance) (known bool, err error)
	// Note keeps changes of executions, in this order. What an execution became is
	// final once it ended; what is shown of it is not. Each change that cannot be kept is an error in the
	// returned one, and the others are kept: ErrFinished where it has ended already,
	// ErrInvalid where its status cannot become this one, ErrNotFound, ErrExpired.
	// With an ErrStore none is.
	Note(ctx context.Context, changes ...Change) error
	// Get returns what is kept of an execution. Errors: ErrNotFound, ErrExpired.
	Get(ctx context.Context, id ID) (Record, error)
	// List returns executions that match, by the order of their acceptance: the last
	// accepted first, or with Filter.Oldest last. Pages that are asked for one after
	// the other have no execution twice, and miss none that was there all the time
	// and matched. Errors: ErrInvalid.
	List(ctx context.Context, f Filter) (Page, error)
	// Delete forgets finished executions, and returns how many. Their ids stay
	// known for long. With an error some may have been deleted. Errors: ErrInvalid,
	// and for each of Deletion.IDs ErrNotFound, ErrExpired, ErrNotFinished.
	Delete(ctx context.Context, d Deletion) (int, error)
}

// Acceptance is a request as it was accepted. [NewAcceptance] makes one.
type Acceptance struct {
	// Execution is what is known of it: its id, that it is pending or awaits
	// approval, when it was accepted, and its labels, free of secrets.
	Execution Execution
	// Digest is the same for the same content.
	Digest [16]byte
	// Request is the request as JSON without its secrets: what is kept of it.
	Request []byte
	// Whole is the request as JSON with all that is needed to run it; nil where
	// that is Request. It is kept only until the execution starts or ends, of a plan until
	// it ends, and encrypted where it leaves the memory.
	Whole []byte
}

// NewAcceptance is the acceptance of a request, which must have its ID and its
// Command. What mask finds is secret, beside Request.Secrets, Request.Stdin and
// variables whose names look secret. StdinFrom and Tee are no data and not part of
// it: who accepts a request for later must not rely on them. Errors: ErrInvalid.
func NewAcceptance(r Request, at time.Time, mask func(text string) string) (Acceptance, error) {
	if r.ID == (ID{}) || r.Command == nil {
		return Acceptance{}, fault(ErrInvalid, "an acceptance needs an id and a command")
	}
	a := Acceptance{Execution: Execution{
		ID: r.ID, Status: Pending, Type: string(r.Command.Type()), Command: mask(r.Command.String()),
		AcceptedAt: at, ExitCode: -1,
	}}
	content, err := contentOf(&r)
	if err != nil {
		return Acceptance{}, err
	}
	if a.Digest, err = digestOfContent(&r, content); err != nil {
		return Acceptance{}, err
	}
	r.ID = ID{}
	own(&r)
	if maskLabels(&r, mask) {
		if content, err = contentOf(&r); err != nil {
			return Acceptance{}, err
		}
	}
	a.Execution.Actor, a.Execution.Metadata = r.Actor, r.Metadata
	if a.Request, err = maskedContent(&r, content, mask); err != nil {
		return Acceptance{}, fault(ErrInvalid, "request: %v", err)
	}
	if !bytes.Equal(a.Request, content) {
		a.Whole = content
	}
	return a, nil
}

// maskedContent is the content of a request without its secrets.
func maskedContent(r *Request, content []byte, mask func(string) string) ([]byte, error) {
	p, isPlan := r.Command.(Plan)
	if len(r.Secrets)+len(r.Stdin)+len(r.Env) == 0 && r.StdinFrom == nil && (!isPlan || !p.hasSecrets()) {
		return redact.JSON(content, mask)
	}
	return maskedRequest(*r, mask)
}

// Validate returns an ErrInvalid where a store cannot keep it.
func (a Acceptance) Validate() error {
	switch x := &a.Execution; {
	case x.ID == (ID{}):
		return fault(ErrInvalid, "an acceptance needs an id")
	case x.AcceptedAt.IsZero():
		return fault(ErrInvalid, "execution %s has no time of acceptance", x.ID)
	case x.Status != Pending && x.Status != AwaitingApproval:
		return fault(ErrInvalid, "execution %s is accepted as %q: must be pending or awaiting_approval", x.ID, clip(string(x.Status), 40))
	}
	return nil
}

// Change is one step in the life of an execution.
type Change struct {
	ID ID
	// Status is what it became; empty where that is not the change, but Shown.
	Status Status
	// At is when; of an ending its Result says it.
	At time.Time
	// Result is how it ended, and nil unless Status is terminal. What it wrote is not
	// kept.
	Result *Result
	// Shown takes the place of what was kept of the request, whatever has become of the
	// execution: its command, its labels, the request without secrets, and where it has
	// not started or ended all of it. Status, times and digest stay as they are. nil:
	// nothing is replaced. It is for secrets that became known after the acceptance.
	Shown *Acceptance
}

// Validate returns an ErrInvalid where the change contradicts itself.
func (c Change) Validate() error {
	switch {
	case c.Shown != nil && (c.Status != "" || c.Result != nil):
		return fault(ErrInvalid, "execution %s: a change is of the status or of what is shown, not of both", c.ID)
	case c.Shown != nil && c.Shown.Execution.ID != c.ID:
		return fault(ErrInvalid, "execution %s: a change shows another: %s", c.ID, c.Shown.Execution.ID)
	case c.Shown != nil:
		return nil
	case !c.Status.Valid():
		return fault(ErrInvalid, "execution %s: status %q is none of ours", c.ID, clip(string(c.Status), 40))
	case c.Status.Terminal() != (c.Result != nil):
		return fault(ErrInvalid, "execution %s: a change to %s has a result: %t", c.ID, c.Status, c.Result != nil)
	case c.Result != nil && (c.Result.Status != c.Status || c.Result.ID != c.ID):
		return fault(ErrInvalid, "execution %s: a change to %s has the result of another: %s is %s",
			c.ID, c.Status, c.Result.ID, c.Result.Status)
	}
	return nil
}

// Follows returns an ErrFinished or ErrInvalid where an execution of this status
// cannot become what the change says.
func (c Change) Follows(have Status) error {
	switch {
	case have.Terminal():
		return fault(ErrFinished, "execution %s is %s", c.ID, have)
	case !have.CanBecome(c.Status):
		return fault(ErrInvalid, "execution %s is %s and cannot become %s", c.ID, have, c.Status)
	}
	return nil
}

// Record is what a [Store] keeps of one execution.
type Record struct {
	Execution Execution
	// Request is what was asked, without its id; whole until the execution started,
	// afterwards without secrets and stdin, see Missing.
	Request Request
	// Whole says that Request can be run as it is. That of a plan can until it has ended.
	Whole bool
	// Result is how it ended, without its output; nil before.
	Result *Result
}

// What a request can have lost when it is kept, see [Record.Missing]. A variable is
// MissingEnv and its name. Of a command of a plan "commands/0/" stands before, with its
// index.
const (
	MissingCommand = "command" // a secret in the command itself
	MissingSecrets = "secrets"
	MissingStdin   = "stdin"
	MissingEnv     = "env."
)

// Missing names what a request had that is not kept, by its fields in JSON: what has
// to be given again to run it again. It is empty for one that is whole.
func (r Record) Missing() []string {
	if r.Whole {
		return nil
	}
	var missing []string
	if c := r.Request.Command; c != nil && strings.Contains(c.String(), redact.Mask) {
		missing = append(missing, MissingCommand)
	}
	for name, value := range r.Request.Env {
		if strings.Contains(value, redact.Mask) {
			missing = append(missing, MissingEnv+name)
		}
	}
	if slices.Contains(r.Request.Secrets, redact.Mask) {
		missing = append(missing, MissingSecrets)
	}
	if string(r.Request.Stdin) == redact.Mask {
		missing = append(missing, MissingStdin)
	}
	if p, ok := r.Request.Command.(Plan); ok {
		for i := range p.Commands {
			for _, m := range (Record{Request: p.Commands[i].Request}).Missing() {
				missing = append(missing, commandPath(i)[1:]+"/"+m)
			}
		}
	}
	slices.Sort(missing)
	return missing
}

// Deletion chooses finished executions to delete: those that any of its fields
// chooses, and never one that has not ended. The zero value chooses none.
type Deletion struct {
	// IDs are these.
	IDs []ID
	// Match is all that match; its Limit, After, Oldest and Total do not count.
	Match *Filter
	// EndedBefore is all that ended before.
	EndedBefore time.Time
	// Keep is all but so many, those that ended last. 0: no bound.
	Keep int
	// KeepBytes is as many of those that ended first as have to go for the store to
	// take no more than this, by its own account. 0: no bound.
	KeepBytes int64
}

// Validate returns an ErrInvalid that names every fault.
func (d Deletion) Validate() error {
	var faults []error
	if d.Keep < 0 {
		faults = append(faults, fault(ErrInvalid, "keep is %d: must be above 0; leave it out for no bound", d.Keep))
	}
	if d.KeepBytes < 0 {
		faults = append(faults, fault(ErrInvalid, "keep_bytes is %d: must be above 0; leave it out for no bound", d.KeepBytes))
	}
	if d.Match != nil {
		faults = append(faults, d.Match.Validate())
	}
	return errors.Join(faults...)
}
