package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	engine "github.com/escher-dbai/cloudops-engine"
)

// lastWord is the newest execution; with a dash and a number, one so many before it.
const lastWord = "@last"

const (
	// shortID is how much of an id people see at least: it tells one millisecond from
	// another in the ids that the engine makes.
	shortID = 13
	// candidates is how many are named of those that a prefix is ambiguous between.
	candidates = 8
)

// unknownError is an ErrNotFound in other words.
type unknownError struct{ error }

// Is makes it an ErrNotFound.
func (unknownError) Is(target error) bool { return target == engine.ErrNotFound }

// unknownID is an error for what names no execution.
func unknownID(format string, args ...any) error {
	return engine.Advise(unknownError{fmt.Errorf(format, args...)}, "cloudops ps -a lists them; a prefix of an id is enough, and @last is the newest")
}

// resolve finds the executions that are named: by an id, the beginning of one, or
// @last. It reports all that cannot be found.
func resolve(ctx context.Context, api engine.API, names []string) ([]engine.ID, error) {
	var faults []error
	ids := make([]engine.ID, 0, len(names))
	for _, name := range names {
		id, err := resolveOne(ctx, api, name)
		ids, faults = append(ids, id), append(faults, err)
	}
	return ids, errors.Join(faults...)
}

func resolveOne(ctx context.Context, api engine.API, name string) (engine.ID, error) {
	if strings.HasPrefix(name, "@") {
		return resolveLast(ctx, api, name)
	}
	if id, err := engine.ParseID(name); err == nil {
		return id, nil
	}
	f := engine.Filter{IDPrefix: name, Limit: candidates + 1}
	if name == "" || f.Validate() != nil {
		return engine.ID{}, unknownID("%q is no id", clip(name))
	}
	page, err := api.List(ctx, f)
	switch {
	case err != nil:
		return engine.ID{}, err
	case len(page.Executions) == 0:
		return engine.ID{}, unknownID("there is no execution %s", clip(name))
	case len(page.Executions) > 1:
		return engine.ID{}, ambiguous(name, page.Executions)
	}
	return page.Executions[0].ID, nil
}

func resolveLast(ctx context.Context, api engine.API, name string) (engine.ID, error) {
	back := 0
	rest, ok := strings.CutPrefix(name, lastWord)
	if ok && rest != "" {
		n, err := strconv.Atoi(rest)
		back, ok = -n, err == nil && rest[0] == '-' && n < 0
	}
	if !ok {
		return engine.ID{}, unknownID("%q is no id", clip(name))
	}
	all, _, err := list(ctx, api, engine.Filter{}, back+1)
	switch {
	case err != nil:
		return engine.ID{}, err
	case len(all) == 0:
		return engine.ID{}, engine.Advise(unknownError{errors.New("there is no execution yet")}, "cloudops run -- PROGRAM makes one")
	case len(all) <= back:
		return engine.ID{}, unknownID("there is no %s: there are %d executions", clip(name), len(all))
	}
	return all[back].ID, nil
}

// ambiguous lists what a prefix may mean.
func ambiguous(prefix string, found []engine.Execution) error {
	more := ""
	if len(found) > candidates {
		found, more = found[:candidates], "\n  …"
	}
	var lines strings.Builder
	for i := range found {
		x := &found[i]
		_, _ = fmt.Fprintf(&lines, "\n  %s  %-9s  %s", x.ID, x.Status, cut(oneLine(x.Command), 40))
	}
	return fault("write more of one of these:"+lines.String()+more, "several executions begin with %s", clip(prefix))
}

// shortened are ids as people see them: the first digits, as many as tell them apart.
func shortened(all []engine.Execution) func(engine.ID) string {
	n := shortID
	for seen := map[string]engine.ID{}; n < len(engine.ID{}.String()); n++ {
		clear(seen)
		distinct := true
		for i := range all {
			id := all[i].ID
			short := id.String()[:n]
			other, ok := seen[short]
			if seen[short] = id; ok && other != id {
				distinct = false
				break
			}
		}
		if distinct {
			break
		}
	}
	return func(id engine.ID) string { return strings.TrimSuffix(id.String()[:n], "-") }
}

// needIDs refuses a line without ids.
func needIDs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return nil
	}
	return fault("cloudops "+cmd.Name()+" @last; cloudops ps lists them", "%s needs the id of an execution", cmd.Name())
}

// needID refuses a line that does not have one id.
func needID(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return fault("call it once for each", "%s takes one execution: %q is too much", cmd.Name(), clip(args[1]))
	}
	return needIDs(cmd, args)
}

// completeTime is how long the shell waits for ids at most.
const completeTime = 2 * time.Second

// completeIDs offers ids to the shell.
func (p *program) completeIDs(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	const most = 50
	if f := (engine.Filter{IDPrefix: typed}); strings.HasPrefix(lastWord, typed) && typed != "" || f.Validate() != nil {
		return []string{lastWord}, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), completeTime)
	defer cancel()
	var words []string
	_ = p.withState(ctx, func(ctx context.Context, d stateDir) error { // nobody would read the error
		page, err := d.List(ctx, engine.Filter{IDPrefix: typed, Limit: most})
		for i := range page.Executions {
			x := &page.Executions[i]
			words = append(words, fmt.Sprintf("%s\t%s  %s", x.ID, x.Status, cut(oneLine(x.Command), 50)))
		}
		return err
	})
	return words, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
}
