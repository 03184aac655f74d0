//go:build !linux

package daemon

import "net"

// dropsVanished: here it is the system that says how long, and HTTP/2, which asks.
func dropsVanished(net.Listener) error { return nil }
