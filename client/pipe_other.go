//go:build !windows

package client

import (
	"context"
	"errors"
	"fmt"
	"net"
)

func dialPipe(_ context.Context, path string) (net.Conn, error) {
	return nil, fmt.Errorf("dial %s: named pipes are of Windows: %w", path, errors.ErrUnsupported)
}
