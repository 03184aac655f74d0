package daemon_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/daemon"
)

// pair is a certificate of its own authority, in two files.
type pair struct{ cert, key string }

func newPair(t *testing.T, name string) pair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	must(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	dir := t.TempDir()
	p := pair{filepath.Join(dir, "cert"), filepath.Join(dir, "key")}
	must(t, os.WriteFile(p.cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}), 0o600))
	must(t, os.WriteFile(p.key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
	return p
}

// look asks for the health of a daemon, with a certificate if there is one, and returns the
// name of the daemon's.
func (p pair) look(t *testing.T, at string, mine ...pair) (name, protocol string, err error) {
	t.Helper()
	authority, err := os.ReadFile(p.cert)
	must(t, err)
	config := &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}
	config.RootCAs.AppendCertsFromPEM(authority)
	for _, m := range mine {
		c, err := tls.LoadX509KeyPair(m.cert, m.key)
		must(t, err)
		config.Certificates = append(config.Certificates, c)
	}
	transport := &http.Transport{TLSClientConfig: config, DisableKeepAlives: true, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at+"/healthz", nil)
	must(t, err)
	response, err := transport.RoundTrip(r)
	if err != nil {
		return "", "", err
	}
	_ = readAll(t, response.Body)
	return response.TLS.PeerCertificates[0].Subject.CommonName, response.Proto, response.Body.Close()
}

// Over TLS there is HTTP/2, a client without the certificate that is asked for does not come
// in, and a new certificate is taken up without a new start.
func TestDaemon_ServesTLSAndReloads(t *testing.T) {
	t.Parallel()
	first, second, client := newPair(t, "first"), newPair(t, "second"), newPair(t, "client")
	d := network(t, daemon.Viewer, func(s *daemon.Settings) {
		s.TLSCert, s.TLSKey, s.TLSClientCA = first.cert, first.key, client.cert
	})
	at := d.at
	if !strings.HasPrefix(at, "https://") {
		t.Fatalf("it listens at %s", at)
	}
	if name, protocol, err := first.look(t, at, client); name != "first" || protocol != "HTTP/2.0" {
		t.Errorf("%q by %s, %v", name, protocol, err)
	}
	if _, _, err := first.look(t, at); err == nil {
		t.Error("it let in without a certificate")
	}
	if _, _, err := first.look(t, at, second); err == nil {
		t.Error("it let in with another certificate")
	}
	next := daemon.Config{Ephemeral: true, StateDir: d.dir, Engine: engine.Config{MaxConcurrent: 7}, Settings: daemon.Settings{
		Listen: "127.0.0.1:0", TLSCert: second.cert, TLSKey: second.key, MaxConnections: 9,
	}}
	later, err := d.Reload(next)
	if want := []string{"max_connections", "settings of the engine"}; err != nil || !slices.Equal(later, want) {
		t.Errorf("reload: %q, %v; want %q", later, err, want)
	}
	if name, _, err := second.look(t, at); name != "second" {
		t.Errorf("after the reload: %q, %v", name, err)
	}
	next.TLSKey = first.key
	if _, err := d.Reload(next); err == nil {
		t.Error("it took a key of another certificate")
	}
	next.AllowedOrigins = []string{"*"}
	if _, err := d.Reload(next); err == nil {
		t.Error("it took a bad setting")
	}
	if name, _, err := second.look(t, at); name != "second" {
		t.Errorf("after those: %q, %v", name, err)
	}
}

// Names that are allowed are those, and nothing near them.
func TestDaemon_IsKnownByTheNamesThatAreAllowed(t *testing.T) {
	t.Parallel()
	at := network(t, daemon.Viewer, func(s *daemon.Settings) {
		s.AllowedHosts, s.AllowedOrigins = []string{"ops.example", "b.example:8443"}, []string{"tauri://localhost"}
	}).at
	port := at[strings.LastIndex(at, ":"):]
	for host, want := range map[string]int{
		"ops.example": 200, "OPS.example" + port: 200, "ops.example:1": 421, "b.example:8443": 200, "b.example": 421,
		"x.ops.example": 421, "ops.example.evil": 421, "localhost" + port: 200, "[::1]" + port: 200, "localhost": 421,
	} {
		if status, _ := ask(t, at, &asked{http.MethodGet, "/healthz", "", map[string]string{"Host": host}}); status != want {
			t.Errorf("Host %s: %d, want %d", host, status, want)
		}
	}
	for origin, want := range map[string]int{"tauri://localhost": 200, at: 200, "tauri://localhost.evil": 403, "http://127.0.0.1": 403} {
		if status, _ := ask(t, at, &asked{http.MethodGet, "/healthz", "", map[string]string{"Origin": origin}}); status != want {
			t.Errorf("Origin %s: %d, want %d", origin, status, want)
		}
	}
}
