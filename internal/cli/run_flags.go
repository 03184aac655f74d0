package cli

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

// declare declares every flag of run, in the order of the help, which is also
// the order in which they are read.
func (c *runCommand) declare() {
	what := newGroup("What to run, instead of PROGRAM")
	what.set.StringVar(&c.shell, "shell", "", "a line `CMD` for the shell (bash, else sh)")
	what.set.StringVar(&c.script, "script", "", "a script in `FILE`; its arguments follow the flags")
	what.set.StringVar(&c.interpreter, "interpreter", "", "the `PROGRAM` that runs it; else its first line or name tells")
	what.set.StringVar(&c.from, "request", "", "a JSON request in `FILE`, - for stdin; flags override it")
	c.groups = append([]flagGroup{what}, c.shared()...)
}

// shared are the flags of run that say how, and not what.
func (c *runCommand) shared() []flagGroup {
	c.request.values = map[string]*given{}
	place := newGroup("Surroundings")
	c.request.add(place, surroundingFlags())
	place.set.StringVar(&c.input, "stdin", "", "what the command reads: - for our stdin, or a `FILE`; else nothing")
	place.set.BoolVarP(&c.tty, "tty", "t", false, "run it on a terminal, which is ours: keys, size and all")
	place.set.BoolVarP(&c.interactive, "interactive", "i", false, "with --detach: keep its stdin open for attach")

	limits := newGroup("Time and limits")
	c.request.add(limits, timeFlags())
	c.request.add(limits, limitFlags())

	secrets := newGroup("Secrets")
	c.request.add(secrets, secretFlags())

	record := newGroup("Record")
	record.set.BoolVarP(&c.detach, "detach", "d", false, "print its id alone and leave it running")
	record.set.BoolVar(&c.noRecord, "no-record", false, "leave no trace of it: nothing finds it but us")
	c.request.add(record, recordFlags())

	ours := newGroup("cloudops")
	ours.set.BoolVar(&c.json, "json", false, "write events instead of output, one JSON object a line")
	ours.set.BoolVarP(&c.quiet, "quiet", "q", false, "say nothing about how the command fares")
	ours.set.BoolVar(&c.raw, "raw", false, "let output command the terminal: title, clipboard, screen")
	ours.set.BoolVar(&c.plain, "plain", false, "write text alone: no colours or other escape sequences, a line when it has ended")
	ours.set.StringVar(&c.config, "config", "", "configuration in `FILE`, YAML or JSON")
	return []flagGroup{place, limits, secrets, record, ours}
}

func surroundingFlags() []requestFlag {
	return []requestFlag{
		{"cwd", "DIR", "working directory", func(r *engine.Request, text string) (err error) {
			r.WorkingDir, err = filepath.Abs(text)
			return err
		}},
		{"env-file", "FILE", "variables, NAME=VALUE lines; --env overrides them", func(r *engine.Request, text string) error {
			env, err := readEnvFile(text)
			if err != nil {
				return err
			}
			r.Env = merged(r.Env, env)
			return nil
		}},
		{"env", "K=V", "set a variable, or K alone to what it is here; the last of a name wins", func(r *engine.Request, text string) error {
			name, value, err := splitEnv(text)
			if err != nil {
				return err
			}
			r.Env = merged(r.Env, map[string]string{name: value})
			return nil
		}},
		{"unset", "NAME", "do not inherit a variable", func(r *engine.Request, text string) error {
			r.UnsetEnv = append(slices.Clip(r.UnsetEnv), text)
			return nil
		}},
		{"inherit", "NAME", "inherit this variable and PATH, HOME and a few more, nothing else; NAME* for all of a prefix", func(r *engine.Request, text string) error {
			r.InheritEnv = append(slices.Clip(r.InheritEnv), text)
			return nil
		}},
		{"clean-env", "bool", "inherit PATH, HOME and a few more, nothing else", func(r *engine.Request, text string) (err error) {
			r.CleanEnv, err = strconv.ParseBool(text)
			return err
		}},
	}
}

func timeFlags() []requestFlag {
	duration := func(field func(*engine.Request) *time.Duration, parse func(string) (time.Duration, error)) func(*engine.Request, string) error {
		return func(r *engine.Request, text string) error {
			d, err := parse(text)
			if err == nil {
				*field(r) = d
			}
			return err
		}
	}
	return []requestFlag{
		{
			"timeout", "DURATION", "longest time it may run; none: no limit (default 5m)",
			duration(func(r *engine.Request) *time.Duration { return &r.Timeout }, parseTimeout),
		},
		{
			"idle-timeout", "DURATION", "longest time it may write nothing",
			duration(func(r *engine.Request) *time.Duration { return &r.IdleTimeout }, parseDuration),
		},
		{
			"grace", "DURATION", "time between the stop signal and KILL (default 10s)",
			duration(func(r *engine.Request) *time.Duration { return &r.Grace }, parseDuration),
		},
		{
			"wait-delay", "DURATION", "time others may hold its output when it has exited (default 2s)",
			duration(func(r *engine.Request) *time.Duration { return &r.WaitDelay }, parseDuration),
		},
		{"stop-signal", "SIGNAL", "what asks it to end: INT, HUP, QUIT, USR1, USR2 (default TERM)", func(r *engine.Request, text string) error {
			r.StopSignal = text
			return nil
		}},
		{"kill-mode", "WHO", "who gets it: group, or leader, which is to end the others (default group)", func(r *engine.Request, text string) error {
			r.KillMode = engine.KillMode(text)
			return among(text, engine.KillGroup, engine.KillLeader)
		}},
		{"leftovers", "WHAT", "end what outlives the command, or leave it (default end)", func(r *engine.Request, text string) error {
			r.Leftovers = engine.Leftovers(text)
			return among(text, engine.EndLeftovers, engine.LeaveLeftovers)
		}},
	}
}

func limitFlags() []requestFlag {
	return []requestFlag{
		{"success-codes", "CODES", "exit codes that mean success: 0,2 (default 0)", func(r *engine.Request, text string) (err error) {
			r.SuccessCodes, err = parseCodes(text)
			return err
		}},
		{"max-output", "SIZE", "how much of each stream is kept in the record (default 10MiB)", func(r *engine.Request, text string) (err error) {
			r.Limits.OutputBytes, err = parseSize(text)
			return err
		}},
		{"on-oversize", "WAY", "beyond that: truncate the record, fail, or keep it in a file", func(r *engine.Request, text string) error {
			way, ok := oversizeWays()[text]
			if !ok {
				return oneOf(text, slices.Sorted(maps.Keys(oversizeWays())))
			}
			r.Limits.Oversize = way
			return nil
		}},
		{"memory", "SIZE", "what all its processes may have in memory together", func(r *engine.Request, text string) (err error) {
			r.Limits.MemoryBytes, err = parseSize(text)
			return err
		}},
		{"cpus", "N", "how many processors they may keep busy: 0.5, 2", func(r *engine.Request, text string) (err error) {
			r.Limits.CPUs, err = parseCPUs(text)
			return err
		}},
		{"processes", "N", "how many processes and threads there may be", func(r *engine.Request, text string) (err error) {
			r.Limits.Processes, err = parseCount(text)
			return err
		}},
		{"open-files", "N", "how many files each of them may have open", func(r *engine.Request, text string) (err error) {
			r.Limits.OpenFiles, err = parseCount(text)
			return err
		}},
		{"best-effort", "bool", "run without the limits that this machine cannot enforce", func(r *engine.Request, text string) (err error) {
			r.Limits.BestEffort, err = strconv.ParseBool(text)
			return err
		}},
		{"no-new-privileges", "bool", "sudo and the like gain nothing in it (Linux)", func(r *engine.Request, text string) (err error) {
			r.NoNewPrivileges, err = strconv.ParseBool(text)
			return err
		}},
		{"output-log", "FILE", "write a copy of the output to a new file", func(r *engine.Request, text string) (err error) {
			r.OutputLogPath, err = filepath.Abs(text)
			return err
		}},
		{"log-mode", "WAY", "if that file is there already: append or overwrite", func(r *engine.Request, text string) error {
			modes := []string{string(engine.LogAppend), string(engine.LogOverwrite)}
			if !slices.Contains(modes, text) {
				return oneOf(text, modes)
			}
			r.OutputLogMode = engine.LogMode(text)
			return nil
		}},
	}
}

func oversizeWays() map[string]engine.Oversize {
	return map[string]engine.Oversize{
		"truncate": engine.TruncateWithWarning, "fail": engine.FailExecution, "file": engine.StreamToFile,
	}
}

func secretFlags() []requestFlag {
	return []requestFlag{
		{"secret-env", "NAME", "mask the value of this variable wherever it is written", func(r *engine.Request, text string) error {
			value, ok := r.Env[text]
			if !ok {
				value, ok = os.LookupEnv(text)
			}
			if !ok {
				return fault("give it a value with --env, or export it", "%s is not set", clip(text))
			}
			if len(value) < minSecretBytes {
				return fault("values that short are everywhere: masking them would garble the output", "the value of %s is shorter than %d bytes", clip(text), minSecretBytes)
			}
			r.Secrets = append(slices.Clip(r.Secrets), value)
			return nil
		}},
		{"redact", "WAY", "values: mask known values, not what looks like a credential", func(r *engine.Request, text string) error {
			if text != string(engine.RedactValues) {
				return oneOf(text, []string{string(engine.RedactValues)})
			}
			r.Redact = engine.RedactValues
			return nil
		}},
	}
}

// minSecretBytes is what the engine masks at least.
const minSecretBytes = 6

func recordFlags() []requestFlag {
	return []requestFlag{
		{"id", "UUID", "name of the execution (default: a new one)", func(r *engine.Request, text string) (err error) {
			if r.ID, err = engine.ParseID(text); err != nil {
				err = engine.Advise(err, "an id looks like 019a5c1e-7a4b-7c3d-9e2f-0123456789ab; leave --id out to have one made")
			}
			return err
		}},
		{"actor", "KIND:NAME", "who asks: human, agent, schedule or service, and a name", func(r *engine.Request, text string) (err error) {
			r.Actor, err = parseActor(text)
			return err
		}},
		{"source", "TEXT", "where the request comes from", func(r *engine.Request, text string) error {
			r.Metadata.Source = text
			return nil
		}},
		{"tag", "K=V", "carry a tag along", func(r *engine.Request, text string) error {
			name, value, err := splitPair(text)
			if err == nil {
				r.Metadata.Tags = merged(r.Metadata.Tags, map[string]string{name: value})
			}
			return err
		}},
	}
}

func parseActor(text string) (engine.Actor, error) {
	kind, name, _ := strings.Cut(text, ":")
	kinds := []string{string(engine.Human), string(engine.Agent), string(engine.Schedule), string(engine.Service)}
	if !slices.Contains(kinds, kind) {
		return engine.Actor{}, engine.Advise(oneOf(kind, kinds), "write KIND:NAME, such as human:%s", "ada")
	}
	return engine.Actor{Kind: engine.ActorKind(kind), Name: name}, nil
}

func parseCodes(text string) ([]int, error) {
	var codes []int
	for field := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(field))
		if err != nil || n < 0 || n > 255 {
			return nil, fault("list numbers from 0 to 255: 0,2", "%q is not an exit code", clip(field))
		}
		codes = append(codes, n)
	}
	return codes, nil
}

// among is an error unless a word is one of a few.
func among[T ~string](text string, words ...T) error {
	var plain []string
	for _, w := range words {
		if string(w) == text {
			return nil
		}
		plain = append(plain, string(w))
	}
	return oneOf(text, plain)
}

func parseCPUs(text string) (float64, error) {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n > 0) {
		return 0, fault("write a number such as 0.5 or 2", "%q is not a number of processors", clip(text))
	}
	return n, nil
}

func parseCount(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n <= 0 {
		return 0, fault("write a whole number above 0", "%q is not a number of them", clip(text))
	}
	return n, nil
}

// oneOf is the error for a word that is none of a few.
func oneOf(text string, words []string) error {
	err := fmt.Errorf("%q is not one of %s", clip(text), strings.Join(words, ", "))
	if near := nearest(text, words); near != "" {
		return engine.Advise(err, "did you mean %s?", near)
	}
	return err
}

// merged is a and over it b; neither is changed.
func merged(a, b map[string]string) map[string]string {
	out := make(map[string]string, len(a)+len(b))
	maps.Copy(out, a)
	maps.Copy(out, b)
	return out
}
