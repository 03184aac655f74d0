package cli

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	engine "github.com/escher-dbai/cloudops-engine"
)

// filterKey is one KEY of --filter KEY=VALUE.
type filterKey struct {
	name string
	set  func(f *engine.Filter, value string) error
}

func filterKeys() []filterKey {
	return []filterKey{
		{"status", func(f *engine.Filter, value string) error {
			for word := range strings.SplitSeq(value, ",") {
				if !engine.Status(word).Valid() {
					return oneOf(word, statusWords())
				}
				f.Status = append(f.Status, engine.Status(word))
			}
			return nil
		}},
		{"type", func(f *engine.Filter, value string) error {
			for word := range strings.SplitSeq(value, ",") {
				f.Type = append(f.Type, engine.CommandType(word))
			}
			return f.Validate()
		}},
		{"program", func(f *engine.Filter, value string) error { f.Program = value; return nil }},
		{"tag", func(f *engine.Filter, value string) error {
			name, text, err := splitPair(value)
			if err == nil {
				f.Tags = merged(f.Tags, map[string]string{name: text})
			}
			return err
		}},
		{"since", func(f *engine.Filter, value string) (err error) { f.Since, err = parseWhen(value); return err }},
		{"until", func(f *engine.Filter, value string) (err error) { f.Until, err = parseWhen(value); return err }},
		{"exit", func(f *engine.Filter, value string) error {
			n, err := strconv.Atoi(value)
			if err != nil {
				return fault("write a number; -1 is for those without an exit code", "%q is no exit code", clip(value))
			}
			f.ExitCode = &n
			return nil
		}},
		{"text", func(f *engine.Filter, value string) error { f.Text = value; return nil }},
		{"source", func(f *engine.Filter, value string) error { f.Source = value; return nil }},
		{"conversation", func(f *engine.Filter, value string) (err error) {
			f.ConversationID, err = engine.ParseID(value)
			return err
		}},
		{"id", func(f *engine.Filter, value string) error { f.IDPrefix = value; return f.Validate() }},
	}
}

const (
	filterUsage = "only those that match `KEY=VALUE`, all of them where there are several"
	filterHelp  = `Filters: status and type (one or several, with commas), program, tag=NAME=VALUE, since and
until (2h or 7d ago, or a time), exit, text in the command, source, conversation, id.`
)

func statusWords() []string {
	var words []string
	for _, s := range []engine.Status{
		engine.Pending, engine.AwaitingApproval, engine.Running, engine.Completed, engine.Failed,
		engine.Cancelled, engine.TimedOut, engine.Rejected, engine.Lost,
	} {
		words = append(words, string(s))
	}
	return words
}

// parseFilter reads what --filter was given, all of it, and reports every fault.
func parseFilter(given []string) (engine.Filter, error) {
	var f engine.Filter
	var faults []error
	for _, text := range given {
		name, value, found := strings.Cut(text, "=")
		keys := filterKeys()
		i := slices.IndexFunc(keys, func(k filterKey) bool { return k.name == name })
		switch {
		case i < 0:
			faults = append(faults, about("--filter", oneOf(name, filterNames())))
		case !found || value == "":
			faults = append(faults, fault("write --filter "+name+"=VALUE", "--filter: %s has no value", name))
		default:
			if err := keys[i].set(&f, value); err != nil {
				faults = append(faults, about("--filter "+name, err))
			}
		}
	}
	return f, errors.Join(faults...)
}

func filterNames() []string {
	var names []string
	for _, k := range filterKeys() {
		names = append(names, k.name)
	}
	return names
}

// completeFilter offers the keys of a filter, and the statuses.
func completeFilter(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	var words []string
	if strings.HasPrefix(typed, "status=") {
		for _, s := range statusWords() {
			words = append(words, "status="+s)
		}
		return words, cobra.ShellCompDirectiveNoFileComp
	}
	for _, name := range filterNames() {
		words = append(words, name+"=")
	}
	return words, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// pageMost is how many executions one page can have.
const pageMost = 1000

// list collects pages, up to limit executions; 0: all. Next goes on behind them.
func list(ctx context.Context, api engine.API, f engine.Filter, limit int) (all []engine.Execution, next string, err error) {
	all = []engine.Execution{}
	for {
		f.Limit = pageMost
		if limit > 0 {
			f.Limit = min(pageMost, limit-len(all))
		}
		page, err := api.List(ctx, f)
		if err != nil {
			return nil, "", err
		}
		all, f.After = append(all, page.Executions...), page.Next
		if page.Next == "" || limit > 0 && len(all) >= limit {
			return all, page.Next, nil
		}
	}
}

// unfinished are the statuses of what queues or runs.
func unfinished() []engine.Status {
	return []engine.Status{engine.Pending, engine.AwaitingApproval, engine.Running}
}

// finished are the statuses of what has ended.
func finished() []engine.Status {
	var all []engine.Status
	for _, word := range statusWords() {
		if s := engine.Status(word); s.Terminal() {
			all = append(all, s)
		}
	}
	return all
}

// parseWhen reads a time: how long ago, a day, a time of the clock here, or RFC 3339.
func parseWhen(text string) (time.Time, error) {
	if d, err := time.ParseDuration(text); err == nil && d >= 0 && text != "0" {
		return time.Now().Add(-d), nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 {
			return time.Now().AddDate(0, 0, -n), nil
		}
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly, "2006-01-02 15:04", "2006-01-02T15:04", time.DateTime, "2006-01-02T15:04:05"} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fault("write how long ago (90s, 2h, 7d) or a time (2026-11-23, 2026-11-23T07:30:00Z)", "%q is no time", clip(text))
}
