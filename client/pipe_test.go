package client_test

import (
	"errors"
	"runtime"
	"testing"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/client"
)

// A named pipe has an address like a socket, in the form that others use as well.
func TestNew_TakesAddresses(t *testing.T) {
	t.Parallel()
	if at := client.PipeURL(`\\.\pipe\cloudops`); at != "npipe:////./pipe/cloudops" {
		t.Errorf("the pipe is at %q", at)
	}
	for at, ok := range map[string]bool{
		"unix:///s": true, "npipe:////./pipe/cloudops": true, "http://localhost:1": true, "https://a": true,
		"unix://s": false, "npipe:///pipe/cloudops": false, "npipe:////./file": false, "npipe:////server/pipe/x": false, "ftp://x": false, "": false, "http:///x": false,
	} {
		if _, err := client.New(at, client.Config{}); errors.Is(err, engine.ErrInvalidConfig) == ok {
			t.Errorf("%q: %v", at, err)
		}
	}
	if client.Listens(t.Context(), "unix:///nowhere") || client.Listens(t.Context(), "http://localhost:1") || client.Listens(t.Context(), "%") {
		t.Error("somebody listens nowhere")
	}
	if runtime.GOOS != "windows" && client.Listens(t.Context(), client.PipeURL(`\\.\pipe\cloudops`)) {
		t.Error("there is a pipe here")
	}
}
