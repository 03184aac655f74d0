package daemon

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/escher-dbai/cloudops-engine/internal/exposition"
)

// seats is a listener with bounds on what is open at once, together and from one address.
// One connection more is closed at once: whoever is inside goes on to be served.
type seats struct {
	net.Listener

	taken *turnstile
	each  *shares
	count *seatCount
}

// seatCount counts connections of all listeners of a daemon. The zero value is ready.
type seatCount struct {
	open         atomic.Int64
	full, greedy atomic.Int64 // turned away, as there were too many, or too many of theirs
}

// Accept waits for the next that has a seat.
func (s *seats) Accept() (net.Conn, error) {
	for {
		c, err := s.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if leave := s.enter(c.RemoteAddr()); leave != nil {
			return &seat{Conn: c, leave: sync.OnceFunc(leave)}, nil
		}
		_ = c.Close() // they see it
	}
}

// enter gives a seat to somebody at an address; nil where there is none.
func (s *seats) enter(at net.Addr) (leave func()) {
	from := neighbours(at)
	if !s.each.enter(from) {
		s.count.greedy.Add(1)
		return nil
	}
	if !s.taken.enter() {
		s.each.leave(from)
		s.count.full.Add(1)
		return nil
	}
	s.count.open.Add(1)
	return func() {
		s.count.open.Add(-1)
		s.taken.leave()
		s.each.leave(from)
	}
}

// seat is a connection that gives its seat back.
type seat struct {
	net.Conn

	leave func()
}

// Close closes the connection.
func (s *seat) Close() error {
	defer s.leave()
	return s.Conn.Close()
}

// shares count who is inside from each address, and let in nobody of one that has its share
// already. What is kept grows with who is inside alone.
type shares struct {
	most int

	mu     sync.Mutex
	inside map[netip.Prefix]int
}

func newShares(most int) *shares { return &shares{most: most, inside: make(map[netip.Prefix]int)} }

func (s *shares) enter(from netip.Prefix) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if from.IsValid() && s.inside[from] >= s.most {
		return false
	}
	s.inside[from]++
	return true
}

func (s *shares) leave(from netip.Prefix) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inside[from]--; s.inside[from] == 0 {
		delete(s.inside, from)
	}
}

// neighbours are who counts as one: an address, or a /64 of IPv6, of which one machine has
// all. Who comes by a socket has none, and is bounded with all others alone.
func neighbours(at net.Addr) netip.Prefix {
	tcp, ok := at.(*net.TCPAddr)
	if !ok {
		return netip.Prefix{}
	}
	ip := tcp.AddrPort().Addr().Unmap().WithZone("")
	bits := 64
	if ip.Is4() {
		bits = 32
	}
	from, _ := ip.Prefix(bits) // it has so many
	return from
}

// expose writes how many there are, and how many were turned away.
func (c *seatCount) expose(out *exposition.Families) {
	out.Gauge("cloudops_connections", "Connections that are open.", float64(c.open.Load()))
	out.Add("cloudops_connections_refused_total", exposition.Counter, "Connections that were closed at once, by the bound that was reached.")
	out.Sample(float64(c.full.Load()), "bound", "max_connections")
	out.Sample(float64(c.greedy.Load()), "bound", "max_connections_per_address")
}
