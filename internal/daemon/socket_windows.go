package daemon

import (
	"context"
	"fmt"
	"net"
	"strings"
	"syscall"

	"github.com/Microsoft/go-winio"
	"golang.org/x/sys/windows"

	engine "github.com/escher-dbai/cloudops-engine"
)

// socket is a named pipe, which is what this system has in the place of a unix socket.
type socket struct {
	net.Listener

	path string
}

// pipeFolder begins the names of pipes of this machine.
const pipeFolder = `\\.\pipe\`

// listenSocket listens at a pipe that is this user's, whose name is free. The system's own
// account and this user may use it, and nobody else: a list of who may is all there is, for
// nothing tells who is at the other end.
func listenSocket(_ context.Context, path string) (*socket, error) {
	if !strings.HasPrefix(path, pipeFolder) {
		return nil, engine.Advise(fmt.Errorf("socket %s: no name of a pipe", path), `--socket %sNAME`, pipeFolder)
	}
	us, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return nil, fmt.Errorf("socket %s: %w", path, err)
	}
	sid := us.User.Sid.String()
	l, err := winio.ListenPipe(path, &winio.PipeConfig{
		SecurityDescriptor: fmt.Sprintf("O:%sD:P(A;;GA;;;%s)(A;;GA;;;SY)", sid, sid),
		InputBufferSize:    64 << 10, OutputBufferSize: 64 << 10,
	})
	if err != nil {
		return nil, fmt.Errorf("socket %s: %w", path, err)
	}
	return &socket{l, path}, nil
}

func peerUID(syscall.RawConn) (uid int, err error) { return -1, nil }
