package daemon

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/durable"
	"github.com/escher-dbai/cloudops-engine/history"
)

// Config says what a daemon serves, and where. The zero value needs a StateDir and a
// Socket, or Ephemeral.
type Config struct {
	// Engine is how the engine works.
	Engine engine.Config
	// StateDir is where executions and tokens are kept.
	StateDir string
	// Ephemeral keeps nothing but tokens, and ends what runs when the daemon ends.
	Ephemeral bool
	Settings
}

// Settings are what files and variables say of a daemon. Zero means the default.
type Settings struct {
	// Socket is the path of the unix socket. Empty: there is none.
	Socket string
	// Listen is HOST:PORT to listen at besides, for those who have a token.
	Listen string
	// TLSCert and TLSKey are files in PEM, TLSClientCA is that of the authorities of which
	// clients must have a certificate, besides their token.
	TLSCert, TLSKey, TLSClientCA string
	// AllowedHosts are names by which it is reached at Listen, besides those of this
	// machine to itself. AllowedOrigins are those of pages that may use it which are not
	// its own.
	AllowedHosts, AllowedOrigins []string
	// AllowedEnv are the variables that a request over the network may set, as
	// engine.CheckClientEnv takes them.
	AllowedEnv []string
	// MaxConnections and MaxRequests bound what is open at once at each listener.
	MaxConnections, MaxRequests int
	// MaxConnectionsPerAddress bounds how many of the connections at Listen are of one
	// address of IPv4, or of one /64 of IPv6.
	MaxConnectionsPerAddress int
	// MaxRequestBytes bounds one message of a request, unpacked.
	MaxRequestBytes int
	// RequestsPerSecond is how many a token may make, with twice as many at once.
	RequestsPerSecond int
	// OTLPEndpoint is the URL of a collector of spans and counts, OTLPHeaders what it is sent besides,
	// NAME=VALUE each; see package otlp.
	OTLPEndpoint string
	OTLPHeaders  []string
	// LogFormat is auto, json or text, LogLevel debug, info, warn or error: for whoever
	// makes the logger.
	LogFormat, LogLevel string
	// Drain is how long an ephemeral daemon lets run what runs when it is told to end.
	Drain time.Duration

	// Durability and Retention are of the state directory: of every program with this
	// configuration that opens it.
	Durability history.Durability
	Retention  durable.Retention
}

// WithDefaults puts the default where there is no number.
func (s *Settings) WithDefaults() Settings {
	all := *s
	or := func(n *int, otherwise int) {
		if *n == 0 {
			*n = otherwise
		}
	}
	or(&all.MaxConnections, 8192)
	or(&all.MaxConnectionsPerAddress, 2048)
	or(&all.MaxRequests, 8192)
	or(&all.RequestsPerSecond, 200)
	or(&all.MaxRequestBytes, 16<<20)
	if all.Drain == 0 {
		all.Drain = 30 * time.Second
	}
	return all
}

// DrainTime is how long an ephemeral daemon lets run what runs.
func (s *Settings) DrainTime() time.Duration { return s.WithDefaults().Drain }

// setting is one key: its name in files, from which the variable follows.
type setting struct {
	name string
	read func(s *Settings, text string) error
}

func settings() []setting {
	text := func(name string, field func(*Settings) *string) setting {
		return setting{name, func(s *Settings, text string) error { *field(s) = text; return nil }}
	}
	return []setting{
		text("socket", func(s *Settings) *string { return &s.Socket }),
		text("listen", func(s *Settings) *string { return &s.Listen }),
		text("tls_cert", func(s *Settings) *string { return &s.TLSCert }),
		text("tls_key", func(s *Settings) *string { return &s.TLSKey }),
		text("tls_client_ca", func(s *Settings) *string { return &s.TLSClientCA }),
		list("allowed_hosts", func(s *Settings) *[]string { return &s.AllowedHosts }),
		list("allowed_origins", func(s *Settings) *[]string { return &s.AllowedOrigins }),
		list("allowed_env", func(s *Settings) *[]string { return &s.AllowedEnv }),
		count("max_connections", func(s *Settings) *int { return &s.MaxConnections }),
		count("max_connections_per_address", func(s *Settings) *int { return &s.MaxConnectionsPerAddress }),
		count("max_requests", func(s *Settings) *int { return &s.MaxRequests }),
		count("max_request_bytes", func(s *Settings) *int { return &s.MaxRequestBytes }),
		count("requests_per_second", func(s *Settings) *int { return &s.RequestsPerSecond }),
		{"durability", func(s *Settings, text string) error {
			s.Durability = history.Durability(text)
			if s.Durability != history.PowerLoss && s.Durability != history.ProcessDeath {
				return fmt.Errorf("must be %s or %s", history.PowerLoss, history.ProcessDeath)
			}
			return nil
		}},
		{"history_retention_secs", func(s *Settings, text string) error {
			n, err := large(text)
			if s.Retention.For = engine.Forever; n < int64(engine.Forever/time.Second) {
				s.Retention.For = time.Duration(n) * time.Second
			}
			return err
		}},
		{"history_max_executions", func(s *Settings, text string) error {
			n, err := large(text)
			s.Retention.Count = int(n)
			return err
		}},
		{"history_output_bytes", func(s *Settings, text string) (err error) {
			s.Retention.OutputBytes, err = large(text)
			return err
		}},
		text("otlp_endpoint", func(s *Settings) *string { return &s.OTLPEndpoint }),
		list("otlp_headers", func(s *Settings) *[]string { return &s.OTLPHeaders }),
		word("log_format", []string{"auto", "json", "text"}, func(s *Settings) *string { return &s.LogFormat }),
		word("log_level", []string{"debug", "info", "warn", "error"}, func(s *Settings) *string { return &s.LogLevel }),
		{"drain_ms", func(s *Settings, text string) error {
			n, err := number(text)
			s.Drain = time.Duration(min(n, int64(24*time.Hour/time.Millisecond))) * time.Millisecond
			return err
		}},
	}
}

func count(name string, field func(*Settings) *int) setting {
	return setting{name, func(s *Settings, text string) error {
		n, err := number(text)
		*field(s) = int(n)
		return err
	}}
}

func number(text string) (int64, error) { return wholeNumber(text, 32) }

// large is a number that may be far above what a machine has: there is no bound then.
func large(text string) (int64, error) { return wholeNumber(text, 64) }

func wholeNumber(text string, bits int) (int64, error) {
	n, err := strconv.ParseInt(text, 10, bits)
	if err != nil || n < 1 {
		return 0, errors.New("must be a whole number above 0")
	}
	return n, nil
}

// word is a setting with few values.
func word(name string, words []string, field func(*Settings) *string) setting {
	return setting{name, func(s *Settings, text string) error {
		if !slices.Contains(words, text) {
			return errors.New("must be one of " + strings.Join(words, ", "))
		}
		*field(s) = text
		return nil
	}}
}

func list(name string, field func(*Settings) *[]string) setting {
	return setting{name, func(s *Settings, text string) error {
		words := strings.Split(text, ",")
		for i := range words {
			if words[i] = strings.TrimSpace(words[i]); words[i] == "" {
				return errors.New("one of them is empty")
			}
		}
		*field(s) = words
		return nil
	}}
}

// SettingNames are the keys of the settings of a daemon.
func SettingNames() []string {
	var names []string
	for _, s := range settings() {
		names = append(names, s.name)
	}
	return names
}

// Set reads one setting, as a file has it: a scalar, a list, or nil, which leaves it as
// it is. Errors: engine.ErrInvalidConfig, which names it.
func (s *Settings) Set(name string, value any) error {
	var text string
	switch v := value.(type) {
	case nil:
		return nil
	case []any:
		words := make([]string, len(v))
		for i := range v {
			words[i] = fmt.Sprint(v[i])
		}
		text = strings.Join(words, ",")
	case string, bool, int, int64, uint64, float64:
		text = fmt.Sprint(v)
	default:
		return fmt.Errorf("%w: %s has a value that it does not take", engine.ErrInvalidConfig, name)
	}
	return s.set(name, name, text)
}

// ReadEnv reads the settings that have a variable; an empty one counts as absent.
func (s *Settings) ReadEnv(lookup func(name string) (string, bool)) error {
	var faults []error
	for _, known := range settings() {
		variable := engine.EnvPrefix + strings.ToUpper(known.name)
		if text, ok := lookup(variable); ok && text != "" {
			faults = append(faults, s.set(known.name, variable, text))
		}
	}
	return errors.Join(faults...)
}

func (s *Settings) set(name, shown, text string) error {
	for _, known := range settings() {
		if known.name != name {
			continue
		}
		if err := known.read(s, text); err != nil {
			if name == "otlp_headers" { // they are secrets
				text = "…"
			}
			return fmt.Errorf("%w: %s is %.40q: %w", engine.ErrInvalidConfig, shown, text, err)
		}
		return nil
	}
	return fmt.Errorf("%w: unknown key %.64q", engine.ErrInvalidConfig, shown)
}

// validate finds what cannot work, and reports every fault at once.
func (c *Config) validate() error {
	var faults []error
	add := func(hint, format string, args ...any) {
		err := fmt.Errorf("%w: %s", engine.ErrInvalidConfig, fmt.Sprintf(format, args...))
		faults = append(faults, engine.Advise(err, "%s", hint))
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		add("openssl or your authority makes both", "tls_cert and tls_key go together")
	}
	if c.TLSClientCA != "" && c.TLSCert == "" {
		add("give tls_cert and tls_key", "tls_client_ca asks clients for a certificate, which needs TLS")
	}
	for _, origin := range c.AllowedOrigins {
		if _, host, ok := strings.Cut(origin, "://"); !ok || host == "" || strings.ContainsAny(host, "/*") {
			add("write SCHEME://HOST or SCHEME://HOST:PORT", "allowed_origins: %.60q is no origin", origin)
		}
	}
	if c.Listen == "" {
		return errors.Join(faults...)
	}
	host, _, err := net.SplitHostPort(c.Listen)
	switch {
	case err != nil:
		add("write HOST:PORT, such as 127.0.0.1:7443", "listen is %.60q", c.Listen)
	case !isLoopback(host) && c.TLSCert == "":
		add("give tls_cert and tls_key, or listen at 127.0.0.1", "listen %s is beyond this machine, where everybody on the way reads what is not encrypted", c.Listen)
	case isWildcard(host) && len(c.AllowedHosts) == 0:
		add("allowed_hosts: [name.of.this.machine]", "listen %s does not say by which names it is reached", c.Listen)
	}
	return errors.Join(faults...)
}

// isLoopback reports whether only this machine reaches a host.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// isWildcard reports whether it is every address of this machine.
func isWildcard(host string) bool {
	ip := net.ParseIP(host)
	return host == "" || ip != nil && ip.IsUnspecified()
}

// fixed names what differs between two configurations and cannot change while a daemon
// runs.
func (c *Config) fixed(next *Config) []string {
	var names []string
	note := func(name string, same bool) {
		if !same {
			names = append(names, name)
		}
	}
	note("socket", c.Socket == next.Socket)
	note("listen", c.Listen == next.Listen)
	note("tls_cert", (c.TLSCert == "") == (next.TLSCert == ""))
	note("otlp_endpoint", c.OTLPEndpoint == next.OTLPEndpoint)
	note("otlp_headers", slices.Equal(c.OTLPHeaders, next.OTLPHeaders))
	note("log_format", c.LogFormat == next.LogFormat)
	note("max_connections", c.MaxConnections == next.MaxConnections)
	note("max_connections_per_address", c.MaxConnectionsPerAddress == next.MaxConnectionsPerAddress)
	note("max_requests", c.MaxRequests == next.MaxRequests)
	note("max_request_bytes", c.MaxRequestBytes == next.MaxRequestBytes)
	note("durability", c.Durability == next.Durability)
	note("history_retention_secs", c.Retention.For == next.Retention.For)
	note("history_max_executions", c.Retention.Count == next.Retention.Count)
	note("history_output_bytes", c.Retention.OutputBytes == next.Retention.OutputBytes)
	before, errBefore := c.Engine.MarshalJSON()
	after, errAfter := next.Engine.MarshalJSON()
	note("settings of the engine", errBefore == nil && errAfter == nil && slices.Equal(before, after))
	return names
}
