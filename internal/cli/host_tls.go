package cli

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	engine "github.com/escher-dbai/cloudops-engine"
)

// hostTLS is by what a daemon elsewhere and we know each other: files in PEM, and the name
// that its certificate has, where that is not the one of its URL. A context keeps it.
type hostTLS struct {
	Cert       string `json:"tls_cert,omitempty"`
	Key        string `json:"tls_key,omitempty"`
	CA         string `json:"tls_ca,omitempty"`
	ServerName string `json:"tls_name,omitempty"`
}

// The variables for what no flag names. CLOUDOPS_TLS_CERT is what a daemon here shows.
const (
	hostCertVariable = hostVariable + "_TLS_CERT"
	hostKeyVariable  = hostVariable + "_TLS_KEY"
	hostCAVariable   = hostVariable + "_TLS_CA"
	hostNameVariable = hostVariable + "_TLS_NAME"
)

// hostFlags declares what says which daemon is asked, and how we know each other.
func (p *program) hostFlags(root *cobra.Command) {
	flags := root.PersistentFlags()
	flags.StringVar(&p.hostFlag, "host", "", "use the daemon at `URL`: unix:///PATH, https://HOST")
	flags.StringVar(&p.tls.Cert, "tls-cert", "", "our certificate in `FILE`, where the daemon at --host asks for one")
	flags.StringVar(&p.tls.Key, "tls-key", "", "the key of --tls-cert in `FILE`")
	flags.StringVar(&p.tls.CA, "tls-ca", "", "`FILE` with the authority of the daemon at --host, in place of the system's")
	flags.StringVar(&p.tls.ServerName, "tls-name", "", "the certificate of the daemon at --host is for `NAME`, in place of HOST")
	for _, name := range []string{"tls-cert", "tls-key", "tls-ca"} {
		_ = root.MarkPersistentFlagFilename(name) // it is there
	}
}

// or takes from others what is not said. A certificate goes with its key.
func (h hostTLS) or(others hostTLS) hostTLS {
	if h.Cert == "" && h.Key == "" {
		h.Cert, h.Key = others.Cert, others.Key
	}
	h.CA, h.ServerName = cmp.Or(h.CA, others.CA), cmp.Or(h.ServerName, others.ServerName)
	return h
}

// orVariables takes from variables what neither a flag nor a context says.
func (h hostTLS) orVariables() hostTLS {
	return h.or(hostTLS{os.Getenv(hostCertVariable), os.Getenv(hostKeyVariable), os.Getenv(hostCAVariable), os.Getenv(hostNameVariable)})
}

// absolute has the files be found from every directory.
func (h hostTLS) absolute() (hostTLS, error) {
	var faults []error
	for _, path := range []*string{&h.Cert, &h.Key, &h.CA} {
		if *path != "" {
			whole, err := filepath.Abs(*path)
			*path, faults = whole, append(faults, err)
		}
	}
	return h, errors.Join(faults...)
}

// String says what there is, for people: nothing where there is nothing.
func (h hostTLS) String() string {
	var parts []string
	for _, part := range [][2]string{{h.Cert, "certificate"}, {h.CA, "authority"}, {h.ServerName, "name " + h.ServerName}} {
		if part[0] != "" {
			parts = append(parts, part[1])
		}
	}
	return strings.Join(parts, ", ")
}

// withoutHost refuses flags for a daemon elsewhere where none is named.
func (h hostTLS) withoutHost() error {
	if h == (hostTLS{}) {
		return nil
	}
	return fault("the certificate that a daemon shows is tls_cert in its configuration", "--tls-cert, --tls-key, --tls-ca and --tls-name go with --host https://HOST")
}

// transport is how the daemon at a URL is reached, nil where the client's own will do.
func (h hostTLS) transport(where *url.URL) (*hinting, error) {
	if where.Scheme != "https" && h != (hostTLS{}) {
		return nil, fault("name it with https://", "--tls-cert, --tls-key, --tls-ca and --tls-name go with --host https://HOST")
	}
	if where.Scheme != "https" && where.Scheme != "http" {
		return nil, nil //nolint:nilnil // there is no other, and no error
	}
	h = h.orVariables()
	t := &hinting{}
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: h.ServerName, GetClientCertificate: t.certificate}
	var err error
	if t.mine, err = h.pair(); err != nil {
		return nil, err
	}
	if config.RootCAs, err = h.authorities(); err != nil {
		return nil, err
	}
	t.Transport = &http.Transport{
		Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, TLSHandshakeTimeout: 10 * time.Second, TLSClientConfig: config,
	}
	return t, nil
}

// pair is our certificate, nil where there is none.
func (h hostTLS) pair() (*tls.Certificate, error) {
	if h.Cert == "" && h.Key == "" {
		return nil, nil //nolint:nilnil // there is none, and that is no error
	}
	if h.Cert == "" || h.Key == "" {
		return nil, fault("give both", "--tls-cert and --tls-key go together")
	}
	pair, err := tls.LoadX509KeyPair(h.Cert, h.Key)
	if err != nil {
		return nil, engine.Advise(about("--tls-cert and --tls-key", err), "both are files in PEM: a certificate, and the key of it")
	}
	return &pair, nil
}

// authorities are those that may have signed the certificate of the daemon, nil where the
// system says.
func (h hostTLS) authorities() (*x509.CertPool, error) {
	if h.CA == "" {
		return nil, nil //nolint:nilnil // likewise
	}
	pem, err := os.ReadFile(h.CA)
	if err != nil {
		return nil, about("--tls-ca", err)
	}
	all := x509.NewCertPool()
	if !all.AppendCertsFromPEM(pem) {
		return nil, fault("it is a file in PEM", "--tls-ca: there is no certificate in %s", clip(h.CA))
	}
	return all, nil
}

// hinting says what to do where two do not come together.
type hinting struct {
	*http.Transport

	mine  *tls.Certificate // nil: we have none
	asked atomic.Bool      // for it. What they say to it may be lost: it comes behind the handshake
	met   atomic.Bool      // somebody has answered
}

// certificate is what we show to who asks.
func (h *hinting) certificate(info *tls.CertificateRequestInfo) (*tls.Certificate, error) {
	h.asked.Store(true)
	if h.mine != nil && info.SupportsCertificate(h.mine) == nil {
		return h.mine, nil
	}
	return &tls.Certificate{}, nil // they may let us in without
}

// RoundTrip makes one request.
func (h *hinting) RoundTrip(r *http.Request) (*http.Response, error) {
	a, err := h.Transport.RoundTrip(r)
	if err != nil {
		return nil, h.explain(err)
	}
	h.met.Store(true)
	if a.StatusCode == http.StatusBadRequest && r.URL.Scheme == "http" {
		begin, _ := io.ReadAll(io.LimitReader(a.Body, 64)) // what is missing is not what is looked for
		if bytes.HasPrefix(begin, []byte("Client sent an HTTP request to an HTTPS server")) {
			return nil, errors.Join(fault("--host https://"+r.URL.Host, "the daemon at %s has TLS", r.URL.Host), a.Body.Close())
		}
		a.Body = &resumed{io.MultiReader(bytes.NewReader(begin), a.Body), a.Body}
	}
	return a, nil
}

// resumed is a body of which the begin was read.
type resumed struct {
	io.Reader
	io.Closer
}

// explain adds what to do to an error of a connection, as far as somebody knows.
func (h *hinting) explain(err error) error {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return engine.Advise(err, "--tls-ca FILE names the authority that signed the certificate of the daemon")
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return engine.Advise(err, "--host names the daemon as its certificate does, or --tls-name says how that names it")
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired {
		return engine.Advise(err, "the operator of the daemon gives it another certificate, and has it read that by HUP")
	}
	if header, ok := errors.AsType[tls.RecordHeaderError](err); ok && string(header.RecordHeader[:]) == "HTTP/" {
		return engine.Advise(http.ErrSchemeMismatch, "there is no TLS at that port: http:// is for a daemon on this machine")
	}
	switch {
	case h.met.Load() || !h.asked.Load():
		return err
	case h.mine == nil:
		return engine.Advise(about("the daemon asks for a certificate", err), "--tls-cert FILE and --tls-key FILE")
	}
	return engine.Advise(about("the daemon does not take the certificate", err), "tls_client_ca in the configuration of the daemon is the authority that has to have signed it")
}
