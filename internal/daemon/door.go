package daemon

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"time"

	"github.com/escher-dbai/cloudops-engine/client"
	"github.com/escher-dbai/cloudops-engine/rpc"
)

// door is a listener, and the server behind it.
type door struct {
	listener net.Listener
	given    net.Listener // the same, without bounds
	server   *http.Server
	guard    *guard
	name     string // where it listens, as a client names it
	secret   bool   // with TLS
}

// SocketURL is the address of what listens at the path of a socket, or at the name of a
// pipe.
func SocketURL(path string) string {
	if runtime.GOOS == "windows" {
		return client.PipeURL(path)
	}
	return "unix://" + path
}

// newDoor puts a server behind a listener. Half of the descriptors that there are stay for
// the work, whoever connects.
func (d *Daemon) newDoor(l net.Listener) *door {
	p := &door{given: l, listener: &seats{
		Listener: l, taken: newTurnstile(min(d.config.MaxConnections, mostDescriptors()/2)), each: newShares(d.config.MaxConnectionsPerAddress), count: &d.seated,
	}}
	address, network := l.Addr().(*net.TCPAddr)
	port := ""
	p.name = "unix://" + l.Addr().String()
	if s, ok := l.(*socket); ok {
		p.name = SocketURL(s.path)
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
	if !network {
		p.server.ConnContext = withPeer(newAccounts())
	}
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
	if errors.Is(err, http.ErrServerClosed) || p.guard.inside.isClosed() {
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
