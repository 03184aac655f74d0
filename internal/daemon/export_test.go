package daemon

import (
	"context"
	"net"
)

// What tests look at from outside.
var NewTurnstile = newTurnstile

// ListenSocket listens at a path as a daemon does.
func ListenSocket(ctx context.Context, path string) (net.Listener, error) {
	return listenSocket(ctx, path)
}

// ListenTCP listens at an address as a daemon does.
func ListenTCP(ctx context.Context, address string) (net.Listener, error) {
	return listenTCP(ctx, address)
}

// Seats bounds how many connections of a listener are open at once.
func Seats(l net.Listener, most int) net.Listener {
	return &seats{l, newTurnstile(most), newShares(most), &seatCount{}}
}

// Neighbours are who counts as one with who is at an address.
func Neighbours(at net.Addr) string { return neighbours(at).String() }

// Rates are bounds by name.
type Rates = rates

// Allow reports whether name may once more.
func (r *Rates) Allow(name string, perSecond int) bool { return r.allow(name, perSecond) }

// Names is how many names are kept.
func (r *Rates) Names() int { return len(r.names) }

// May reports whether a role may ask for what is at a path, and whether there is anything.
func May(role Role, path string) (may, known bool) {
	need, err := verbRight(path)
	return role.may(need), err == nil
}

// Enter, Leave and Shut are those of a turnstile.
func (t *turnstile) Enter() bool { return t.enter() }

// Leave is to leave it.
func (t *turnstile) Leave() { t.leave() }

// Shut is to close it.
func (t *turnstile) Shut() <-chan struct{} { return t.close() }

// Inside is how many requests and streams are open.
func (d *Daemon) Inside() (n int) {
	for _, p := range d.doors {
		p.guard.inside.mu.Lock()
		n += p.guard.inside.inside
		p.guard.inside.mu.Unlock()
	}
	return n
}

// Seated is how many connections are open.
func (d *Daemon) Seated() (n int) {
	for _, p := range d.doors {
		if l, ok := p.listener.(*seats); ok {
			l.taken.mu.Lock()
			n += l.taken.inside
			l.taken.mu.Unlock()
		}
	}
	return n
}
