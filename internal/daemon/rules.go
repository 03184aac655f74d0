package daemon

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"

	"connectrpc.com/connect"
)

// rules are what may change while a daemon runs.
type rules struct {
	Settings

	tls *tls.Config // nil: none
}

func newRules(s *Settings) (*rules, error) {
	r := &rules{Settings: s.WithDefaults()}
	if s.TLSCert == "" {
		return r, nil
	}
	pair, err := tls.LoadX509KeyPair(s.TLSCert, s.TLSKey)
	if err != nil {
		return nil, fmt.Errorf("tls_cert and tls_key: %w", err)
	}
	r.tls = &tls.Config{
		Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
	}
	if s.TLSClientCA == "" {
		return r, nil
	}
	pem, err := os.ReadFile(s.TLSClientCA)
	if err != nil {
		return nil, fmt.Errorf("tls_client_ca: %w", err)
	}
	r.tls.ClientAuth, r.tls.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
	if !r.tls.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("tls_client_ca: %w", errors.New("there is no certificate in it"))
	}
	return r, nil
}

// isHost reports whether a Host is one of ours. A page whose name was made to point here
// (DNS rebinding) has a Host and an Origin that agree, and only this tells it apart.
//
// The socket is not reached by pages, but by what forwards a port to it: there every name
// without a dot will do, which nobody can register.
func (r *rules) isHost(given string, network bool, port string) bool {
	host, at, err := net.SplitHostPort(given)
	if err != nil {
		host, at = strings.Trim(given, "[]"), ""
	}
	if host == "" {
		return false
	}
	if !network {
		return isLoopback(host) || !strings.ContainsAny(host, ".:")
	}
	listen, _, _ := net.SplitHostPort(r.Listen)
	if isLoopback(host) || host == listen && !isWildcard(listen) {
		return at == port
	}
	return slices.ContainsFunc(r.AllowedHosts, func(allowed string) bool {
		return strings.EqualFold(allowed, given) || strings.EqualFold(allowed, host) && (at == "" || at == port)
	})
}

// checkOrigin refuses what a browser sends on behalf of another site. Programs send
// neither header.
func (r *rules) checkOrigin(req *http.Request) error {
	foreign := refuse(http.StatusForbidden, connect.CodePermissionDenied, "pages of other sites may not use this daemon", "allowed_origins lists those that may")
	for _, origin := range req.Header.Values("Origin") {
		_, host, ok := strings.Cut(origin, "://")
		if slices.Contains(r.AllowedOrigins, origin) {
			return nil
		}
		if !ok || !strings.EqualFold(host, req.Host) {
			return foreign
		}
	}
	switch req.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin":
		return nil
	}
	return foreign
}
