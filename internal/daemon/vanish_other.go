//go:build !linux

package daemon

import (
	"net"
	"time"
)

// dropsVanished: here it is the system that says how long, and HTTP/2, which asks.
func dropsVanished(*net.TCPListener, time.Duration) error { return nil }
