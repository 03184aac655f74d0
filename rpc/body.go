package rpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"

	"connectrpc.com/connect"
)

// body is that of a request of HTTP/1.1. Where what frames it is malformed, that is the
// fault of who sent it; Connect has no code for it.
type body struct{ io.ReadCloser }

// Read reads what is there.
func (b body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	_, large := errors.AsType[*http.MaxBytesError](err)
	_, ofNetwork := errors.AsType[net.Error](err)
	switch {
	case err == nil, large, ofNetwork, errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, http.ErrBodyReadAfterClose),
		errors.Is(err, context.Canceled), errors.Is(err, net.ErrClosed), errors.Is(err, io.ErrClosedPipe):
		return n, err
	}
	return n, connect.NewError(connect.CodeInvalidArgument, fmt.Errorf("read message: %w", err))
}
