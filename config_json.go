package engine

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"
)

// setting is one key of the configuration: its name in JSON, from which its
// variable follows, and how its text is read into a Config and written from it.
// The JSON, the variables and the documentation all come from this one table.
type setting struct {
	name  string
	read  func(c *Config, text string) error
	write func(c *Config) any
}

func settings() []setting {
	return []setting{
		count("max_concurrent_executions", func(c *Config) *int { return &c.MaxConcurrent }),
		count("max_queued_executions", func(c *Config) *int { return &c.MaxQueued }),
		flag("fail_fast", false, func(c *Config) *bool { return &c.FailFast }),
		period("default_timeout_ms", time.Millisecond, func(c *Config) *time.Duration { return &c.DefaultTimeout }),
		period("max_timeout_ms", time.Millisecond, func(c *Config) *time.Duration { return &c.MaxTimeout }),
		period("queue_timeout_ms", time.Millisecond, func(c *Config) *time.Duration { return &c.QueueTimeout }),
		period("grace_ms", time.Millisecond, func(c *Config) *time.Duration { return &c.Grace }),
		period("wait_delay_ms", time.Millisecond, func(c *Config) *time.Duration { return &c.WaitDelay }),
		count("max_output_size_bytes", func(c *Config) *int64 { return &c.MaxOutputBytes }),
		text("oversized_output_strategy", func(c *Config) *string { return (*string)(&c.Oversize) }),
		count("max_memory_bytes", func(c *Config) *int64 { return &c.MaxMemoryBytes }),
		text("log_dir", func(c *Config) *string { return &c.LogDir }),
		flag("stream_output", true, func(c *Config) *bool { return &c.BufferOutput }),
		count("max_in_memory_executions", func(c *Config) *int { return &c.MaxFinished }),
		period("execution_retention_secs", time.Second, func(c *Config) *time.Duration { return &c.Retention }),
		text("containment", func(c *Config) *string { return (*string)(&c.Containment) }),
		flag("enable_auto_cleanup", true, func(c *Config) *bool { return &c.NoAutoCleanup }),
	}
}

func count[T int | int64](name string, field func(*Config) *T) setting {
	return setting{name, func(c *Config, text string) error {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n == 0 {
			return errors.New("must be a whole number above 0")
		}
		*field(c) = T(n)
		return nil
	}, func(c *Config) any { return *field(c) }}
}

func period(name string, unit time.Duration, field func(*Config) *time.Duration) setting {
	return setting{name, func(c *Config, text string) error {
		n, err := strconv.ParseInt(text, 10, 64)
		switch {
		case err != nil || n == 0:
			return errors.New("must be a whole number above 0")
		case n > int64(Forever/unit):
			n = int64(Forever / unit)
		}
		*field(c) = time.Duration(n) * unit
		return nil
	}, func(c *Config) any { return int64(*field(c) / unit) }}
}

func flag(name string, inverse bool, field func(*Config) *bool) setting {
	return setting{name, func(c *Config, text string) error {
		b, err := strconv.ParseBool(text)
		if err != nil {
			return errors.New("must be true or false")
		}
		*field(c) = b != inverse
		return nil
	}, func(c *Config) any { return *field(c) != inverse }}
}

func text(name string, field func(*Config) *string) setting {
	return setting{name, func(c *Config, text string) error {
		*field(c) = text
		return nil
	}, func(c *Config) any { return *field(c) }}
}

// MarshalJSON writes every setting but Handler, Policy, Runner and Logger.
func (c Config) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	for i, s := range settings() {
		value, err := json.Marshal(s.write(&c))
		if err != nil {
			return nil, err
		}
		out.WriteString(map[bool]string{true: `{"`, false: `,"`}[i == 0] + s.name + `":`)
		out.Write(value)
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// UnmarshalJSON reads settings over what c holds. Absent and null leave a
// setting as it is. It reports every fault at once, as an ErrInvalidConfig.
func (c *Config) UnmarshalJSON(data []byte) error {
	var in map[string]json.RawMessage
	if err := json.Unmarshal(data, &in); err != nil {
		return fault(ErrInvalidConfig, "%v", err)
	}
	var faults []string
	for _, s := range settings() {
		raw, ok := in[s.name]
		delete(in, s.name)
		if !ok || string(raw) == "null" {
			continue
		}
		if err := s.read(c, scalar(raw)); err != nil {
			faults = append(faults, s.name+" is "+clip(string(raw), 40)+": "+err.Error())
		}
	}
	for name := range in {
		faults = append(faults, "unknown key "+strconv.Quote(clip(name, 64)))
	}
	return faultsOf(faults)
}

// scalar is the text of a JSON scalar; of anything else its JSON, which no
// setting reads.
func scalar(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}

func faultsOf(faults []string) error {
	if len(faults) == 0 {
		return nil
	}
	return fault(ErrInvalidConfig, "%s", strings.Join(faults, "; "))
}

// ReadConfig reads a JSON configuration. Errors: ErrInvalidConfig, or the
// reader's.
func ReadConfig(r io.Reader) (Config, error) {
	data, err := io.ReadAll(io.LimitReader(r, 1<<20))
	if err != nil {
		return Config{}, err
	}
	var c Config
	if err := json.Unmarshal(data, &c); err != nil {
		if !errors.Is(err, ErrInvalidConfig) {
			err = fault(ErrInvalidConfig, "%v", err)
		}
		return Config{}, err
	}
	return c, c.Validate()
}

// EnvPrefix begins the names of the variables that ReadEnv reads; the rest is
// the JSON name in capitals: CLOUDOPS_MAX_TIMEOUT_MS.
const EnvPrefix = "CLOUDOPS_"

// ReadEnv reads settings from variables over what c holds. lookup is
// os.LookupEnv or like it; an empty variable counts as absent. It reports every
// fault at once, as an ErrInvalidConfig.
func (c *Config) ReadEnv(lookup func(name string) (string, bool)) error {
	var faults []string
	for _, s := range settings() {
		name := EnvPrefix + strings.ToUpper(s.name)
		text, ok := lookup(name)
		if !ok || text == "" {
			continue
		}
		if err := s.read(c, text); err != nil {
			faults = append(faults, name+" is "+strconv.Quote(clip(text, 40))+": "+err.Error())
		}
	}
	return faultsOf(faults)
}
