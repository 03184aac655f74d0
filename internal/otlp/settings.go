package otlp

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/lifecycle"
)

// signal is what is sent, as paths and, in capitals, variables have it.
type signal string

const (
	traces  signal = "traces"
	metrics signal = "metrics"
)

// variables are those of OTLP: each is there for one signal alone, and for all.
type variables struct {
	lookup func(name string) (string, bool)
	signal signal
}

// of is the value of OTEL_EXPORTER_OTLP_signal_name, else of OTEL_EXPORTER_OTLP_name.
func (v variables) of(name string) string {
	return cmp.Or(v.get("OTEL_EXPORTER_OTLP_"+v.own()+"_"+name), v.get("OTEL_EXPORTER_OTLP_"+name))
}

func (v variables) own() string { return strings.ToUpper(string(v.signal)) }

func (v variables) get(name string) string {
	text, _ := v.lookup(name)
	return strings.TrimSpace(text)
}

// milliseconds reads the value of a variable.
func milliseconds(name, text string, otherwise time.Duration) (time.Duration, error) {
	if text == "" {
		return otherwise, nil
	}
	ms, err := strconv.ParseInt(text, 10, 32)
	if err != nil || ms < 1 {
		return 0, invalid("%s is %.40q: must be a number of milliseconds", name, text)
	}
	return time.Duration(ms) * time.Millisecond, nil
}

// collector is the one that the settings name; nil where the signal is off.
func (c *Config) collector(of signal) (*collector, error) {
	if c.Lookup == nil {
		c.Lookup = os.LookupEnv
	}
	v := variables{c.Lookup, of}
	if strings.EqualFold(v.get("OTEL_SDK_DISABLED"), "true") {
		return nil, nil //nolint:nilnil // off is no error
	}
	target, err := c.target(v)
	if target == nil || err != nil {
		return nil, err
	}
	to := &collector{signal: of, url: target.String(), name: target.Redacted(), headers: http.Header{}, log: c.Logger, life: lifecycle.New()}
	if err := errors.Join(to.readHeaders(v.of("HEADERS"), c.Headers), to.readRest(v)); err != nil {
		return nil, err
	}
	return to, nil
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %w", engine.ErrInvalidConfig, fmt.Errorf(format, args...))
}

// target is the URL that a signal is sent to; nil where nobody names one.
func (c *Config) target(v variables) (*url.URL, error) {
	base := cmp.Or(c.Endpoint, v.get("OTEL_EXPORTER_OTLP_ENDPOINT"))
	whole := v.get("OTEL_EXPORTER_OTLP_" + v.own() + "_ENDPOINT")
	switch exporter := v.get("OTEL_" + v.own() + "_EXPORTER"); {
	case exporter == "none", exporter == "prometheus" && v.signal == metrics: // that is served anyhow
		return nil, nil //nolint:nilnil // off is no error
	case exporter != "" && exporter != "otlp":
		return nil, invalid("OTEL_%s_EXPORTER is %.40q: must be otlp or none", v.own(), exporter)
	case exporter == "otlp" && base+whole == "":
		base = "http://localhost:4318"
	}
	if base+whole == "" {
		return nil, nil //nolint:nilnil // likewise
	}
	if p := v.of("PROTOCOL"); p != "" && p != "http/protobuf" {
		return nil, invalid("OTEL_EXPORTER_OTLP_PROTOCOL is %.40q: must be http/protobuf", p)
	}
	own := c.Endpoint == "" && whole != ""
	at, err := url.Parse(base)
	if own {
		at, err = url.Parse(whole)
	}
	if err != nil || at.Host == "" || at.Scheme != "http" && at.Scheme != "https" {
		return nil, invalid("otlp_endpoint, or OTEL_EXPORTER_OTLP_ENDPOINT, is no URL of a collector: write http://HOST:PORT, such as http://localhost:4318")
	}
	if !own {
		at = at.JoinPath("v1", string(v.signal))
	}
	return at, nil
}

// readHeaders reads those of the variable, NAME=VALUE,… with values as in a URL, and over
// them those of the configuration, as they are. What is wrong is not shown: they are secrets.
func (c *collector) readHeaders(list string, own []string) error {
	add := func(pair string, decode func(string) (string, error)) error {
		name, value, ok := strings.Cut(pair, "=")
		value, err := decode(strings.TrimSpace(value))
		if name = strings.TrimSpace(name); !ok || name == "" || err != nil || strings.ContainsAny(name+value, "\r\n\x00") {
			return invalid("the header %.40q of a collector is not NAME=VALUE", name)
		}
		c.headers.Set(name, value)
		return nil
	}
	var faults []error
	for pair := range strings.SplitSeq(list, ",") {
		if strings.TrimSpace(pair) != "" {
			faults = append(faults, add(pair, url.PathUnescape))
		}
	}
	for _, pair := range own {
		faults = append(faults, add(pair, func(s string) (string, error) { return s, nil }))
	}
	return errors.Join(faults...)
}

// readRest reads how the collector is talked to.
func (c *collector) readRest(v variables) error {
	timeout, err := milliseconds("OTEL_EXPORTER_OTLP_TIMEOUT", v.of("TIMEOUT"), defaultTimeout)
	if err != nil {
		return err
	}
	switch packing := v.of("COMPRESSION"); packing {
	case "", "none":
	case "gzip":
		c.gzip = true
	default:
		return invalid("OTEL_EXPORTER_OTLP_COMPRESSION is %.40q: must be gzip or none", packing)
	}
	secret, err := certificates(v)
	if err != nil {
		return err
	}
	last := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.http = &http.Client{Timeout: timeout, CheckRedirect: last, Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: secret, ForceAttemptHTTP2: true, IdleConnTimeout: 30 * time.Second,
	}}
	return nil
}

// certificates are whom we trust, and who we are.
func certificates(v variables) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if path := v.of("CERTIFICATE"); path != "" {
		pem, err := os.ReadFile(path)
		if err != nil {
			return nil, invalid("OTEL_EXPORTER_OTLP_CERTIFICATE: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, invalid("OTEL_EXPORTER_OTLP_CERTIFICATE: there is no certificate in %s", path)
		}
	}
	if cert, key := v.of("CLIENT_CERTIFICATE"), v.of("CLIENT_KEY"); cert+key != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, invalid("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and _KEY: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}
