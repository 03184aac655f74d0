package client_test

import (
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// cutter is a proxy before a socket that cuts each connection after a number of bytes of
// answers, wherever in a message that is.
type cutter struct {
	t        *testing.T
	listener net.Listener
	backend  string
	open     sync.WaitGroup
	cuts     atomic.Int64
	most     atomic.Int64 // what a connection may have: any number up to this
}

// cutBefore makes a proxy before a socket, and returns its own.
func cutBefore(t *testing.T, backend string, most int64) (*cutter, string) {
	t.Helper()
	path := socket(t)
	l, err := net.Listen("unix", path) //nolint:noctx // it is there at once
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{t: t, listener: l, backend: backend}
	c.most.Store(most)
	c.open.Go(c.serve)
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		c.open.Wait()
	})
	return c, path
}

func (c *cutter) serve() {
	for first := true; ; first = false {
		front, err := c.listener.Accept()
		if err != nil {
			return // it was closed
		}
		back, err := net.Dial("unix", c.backend) //nolint:noctx // it is there at once
		if err != nil {
			c.t.Error(err)
			_ = front.Close()
			continue
		}
		c.open.Go(func() {
			_, _ = io.Copy(back, front) // until either is gone
			_ = back.Close()
		})
		allowed := c.most.Load()
		if !first { // a client that has met nobody does not come back
			allowed = 1 + rand.Int64N(allowed)
		}
		c.open.Go(func() {
			_, err := io.CopyN(front, back, allowed)
			if err == nil {
				c.cuts.Add(1)
			} else if !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
				c.t.Log(err) // the client was quicker
			}
			_, _ = front.Close(), back.Close()
		})
	}
}
