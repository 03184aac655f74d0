package main_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// certify writes a certificate that is its own authority, and its key.
func certify(t *testing.T, name string, names ...string) (cert, key string) {
	t.Helper()
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: names,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &secret.PublicKey, secret)
	must(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(secret)
	must(t, err)
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert"), filepath.Join(dir, "key")
	must(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	must(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
	return cert, key
}

// A context has the files, and the name of the daemon, by which they know each other: nobody
// has to say them again, from whatever directory. Flags go before them, they before variables.
func TestContexts_KeepCertificates(t *testing.T) {
	t.Parallel()
	s := newStation(t)
	s.serve(1, "--socket", s.socket).end(t)
	secret := s.token()
	cert, key := certify(t, "daemon", "engine.test")
	mine, myKey := certify(t, "client")
	other, _ := certify(t, "other")
	s.env = []string{"CLOUDOPS_TLS_CERT=" + cert, "CLOUDOPS_TLS_KEY=" + key, "CLOUDOPS_TLS_CLIENT_CA=" + mine}
	d := s.serve(2, "--socket", s.socket, "--listen", "127.0.0.1:0")
	t.Cleanup(func() { d.end(t) })
	at := d.addresses[1]
	said := func(dir string, args ...string) (string, error) {
		cmd := s.command(args...)
		cmd.Dir = dir
		cmd.Env = []string{
			"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir, "MINE=" + secret,
			"CLOUDOPS_HOST_TLS_CA=" + other, "CLOUDOPS_HOST_TLS_NAME=variable.test",
		}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	add := []string{
		"contexts", "add", "there", "--host", at, "--token-env", "MINE",
		"--tls-ca", filepath.Base(cert), "--tls-cert", mine, "--tls-key", myKey, "--tls-name", "engine.test",
	}
	if out, err := said(filepath.Dir(cert), add...); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if out, err := said(s.dir, "run", "--context", "there", "--", "echo", "known"); err != nil || out != "known\n" {
		t.Errorf("%v: %s", err, out)
	}
	if out, err := said(s.dir, "ps", "--context", "there", "--tls-name", "flag.test"); err == nil || !strings.Contains(out, "flag.test") || !strings.Contains(out, "or --tls-name says") {
		t.Errorf("a flag does not go before what is kept: %v: %s", err, out)
	}
	out, err := said(s.dir, "contexts", "list", "--json")
	for _, want := range []string{`"tls_ca":"` + cert + `"`, `"tls_cert":"` + mine + `"`, `"tls_key":"` + myKey + `"`, `"tls_name":"engine.test"`} {
		if err != nil || !strings.Contains(out, want) {
			t.Errorf("%v: %s\nwant …%s…", err, out, want)
		}
	}
	if out, err := said(s.dir, "contexts", "list"); err != nil || !strings.Contains(out, "variable MINE         certificate, authority, name engine.test\n") {
		t.Errorf("%v: %s", err, out)
	}
	for what, args := range map[string][]string{
		"there is no certificate in": {"--tls-ca", key},
		"go together":                {"--tls-cert", mine},
		"no such file":               {"--tls-cert", mine, "--tls-key", "nowhere"},
	} {
		if out, err := said(s.dir, append([]string{"contexts", "add", "wrong", "--host", at}, args...)...); err == nil || !strings.Contains(out, what) {
			t.Errorf("want …%s…, got %v: %s", what, err, out)
		}
	}
	if out, err := said(s.dir, "contexts", "add", "wrong", "--host", "unix:///x", "--tls-ca", cert); err == nil || !strings.Contains(out, "go with --host https://HOST") {
		t.Errorf("certificates for a socket: %v: %s", err, out)
	}
}

// A daemon and the command know each other by certificates, from flags or variables, and
// where they do not it is said what to do.
func TestHost_KnowsAndIsKnownByCertificates(t *testing.T) {
	t.Parallel()
	s := newStation(t)
	s.serve(1, "--socket", s.socket).end(t)
	secret := s.token()
	cert, key := certify(t, "daemon")
	mine, myKey := certify(t, "client")
	other, otherKey := certify(t, "other")
	s.env = []string{"CLOUDOPS_TLS_CERT=" + cert, "CLOUDOPS_TLS_KEY=" + key, "CLOUDOPS_TLS_CLIENT_CA=" + mine}
	d := s.serve(2, "--socket", s.socket, "--listen", "127.0.0.1:0")
	t.Cleanup(func() { d.end(t) })
	at := d.addresses[1]
	plain := newStation(t)
	plain.serve(1, "--socket", plain.socket).end(t)
	plain.token()
	open := plain.serve(2, "--socket", plain.socket, "--listen", "127.0.0.1:0")
	t.Cleanup(func() { open.end(t) })
	both := []string{"--tls-cert", mine, "--tls-key", myKey}
	for what, c := range map[string]struct {
		host       string
		flags, env []string
		says       string // "" is that it works
		hint       string
	}{
		"with flags":                          {at, append(both, "--tls-ca", cert), nil, "", ""},
		"with variables":                      {at, nil, []string{"CLOUDOPS_HOST_TLS_CERT=" + mine, "CLOUDOPS_HOST_TLS_KEY=" + myKey, "CLOUDOPS_HOST_TLS_CA=" + cert}, "", ""},
		"flags before variables":              {at, append(both, "--tls-ca", cert), []string{"CLOUDOPS_HOST_TLS_CERT=" + other, "CLOUDOPS_HOST_TLS_KEY=" + otherKey, "CLOUDOPS_HOST_TLS_CA=" + other}, "", ""},
		"an unknown authority":                {at, both, nil, "certificate signed by unknown authority", "--tls-ca FILE names the authority"},
		"another name":                        {strings.Replace(at, "127.0.0.1", "localhost", 1), append(both, "--tls-ca", cert), nil, "localhost", "--host names the daemon as its certificate does"},
		"no certificate of ours":              {at, []string{"--tls-ca", cert}, nil, "the daemon asks for a certificate: ", "--tls-cert FILE and --tls-key FILE"},
		"another certificate":                 {at, []string{"--tls-cert", other, "--tls-key", otherKey, "--tls-ca", cert}, nil, "the daemon does not take the certificate: ", "tls_client_ca in the configuration of the daemon"},
		"a certificate, and a key of another": {at, []string{"--tls-cert", mine, "--tls-key", otherKey}, nil, "--tls-cert and --tls-key: ", "both are files in PEM"},
		"a certificate without a key":         {at, []string{"--tls-cert", mine}, nil, "--tls-cert and --tls-key go together", "give both"},
		"no authority in the file":            {at, append(both, "--tls-ca", key), nil, "there is no certificate in", "it is a file in PEM"},
		"no TLS here":                         {strings.Replace(at, "https", "http", 1), nil, nil, "has TLS", "--host https://127.0.0.1:"},
		"no TLS there":                        {strings.Replace(open.addresses[1], "http", "https", 1), nil, nil, "HTTP response to HTTPS client", "there is no TLS at that port"},
		"no TLS, and flags for it":            {open.addresses[1], both, nil, "go with --host https://HOST", "name it with https://"},
		"a socket, and flags for TLS":         {"unix://" + s.socket, both, nil, "go with --host https://HOST", "name it with https://"},
		"no token":                            {at, append(both, "--tls-ca", cert), []string{"CLOUDOPS_TOKEN="}, "a token is needed", "cloudops token create makes a token"},
		"another token":                       {at, append(both, "--tls-ca", cert), []string{"CLOUDOPS_TOKEN=" + secret + "x"}, "the token is not valid", "cloudops token create makes a token"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			cmd := s.command(append([]string{"ps", "--host", c.host}, c.flags...)...)
			cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir, "CLOUDOPS_TOKEN=" + secret}, c.env...)
			out, err := cmd.CombinedOutput()
			if c.says == "" {
				if err != nil {
					t.Errorf("%v: %s", err, out)
				}
				return
			}
			_, hint, _ := strings.Cut(string(out), "hint: ")
			if err == nil || !strings.Contains(string(out), c.says) || !strings.HasPrefix(string(out), "error: ") || !strings.Contains(hint, c.hint) {
				t.Errorf("%v: %s\nwant …%s…, and the hint %s…", err, out, c.says, c.hint)
			}
		})
	}
}
