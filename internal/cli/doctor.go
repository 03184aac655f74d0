package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/spf13/cobra"

	engine "github.com/escher-dbai/cloudops-engine"
)

// check is one thing that the doctor looked at.
type check struct {
	Group  string `json:"group"` // engine, tool or machine
	Name   string `json:"name"`
	State  state  `json:"state"`
	Detail string `json:"detail,omitempty"`
	// Path and Version are of tools.
	Path    string `json:"path,omitempty"`
	Version string `json:"version,omitempty"`
}

// state is what became of a check.
type state string

const (
	good    state = "ok"
	lacking state = "no"     // not there; what needs it does without, or does not run
	unsure  state = "?"      // there, but it does not answer
	failing state = "failed" // required
)

func (p *program) doctorCommand() *cobra.Command {
	var asJSON bool
	var config string
	cmd := &cobra.Command{
		Use: "doctor [--json]", Short: "Show what is found here and what this machine can enforce", Args: noArgs,
		Long: `Asks every cloud CLI for its version, through the engine, and looks at what the
system offers to hold a command and all that it starts. The exit code is 1 if
something is missing that cloudops cannot do without.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.doctor(cmd.Context(), config, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	cmd.Flags().StringVar(&config, "config", "", "configuration in `FILE`, YAML or JSON")
	return cmd
}

func (p *program) doctor(ctx context.Context, config string, asJSON bool) error {
	c, configured := checkConfig(config)
	checks := []check{configured}
	if configured.State == failing {
		c = engine.Config{}
	}
	e, err := engine.New(c)
	if err != nil {
		return err
	}
	checks = append(checks, probe(ctx, e))
	can := e.Capabilities()
	checks = append(checks, capabilities(&can)...)
	checks = append(checks, machine()...)
	checks = append(checks, askTools(ctx, e)...)
	err = e.Shutdown(ctx)
	if asJSON {
		err = errors.Join(err, writeChecks(p.stdout, checks))
	} else {
		writeTable(p.stdout, styleOf(p.stdout, p.noColour), checks)
	}
	if err != nil {
		return err
	}
	for _, c := range checks {
		if c.State == failing {
			return exitWith(exitMissing, fmt.Errorf("%s: %s", c.Name, c.Detail))
		}
	}
	return nil
}

// checkConfig reads the configuration as run does.
func checkConfig(flag string) (engine.Config, check) {
	found := check{Group: "engine", Name: "configuration", State: good, Detail: "defaults"}
	c, path, err := loadConfig(flag)
	switch {
	case err != nil:
		found.State, found.Detail = failing, err.Error()
	case path != "":
		found.Detail = path
	}
	return c, found
}

// probe starts a process through the engine.
func probe(ctx context.Context, e *engine.Engine) check {
	found := check{Group: "engine", Name: "processes", State: failing}
	r, err := ask(ctx, e, engine.Shell("echo ready"))
	switch {
	case err != nil:
		found.Detail = err.Error()
	case !r.Success || r.Stdout != "ready\n":
		found.Detail = "a shell does not answer: " + r.Error
	default:
		found.State, found.Detail = good, "start, stream and end; held together by "+r.Containment
	}
	return found
}

func writeChecks(w io.Writer, checks []check) error {
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	return out.Encode(struct {
		Checks []check `json:"checks"`
	}{checks})
}

// writeTable writes one row a check, aligned. The state is coloured after it was
// padded: escape sequences have no width.
func writeTable(w io.Writer, s style, checks []check) {
	rows := [][3]string{{"CHECK", "STATE", "DETAIL"}}
	for _, c := range checks {
		detail := c.Detail
		if c.Group == "tool" && c.State == good {
			detail = c.Version + "  " + c.Path
		}
		rows = append(rows, [3]string{c.Name, string(c.State), detail})
	}
	var widths [2]int
	for _, row := range rows {
		for i := range widths {
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
	}
	for i, row := range rows {
		mark := fmt.Sprintf("%-*s", widths[1], row[1])
		if i > 0 {
			mark = checks[i-1].State.paint(s, mark)
		}
		say(w, "%-*s  %s  %s\n", widths[0], row[0], mark, row[2])
	}
}

func (s state) paint(with style, text string) string {
	switch s {
	case good:
		return with.green(text)
	case failing:
		return with.red(text)
	case lacking, unsure:
		return with.yellow(text)
	}
	return text
}
