package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	engine "github.com/escher-dbai/cloudops-engine"
)

const runName = "run"

// runCommand is "cloudops run": its flags, as they were given.
type runCommand struct {
	*program

	request                    requestFlags
	groups                     []flagGroup
	shell, script, interpreter string
	from, input, config        string
	json, quiet, tty           bool
	raw, plain                 bool
	detach, interactive        bool
	noRecord                   bool
	again                      bool // it was accepted before, however long it may run
}

func (p *program) runCommand() *cobra.Command {
	c := &runCommand{program: p}
	cmd := &cobra.Command{
		Use:   "run [FLAGS] [--] PROGRAM [ARG…]",
		Short: "Run a command, show what it writes, and exit as it did",
		Long: `Its stdout and stderr are ours, as they come. It reads nothing unless --stdin
says what. On a terminal, what would do more than colour it or move within a line is
shown instead; --raw leaves it as it is. --plain makes text of it, anywhere, line by
line. Ctrl-C asks it to end (stop signal, grace, KILL), a second one kills
it with all that it started; so do TERM, HUP and QUIT, QUIT at once.

With --tty it has our terminal. Keys go there as they are, Ctrl-C included, and
there is no timeout unless --timeout or a configuration says so. What it writes
comes as it is: progress over several lines, as of docker pull, works there, and
so does all else that a program can do to a terminal which runs it.

It is recorded in the state directory, where ps, logs, cancel and the like find it, from
other terminals too; --no-record leaves no trace. With --detach its id alone is printed
and it lives on, whatever becomes of us and of the terminal.

Flags of cloudops go before PROGRAM: from there on all is the program's, and no
shell reads it. --timeout may be as long as you like, unless a configuration
sets max_timeout_ms.`,
		Example: `  cloudops run -- aws ec2 describe-instances --region us-west-2
  cloudops run --timeout 30m --tag team=data -- terraform plan
  cloudops run --shell 'kubectl get pods -A | grep -v Running'
  cloudops run --script deploy.py --env STAGE=prod
  cloudops run --tty -- kubectl exec -it web-0 -- sh
  cloudops run --json -- make check | jq -r .event_type
  cloudops run --detach --timeout 2h -- ./migrate.sh`,
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := c.ask(args)
			if err != nil {
				return err
			}
			return c.run(cmd.Context(), r)
		},
	}
	c.declare()
	for _, g := range c.groups {
		cmd.Flags().AddFlagSet(g.set)
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().SetInterspersed(false)
	p.groups[runName] = c.groups
	c.complete(cmd)
	return cmd
}

// run runs what was asked for.
func (c *runCommand) run(ctx context.Context, r engine.Request) error {
	all, _, err := loadAll(c.config)
	if err != nil {
		return err
	}
	config := &all.engine
	if (c.again || c.request.given("timeout")) && config.MaxTimeout == 0 {
		config.MaxTimeout = max(r.Timeout, config.WithDefaults().MaxTimeout)
	}
	if err := c.checkHost(); err != nil {
		return err
	}
	if !c.noRecord && c.host() == "" && r.WorkingDir == "" {
		r.WorkingDir, _ = os.Getwd() // so that it can be run again from elsewhere; "" is that of the engine
	}
	if r.Trace == (engine.Trace{}) {
		r.Trace = traceHere()
	}
	stdin, err := c.openStdin(&r)
	if err != nil {
		return about("--stdin", err)
	}
	defer stdin()
	if c.detach {
		return c.launch(ctx, &r, all)
	}
	if c.host() != "" {
		if err := takeStdin(&r); err != nil {
			return about("--stdin", err)
		}
	}
	s := newSession(c, config)
	if c.tty {
		s.terminal = c.openTerminal(&r, config)
	}
	s.listen()
	defer s.deaf()
	if s.engine, err = c.openEngine(ctx, all); err != nil {
		return err
	}
	result, err := s.run(ctx, &r)
	if err != nil && !errors.Is(err, errStuck) {
		return err
	}
	s.warn(&result)
	return s.verdict(&result, limitsOf(&r, config), err)
}

// openEngine makes an engine that runs commands in this process.
func (c *runCommand) openEngine(ctx context.Context, config config) (engine.API, error) {
	if c.noRecord {
		return engine.New(config.engine)
	}
	d, err := c.openState(ctx, config, true)
	if err != nil {
		return nil, unrecorded(err)
	}
	return d, nil
}

// unrecorded adds to an error what can be done without a record.
func unrecorded(err error) error {
	const without = "--no-record runs it without a record"
	if hint := engine.Hint(err); hint != "" {
		return engine.Advise(err, "%s; or %s", hint, without)
	}
	return engine.Advise(err, "%s, --state-dir puts it elsewhere", without)
}

// ask makes the request of the flags, over what a file says.
func (c *runCommand) ask(args []string) (engine.Request, error) {
	var r engine.Request
	if c.from != "" {
		read, err := c.readRequest()
		if err != nil {
			return r, about("--request", err)
		}
		r = read
	}
	if err := c.request.apply(&r); err != nil {
		return r, err
	}
	command, err := c.command(args, r.WorkingDir)
	if err != nil {
		return r, err
	}
	if command != nil {
		r.Command = command
	}
	if r.Command == nil {
		return r, fault("cloudops run -- PROGRAM [ARG…], or --shell, --script or --request", "there is nothing to run")
	}
	return r, c.checkTyped(&r)
}

// command is what the line says to run, nil if it says nothing.
func (c *runCommand) command(args []string, dir string) (engine.Command, error) {
	switch {
	case c.shell != "" && c.script != "":
		return nil, fault("give one of them", "--shell and --script are both given")
	case c.shell != "" && len(args) > 0:
		return nil, fault("put the whole line into --shell '…', or leave --shell away", "--shell and a program (%s) are both given", clip(args[0]))
	case c.interpreter != "" && c.script == "":
		return nil, fault("name the script with --script FILE", "--interpreter is for --script")
	case c.shell != "":
		return engine.Shell(c.shell), nil
	case c.script != "":
		return c.scriptCommand(args, dir)
	case len(args) > 0:
		return engine.Exec(args[0], args[1:]...), nil
	}
	return nil, nil //nolint:nilnil // a request may have brought its command
}

// scriptCommand is a script whose path is seen from here, where it was typed, and
// not from the working directory that it gets.
func (c *runCommand) scriptCommand(args []string, dir string) (engine.Command, error) {
	path := c.script
	if dir != "" {
		absolute, err := filepath.Abs(path)
		if err != nil {
			return nil, about("--script", err)
		}
		path = absolute
	}
	return engine.Script(path, args...).Interpreter(c.interpreter), nil
}

// traceHere is the trace in which this program runs; zero where it is in none. A command that
// a daemon runs would else not be told of it.
func traceHere() engine.Trace {
	t := engine.Trace{Parent: os.Getenv("TRACEPARENT"), State: os.Getenv("TRACESTATE")}
	if t.Parent == "" || t.Validate() != nil {
		return engine.Trace{}
	}
	return t
}

// maxRequestBytes bounds a request: stdin in it is the largest part.
const maxRequestBytes = 64 << 20

func (c *runCommand) readRequest() (engine.Request, error) {
	in, name := c.stdin, "stdin"
	if c.from != "-" {
		f, err := os.Open(c.from)
		if err != nil {
			return engine.Request{}, err
		}
		defer func() { _ = f.Close() }()
		in, name = f, c.from
	} else if c.input == "-" {
		return engine.Request{}, fault("give one of them a file", "the request and the command's input cannot both be stdin")
	}
	data, err := io.ReadAll(io.LimitReader(in, maxRequestBytes+1))
	switch {
	case err != nil:
		return engine.Request{}, err
	case len(data) > maxRequestBytes:
		return engine.Request{}, fmt.Errorf("%s has more than %d bytes", name, maxRequestBytes)
	}
	r, err := engine.ParseRequest(data)
	if err != nil {
		return r, about(name, err)
	}
	return r, nil
}

// openStdin gives the request what the command reads. Our own stdin is handed
// over as it is: the command reads the terminal or pipe itself.
func (c *runCommand) openStdin(r *engine.Request) (closing func(), err error) {
	closing = func() {}
	if c.input == "" {
		return closing, nil
	}
	r.Stdin = nil
	if c.input == "-" {
		r.StdinFrom = c.stdin
		return closing, nil
	}
	f, err := os.Open(c.input)
	if err != nil {
		return closing, err
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = &fs.PathError{Op: "read", Path: c.input, Err: errors.New("is a directory")}
	}
	if err != nil {
		return closing, errors.Join(err, f.Close())
	}
	r.StdinFrom = f
	return func() { _ = f.Close() }, nil
}
