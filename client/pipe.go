package client

import (
	"context"
	"net"
	"net/url"
	"strings"
)

// The scheme of a named pipe of Windows, as others have it: npipe:////./pipe/NAME.
const pipeScheme = "npipe"

// PipeURL is the address of a named pipe, which Windows writes \\.\pipe\NAME.
func PipeURL(path string) string { return pipeScheme + "://" + strings.ReplaceAll(path, `\`, "/") }

// local says how somebody on this machine is reached: by a unix socket or a named pipe. It
// is nil where a URL is of neither.
func local(where *url.URL) func(ctx context.Context) (net.Conn, error) {
	switch {
	case where.Host != "" || where.Path == "":
		return nil
	case where.Scheme == "unix":
		return func(ctx context.Context) (net.Conn, error) { return (&net.Dialer{}).DialContext(ctx, "unix", where.Path) }
	case where.Scheme == pipeScheme && strings.HasPrefix(where.Path, "//./pipe/"):
		return func(ctx context.Context) (net.Conn, error) {
			return dialPipe(ctx, strings.ReplaceAll(where.Path, "/", `\`))
		}
	}
	return nil
}

// Listens reports whether somebody listens at the local address of an engine: at once, and
// without asking for anything.
func Listens(ctx context.Context, target string) bool {
	where, err := url.Parse(target)
	if err != nil {
		return false
	}
	dial := local(where)
	if dial == nil {
		return false
	}
	c, err := dial(ctx)
	return err == nil && c.Close() == nil
}
