package daemon

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/escher-dbai/cloudops-engine/rpc"
)

// door is a listener, and the server behind it.
type door struct {
	listener net.Listener
	server   *http.Server
	guard    *guard
	name     string // where it listens, as a client names it
	secret   bool   // with TLS
}

// newDoor puts a server behind a listener.
func (d *Daemon) newDoor(l net.Listener) *door {
	p := &door{listener: &seats{Listener: l, taken: newTurnstile(d.config.MaxConnections)}}
	address, network := l.Addr().(*net.TCPAddr)
	port := ""
	p.name = "unix://" + l.Addr().String()
	if s, ok := l.(*socket); ok {
		p.name = "unix://" + s.path
	}
	if network {
		port = fmt.Sprint(address.Port)
		p.name = "http://" + address.String()
		if p.secret = d.rules.Load().tls != nil; p.secret {
			p.name = "https://" + address.String()
		}
	}
	p.guard = newGuard(d, d.rooms(), network, port)
	p.server = rpc.NewServer(d.through(p.guard), d.log)
	p.server.ConnContext = withPeer
	if p.secret {
		p.server.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			return d.rules.Load().tls, nil
		}}
	}
	return p
}

// serve serves until the door is closed.
func (p *door) serve() error {
	var err error
	if p.secret {
		err = p.server.ServeTLS(p.listener, "", "")
	} else {
		err = p.server.Serve(p.listener)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("%s: %w", p.name, err)
}

// farewell is how long answers that were begun may take to arrive when a daemon ends.
const farewell = 2 * time.Second

// close lets nobody in any more, and returns when nobody is inside: whoever does not take
// what is left for them is cut off.
func (p *door) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, farewell)
	defer cancel()
	over := p.guard.inside.close()
	err := p.server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		err = p.server.Close()
	}
	if closing := p.listener.Close(); !errors.Is(closing, net.ErrClosed) { // the server closes what it serves
		err = errors.Join(err, closing)
	}
	<-over
	return err
}
