package daemon

import (
	"context"
	"errors"
	"net"
	"time"
)

// goneAfter is how long a connection lasts whose other end has vanished without a word.
const goneAfter = 30 * time.Second

// listenTCP listens at an address of a network.
func listenTCP(ctx context.Context, address string) (net.Listener, error) {
	var config net.ListenConfig
	config.SetMultipathTCP(false) // it does not know what dropsVanished asks for
	l, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	if err := dropsVanished(l); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}
