package engine

import (
	"errors"
	"fmt"
	"maps"
)

var _ Command = Plan{}

// Type is [CommandTypePlan].
func (Plan) Type() CommandType { return CommandTypePlan }

// String is what it is called, and how many commands it has.
func (p Plan) String() string {
	line := []string{"plan"}
	if p.Description != "" {
		line = append(line, clip(p.Description, 120))
	}
	noun := "commands"
	if len(p.Commands) == 1 {
		noun = "command"
	}
	return fmt.Sprintf("%s # %d %s", commandLine(line), len(p.Commands), noun)
}

// invocation is none: its commands have theirs.
func (Plan) invocation(string) (invocation, error) {
	return invocation{}, fault(ErrInvalidCommand, "a plan is no process")
}

// check looks at what Check looks at, which is where its texts are.
func (p Plan) check(k *commandChecker) {
	if err := p.Check(); err != nil {
		k.fault("commands", "%v", err)
	}
}

func parsePlanCommand(data []byte) (Command, error) {
	p, err := ParsePlan(data)
	if err != nil {
		return nil, err
	}
	return p, nil
}

// Request is the request that runs the plan: its ID, Metadata, Timeout and Lock are those
// of the plan, which is its command.
func (p Plan) Request() Request { return lifted(Request{Command: p}) }

// lifted moves what a plan has in common with a request to the request, so that the same
// is the same content, wherever it was given. What the request has wins.
func lifted(r Request) Request {
	p, ok := r.Command.(Plan)
	if !ok {
		return r
	}
	if r.ID == (ID{}) {
		r.ID = p.ID
	}
	if r.Timeout == 0 {
		r.Timeout = p.Timeout
	}
	if r.Lock == "" {
		r.Lock = p.Lock
	}
	if r.Metadata.Source == "" {
		r.Metadata.Source = p.Metadata.Source
	}
	if r.Metadata.ConversationID == (ID{}) {
		r.Metadata.ConversationID = p.Metadata.ConversationID
	}
	r.Metadata.Tags = mergedTags(p.Metadata.Tags, r.Metadata.Tags)
	p.ID, p.Timeout, p.Lock, p.Metadata = ID{}, 0, "", Metadata{}
	r.Command = p
	return r
}

// mergedTags are both; where they differ the later win.
func mergedTags(tags, later map[string]string) map[string]string {
	if len(tags) == 0 {
		return later
	}
	all := maps.Clone(tags)
	maps.Copy(all, later)
	return all
}

// checkPlanRequest refuses what a plan has no use for: who gives it expects something.
func checkPlanRequest(r *Request) error {
	var faults []error
	refuse := func(name string, given bool) {
		if given {
			faults = append(faults, fault(ErrInvalid, "%s is given, and this is a plan: give it to its commands", name))
		}
	}
	refuse("env", len(r.Env)+len(r.UnsetEnv)+len(r.InheritEnv) > 0 || r.CleanEnv)
	refuse("working_dir", r.WorkingDir != "")
	refuse("idle_timeout_ms", r.IdleTimeout != 0)
	refuse("grace_ms", r.Grace != 0)
	refuse("wait_delay_ms", r.WaitDelay != 0)
	refuse("stop_signal", r.StopSignal != "" || r.KillMode != "")
	refuse("leftovers", r.Leftovers != "")
	refuse("no_new_privileges", r.NoNewPrivileges)
	refuse("stdin", r.Stdin != nil || r.StdinFrom != nil || r.Interactive || r.Terminal != nil)
	refuse("output_log_path", r.OutputLogPath != "" || r.OutputLogMode != "" || r.Tee != nil || r.Digest)
	refuse("success_codes", len(r.SuccessCodes) > 0)
	refuse("limits", r.Limits != (Limits{}))
	return errors.Join(faults...)
}
