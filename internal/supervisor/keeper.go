package supervisor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"slices"
	"sync"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/folder"
	"github.com/escher-dbai/cloudops-engine/internal/lifecycle"
	"github.com/escher-dbai/cloudops-engine/internal/process"
	"github.com/escher-dbai/cloudops-engine/internal/redact"
)

// keeper keeps one execution in its folder: describes it, lets others control it and
// writes its ending. It is in the process that runs the execution.
type keeper struct {
	id     engine.ID
	folder *folder.Folder
	record *engine.Journal
	group  *lifecycle.Group
	door   *door
	secret func(text string) string // masks; what is added later too
	masked func(values []string)    // tells the engine of this process; nil where there is none

	describing sync.Mutex
	described  description

	mu      sync.Mutex
	control engine.Control // nil until it runs
	started started
	peers   []*peer
	closed  bool
}

func newKeeper(id engine.ID, f *folder.Folder, record *engine.Journal, d *door) *keeper {
	return &keeper{id: id, folder: f, record: record, door: d, group: lifecycle.New()}
}

// describe says who runs it, before it is started: what is there from then on is
// somebody's to end.
func (k *keeper) describe(l *engine.Launch, cgroup string, about json.RawMessage) error {
	k.secret = l.Mask
	k.described = description{
		Trail:  process.Trail{Cgroup: cgroup, Mark: l.Mark(), Keeper: process.Self()},
		Socket: k.door.path, StartingAt: time.Now(), About: about,
	}
	known := l.Foreseen()
	k.described.Unenforced, k.described.LogPath = known.Unenforced, known.LogPath
	return k.folder.Describe(k.described)
}

// maskFor is mask for a partner, of which the others hear.
func (k *keeper) maskFor(ctx context.Context, from *peer, secrets [][]byte) error {
	values := textsOf(secrets)
	if err := k.mask(ctx, values); err != nil {
		return err
	}
	if k.masked != nil {
		k.masked(values)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, p := range k.peers {
		if p != from {
			p.tell(message{Masked: secrets})
		}
	}
	return nil
}

// mask has values masked from now on, in what describes the execution as well.
func (k *keeper) mask(ctx context.Context, values []string) error {
	m, ok := k.control.(engine.Masker)
	if !ok {
		return engine.ErrUnsupported
	}
	if err := m.AddSecrets(ctx, values); err != nil {
		return err
	}
	k.describing.Lock()
	defer k.describing.Unlock()
	about, err := redact.JSON(k.described.About, k.secret)
	if err != nil || bytes.Equal(about, k.described.About) {
		return err
	}
	k.described.About = about
	if err := k.folder.Describe(k.described); !errors.Is(err, folder.ErrNotHeld) {
		return err
	}
	return fmt.Errorf("%w: execution %s", engine.ErrFinished, k.id)
}

// runs says that the execution runs, and lets others in.
func (k *keeper) runs(l *engine.Launch, control engine.Control, at time.Time) {
	k.mu.Lock()
	k.control = control
	phases := k.started.Phases
	k.started = started{
		At: at, Timeout: l.Timeout, Typed: l.Request.Interactive || l.Terminal != nil, Terminal: l.Terminal != nil,
		Phases: phases,
	}
	k.mu.Unlock()
	k.group.Go(k.listen)
}

// phase tells everybody how far a stop is. It does not wait.
func (k *keeper) phase(kind engine.EventKind) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.started.Phases = append(k.started.Phases, kind)
	for _, p := range k.peers {
		p.tell(message{Phase: kind})
	}
}

// listen serves whoever connects.
func (k *keeper) listen(context.Context) {
	for {
		conn, err := k.door.listener.AcceptUnix()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil: // out of descriptors, for now
			<-time.After(patience / 100)
			continue
		}
		k.admit(newLines(conn))
	}
}

// admit serves one connection, from its hello on.
func (k *keeper) admit(l *lines) {
	k.serve(l, func(s started) []message {
		return []message{{Hello: &hello{Version: version, Oldest: oldest, ID: k.id}}, {Started: &s}}
	})
}

// serve serves one connection, which is first told what greet makes of what is known.
func (k *keeper) serve(l *lines, greet func(started) []message) {
	k.mu.Lock()
	defer k.mu.Unlock()
	p := newPeer(k, l)
	now := k.started
	now.Phases = slices.Clone(now.Phases)
	for _, m := range greet(now) { // before anything is read: no answer may overtake it
		p.tell(m)
	}
	if k.closed || !k.group.Go(p.read) {
		l.close()
		return
	}
	k.group.Go(p.write)
	k.peers = append(k.peers, p)
}

func (k *keeper) left(p *peer) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.peers = slices.DeleteFunc(k.peers, func(other *peer) bool { return other == p })
}

// end writes the ending, with the output before it. Where that fails it is tried again
// until the time is up: a disk that is full has room again some day. Not so a folder that
// somebody has removed.
func (k *keeper) end(end engine.Ending, patience time.Duration) error {
	start := time.Now()
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		if !k.folder.Relaxed() {
			_ = k.record.Sync() // what is not there then is a gap
		}
		err := k.folder.End(end)
		if err == nil || errors.Is(err, folder.ErrEnded) {
			return nil
		}
		if time.Since(start)+wait > patience || errors.Is(err, fs.ErrNotExist) {
			return err
		}
		<-time.After(wait)
	}
}

// leave lets go of the folder, tells everybody the ending, and waits until they know it, or
// hang. The record has its last note.
func (k *keeper) leave(end engine.Ending) error {
	k.door.close()
	err := errors.Join(k.record.Release(), k.folder.Release())
	k.mu.Lock()
	k.closed = true
	peers := slices.Clone(k.peers)
	k.mu.Unlock()
	tooLong := time.After(patience)
	for _, p := range peers {
		p.leave(&end, tooLong)
	}
	k.group.Stop(errors.New("the execution has ended"))
	k.group.Wait()
	if err != nil {
		return fmt.Errorf("let go of execution %s: %w", k.id, err)
	}
	return nil
}
