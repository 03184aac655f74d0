package supervisor

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/lifecycle"
)

// ending is the control of a command that ends by the end of its stdin, before whoever
// closed that has its answer.
type ending struct {
	engine.Control

	end   func()
	heard <-chan struct{}
}

func (c *ending) Stdin() engine.Stdin { return (*endingStdin)(c) }

type endingStdin ending

func (c *endingStdin) Write(context.Context, []byte) (int, error) { return 0, engine.ErrNoStdin }

func (c *endingStdin) Close(context.Context) error {
	c.end()
	select {
	case <-c.heard:
	case <-time.After(50 * time.Millisecond): // it is not to be heard of before this returns
	}
	return nil
}

// connected are both ends of a connection.
func connected(t *testing.T) (one, other *lines) {
	t.Helper()
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(t.TempDir(), "s"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	one, err = dial(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(one.close)
	accepted, err := listener.AcceptUnix()
	if err != nil {
		t.Fatal(err)
	}
	other = newLines(accepted)
	t.Cleanup(other.close)
	return one, other
}

// What a supervisor says last is heard, although there is nobody any more to ask
// something: a request in vain once closed the connection, and what nobody had read yet was
// lost with it, as that a cancel had won.
func TestLink_HearsTheLastWords(t *testing.T) {
	t.Parallel()
	ours, supervisor := connected(t)
	k := newLink(nil, nil, nil)
	k.join(ours, &started{}, true)
	if err := supervisor.write(message{Ending: &engine.Ending{ExitCode: 5}}); err != nil {
		t.Fatal(err)
	}
	supervisor.close()
	if _, err := k.ask(t.Context(), request{Op: opWake}); !errors.Is(err, errHungUp) {
		t.Errorf("want %v, got %v", errHungUp, err)
	}
	var last message
	if err := ours.read(&last); err != nil || last.Ending == nil || last.Ending.ExitCode != 5 {
		t.Errorf("the last words are %+v, %v", last, err)
	}
}

// Who closes stdin hears that it is closed, and then that the command has ended. It once
// heard that the command had ended already, where that came faster than the answer.
func TestPeer_AnswersBeforeTheEnding(t *testing.T) {
	t.Parallel()
	partner, ours := connected(t)
	k, heard := &keeper{group: lifecycle.New()}, make(chan struct{})
	k.started.Typed = true
	k.control = &ending{heard: heard, end: func() {
		k.group.Go(func(context.Context) { k.peers[0].leave(&engine.Ending{}, time.After(patience)) })
	}}
	k.serve(ours, func(started) []message { return nil })
	if err := partner.write(request{Number: 7, Op: opClose}); err != nil {
		t.Fatal(err)
	}
	var first, second message
	if err := partner.read(&first); err != nil {
		t.Fatal(err)
	}
	close(heard)
	if err := partner.read(&second); err != nil {
		t.Fatal(err)
	}
	if first.Answer == nil || first.Answer.Number != 7 || first.Answer.Problem != nil || second.Ending == nil {
		t.Errorf("want the answer and then the ending, got %+v and %+v", first, second)
	}
	k.group.Stop(engine.ErrClosed)
	k.group.Wait()
}
