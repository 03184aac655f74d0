package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	engine "github.com/escher-dbai/cloudops-engine"
)

// requestFlag is a flag that says something about the request. It is read when
// the request is there, so that flags override what a file says.
type requestFlag struct {
	name, kind, usage string
	set               func(r *engine.Request, text string) error
}

// given is what was given for one flag on the command line, in order.
type given struct {
	kind  string
	texts []string
}

var _ pflag.Value = (*given)(nil)

// Set remembers a value.
func (g *given) Set(text string) error {
	g.texts = append(g.texts, text)
	return nil
}

// Type is what the help calls a value.
func (g *given) Type() string { return g.kind }

// String is the default that the help shows: none.
func (g *given) String() string { return "" }

// flagGroup is a set of flags that the help shows under one title.
type flagGroup struct {
	title string
	set   *pflag.FlagSet
}

func newGroup(title string) flagGroup {
	set := pflag.NewFlagSet(title, pflag.ContinueOnError)
	set.SortFlags = false
	return flagGroup{title: title, set: set}
}

// requestFlags are flags as they are declared, with what was given for them.
type requestFlags struct {
	flags  []requestFlag
	values map[string]*given
}

// add declares flags in a group.
func (f *requestFlags) add(g flagGroup, flags []requestFlag) {
	for _, flag := range flags {
		value := &given{kind: flag.kind}
		f.values[flag.name] = value
		f.flags = append(f.flags, flag)
		g.set.Var(value, flag.name, flag.usage)
		if flag.kind == "bool" {
			g.set.Lookup(flag.name).NoOptDefVal = "true"
		}
	}
}

// apply reads what was given into the request, in the order of the table. It
// reports every fault at once.
func (f *requestFlags) apply(r *engine.Request) error {
	var faults []error
	for _, flag := range f.flags {
		for _, text := range f.values[flag.name].texts {
			if err := flag.set(r, text); err != nil {
				faults = append(faults, about("--"+flag.name, err))
			}
		}
	}
	return errors.Join(faults...)
}

// given reports whether a flag is on the command line.
func (f *requestFlags) given(name string) bool { return len(f.values[name].texts) > 0 }

// about says which flag or file an error is about, and keeps its hint and code.
func about(what string, err error) error {
	return fmt.Errorf("%s: %w", what, err)
}

// splitPair reads NAME=VALUE.
func splitPair(text string) (name, value string, err error) {
	name, value, ok := strings.Cut(text, "=")
	if !ok || name == "" {
		return "", "", fault("write NAME=VALUE", "%q is not NAME=VALUE", clip(text))
	}
	return name, value, nil
}
