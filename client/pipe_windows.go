package client

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/Microsoft/go-winio"
	"golang.org/x/sys/windows"
)

// dialPipe connects to a pipe of this user. Anybody may make one of any name that is free,
// and would hear what we say: variables and stdin are in it.
func dialPipe(ctx context.Context, path string) (net.Conn, error) {
	c, err := winio.DialPipeContext(ctx, path)
	if err != nil {
		return nil, err
	}
	if err := ownPipe(c); err != nil {
		return nil, errors.Join(fmt.Errorf("dial %s: %w", path, err), c.Close())
	}
	return c, nil
}

func ownPipe(c net.Conn) error {
	f, ok := c.(interface{ Fd() uintptr })
	if !ok {
		return errors.ErrUnsupported
	}
	about, err := windows.GetSecurityInfo(windows.Handle(f.Fd()), windows.SE_KERNEL_OBJECT, windows.OWNER_SECURITY_INFORMATION)
	if err != nil {
		return err
	}
	owner, _, err := about.Owner()
	if err != nil {
		return err
	}
	us, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return err
	}
	if !owner.Equals(us.User.Sid) {
		return fmt.Errorf("the pipe is that of %s, another user", owner)
	}
	return nil
}
