//go:build unix

package daemon_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/client"
	"github.com/escher-dbai/cloudops-engine/internal/daemon"
	"github.com/escher-dbai/cloudops-engine/internal/lifecycle"
)

// reign is who serves at the moment.
type reign struct {
	*daemon.Daemon

	config daemon.Config
	group  *lifecycle.Group
	over   chan error // that who served has handed over
}

func reigns(t *testing.T, e engine.Config) *reign {
	t.Helper()
	dir := shortDir(t)
	c := daemon.Config{Engine: e, StateDir: filepath.Join(dir, "state"), Settings: daemon.Settings{Socket: filepath.Join(dir, "s")}}
	r := &reign{config: c, group: lifecycle.New(), over: make(chan error, 1)}
	var err error
	r.Daemon, err = daemon.Open(t.Context(), c, opening())
	must(t, err)
	t.Cleanup(func() {
		if err := r.Shutdown(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
		r.group.Stop(nil)
		r.group.Wait()
	})
	return r
}

// yield has who serves hand over to the next who asks. Where that one fails, it goes on.
func (r *reign) yield(back chan<- *daemon.Daemon) {
	old := r.Daemon
	r.group.Go(func(ctx context.Context) {
		select {
		case h := <-old.Heirs():
			listeners, err := old.HandOver(context.WithoutCancel(ctx), h, daemon.Notifier{})
			if err != nil && back != nil {
				d, failed := daemon.Open(context.WithoutCancel(ctx), r.config, opening(listeners...))
				err = errors.Join(failed, ignore(err))
				back <- d
			}
			r.over <- err
		case <-ctx.Done():
		}
	})
}

func ignore(error) error { return nil }

// replace puts another daemon in the place of who serves.
func (r *reign) replace(t *testing.T) {
	t.Helper()
	r.yield(nil)
	i, err := daemon.Succeed(t.Context(), r.config)
	must(t, err)
	next, err := daemon.Open(t.Context(), r.config, opening(i.Listeners...))
	must(t, err)
	must(t, i.Ready())
	must(t, <-r.over)
	r.Daemon = next
}

// follower reads the numbers that an execution writes, and finds what is missing or there twice.
type follower struct {
	client *client.Client
	id     engine.ID
	lines  atomic.Int64
}

func (f *follower) watch(ctx context.Context) error {
	for ev, err := range f.client.Watch(ctx, f.id, 0) {
		if err != nil {
			return err
		}
		if ev.Kind == engine.StdoutWritten && !ev.Partial {
			if err := f.next(string(ev.Line)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *follower) output(ctx context.Context) error {
	rest := ""
	for o, err := range f.client.Output(ctx, f.id, 0) {
		if err != nil {
			return err
		}
		lines := strings.Split(rest+string(o.Data), "\n")
		rest = lines[len(lines)-1]
		for _, line := range lines[:len(lines)-1] {
			if err := f.next(line); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *follower) next(line string) error {
	if want := strconv.FormatInt(f.lines.Add(1), 10); line != want {
		return fmt.Errorf("want line %s, got %q", want, line)
	}
	return nil
}

// dialed is a client of who serves.
func (r *reign) dialed(t *testing.T) *client.Client {
	t.Helper()
	c, err := client.New("unix://"+r.config.Socket, client.Config{})
	must(t, err)
	t.Cleanup(func() { must(t, c.Shutdown(t.Context())) })
	return c
}

// inFull reports whether the long form of a test is asked for.
func inFull() bool { return os.Getenv("CLOUDOPS_TEST_FULL") == "1" }

// A daemon is replaced again and again, under load: nobody is turned away, what was
// accepted runs once and in its order, and twenty who follow miss no line and get none twice.
func TestDaemon_IsReplacedWithoutALoss(t *testing.T) {
	t.Parallel()
	times := 4
	if inFull() {
		times = 200
	}
	r := reigns(t, engine.Config{MaxConcurrent: 6})
	gate, ledger := filepath.Join(t.TempDir(), "gate"), filepath.Join(t.TempDir(), "ledger")
	const writers, followers = 4, 20
	const writes = `n=1; until [ -e "$GATE" ]; do seq $n $((n+19)); n=$((n+20)); sleep 0.05; done`
	c := r.dialed(t)
	var ids []engine.ID
	for range writers {
		id, err := c.Execute(t.Context(), engine.Request{Command: engine.Shell(writes), Env: map[string]string{"GATE": gate}, Timeout: time.Hour})
		must(t, err)
		ids = append(ids, id)
	}
	group := lifecycle.New()
	var all []*follower
	for i := range followers {
		f := &follower{client: r.dialed(t), id: ids[i%writers]}
		read := f.watch
		if i >= followers/2 {
			read = f.output
		}
		all = append(all, f)
		group.Go(func(ctx context.Context) {
			if err := read(ctx); err != nil {
				t.Errorf("follower %d, at line %d: %v", i, f.lines.Load(), err)
			}
		})
	}
	stop, more := make(chan struct{}), make(chan bool)
	going := func() bool {
		select {
		case <-stop:
			return false
		default:
			return true
		}
	}
	submitted := make(map[engine.ID]int)
	var load sync.WaitGroup
	load.Go(func() { // bursts, so that there is a queue
		for n := 0; going(); n++ {
			id, err := c.Execute(t.Context(), engine.Request{Command: engine.Shell(fmt.Sprintf("echo %d >>%s; echo %d", n, ledger, n))})
			if err != nil {
				t.Errorf("submit %d: %v", n, err)
				close(more)
				return
			}
			submitted[id] = n
			select {
			case more <- true:
			case <-stop:
			}
			if n%10 == 9 {
				if _, err := c.Wait(t.Context(), id); err != nil {
					t.Errorf("wait for %d: %v", n, err)
				}
			}
		}
	})
	load.Go(func() { // whoever comes for the first time
		for going() {
			fresh, err := client.New("unix://"+r.config.Socket, client.Config{})
			if err == nil {
				_, err = fresh.Stats(t.Context())
			}
			if err != nil {
				t.Errorf("who came for the first time: %v", err)
				return
			}
			_ = fresh.Shutdown(t.Context())
		}
	})
	for range times {
		for range 5 { // so that there is something to lose
			<-more
		}
		r.replace(t)
	}
	close(stop)
	load.Wait()
	must(t, os.WriteFile(gate, nil, 0o600))
	group.Wait()
	for i, f := range all {
		x, err := c.Get(t.Context(), f.id)
		if err != nil || x.Status != engine.Completed || f.lines.Load() == 0 || f.lines.Load()%20 != 0 {
			t.Errorf("follower %d of %s has %d lines, %v", i, x.Status, f.lines.Load(), err)
		}
	}
	for id, n := range submitted {
		if res, err := c.Wait(t.Context(), id); err != nil || res.Stdout != fmt.Sprintln(n) {
			t.Errorf("%d: %q by %s, %v", n, res.Stdout, res.Cause, err)
		}
	}
	text, err := os.ReadFile(ledger)
	must(t, err)
	ran := make(map[string]int)
	for line := range strings.Lines(string(text)) {
		if ran[line]++; ran[line] > 1 {
			t.Errorf("%q ran twice", line)
		}
	}
	if len(ran) != len(submitted) {
		t.Errorf("%d ran of %d", len(ran), len(submitted))
	}
	t.Logf("replaced %d times, %d lines each, %d commands", times, all[0].lines.Load(), len(submitted))
}

// One that gets everything and does not come to serve is not followed: who served before
// goes on, with what ran, at the same socket.
func TestDaemon_GoesOnWhereItsHeirFails(t *testing.T) {
	t.Parallel()
	r := reigns(t, engine.Config{})
	c := r.dialed(t)
	gate := filepath.Join(t.TempDir(), "gate")
	id, err := c.Execute(t.Context(), engine.Request{Command: engine.Shell("until [ -e " + gate + " ]; do sleep 0.02; done; exit 3")})
	must(t, err)
	before, err := os.Lstat(r.config.Socket)
	must(t, err)
	for range 3 {
		back := make(chan *daemon.Daemon, 1)
		r.yield(back)
		i, err := daemon.Succeed(t.Context(), r.config)
		must(t, err)
		must(t, i.Close())
		r.Daemon = <-back
		must(t, <-r.over)
	}
	must(t, os.WriteFile(gate, nil, 0o600))
	if res, err := c.Wait(t.Context(), id); err != nil || res.ExitCode != 3 {
		t.Errorf("%d, %v", res.ExitCode, err)
	}
	if after, err := os.Lstat(r.config.Socket); err != nil || !os.SameFile(before, after) {
		t.Errorf("the socket is another, or gone: %v", err)
	}
	r.replace(t) // and can be replaced still
	if _, err := daemon.ListenSocket(t.Context(), r.config.Socket); err == nil {
		t.Error("the socket is not locked any more")
	}
}

// What cannot be handed over, or not to who asks, is refused, and nothing has ended then.
func TestSucceed_IsRefusedWithItsReason(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	passing := daemon.Config{Ephemeral: true, StateDir: dir, Settings: daemon.Settings{Socket: filepath.Join(dir, "s")}}
	d := open(t, passing)
	r := reigns(t, engine.Config{})
	next := daemon.Config{StateDir: dir, Settings: passing.Settings}
	if _, err := daemon.Succeed(t.Context(), next); err == nil || !strings.Contains(err.Error(), "is ephemeral: what it runs ends with its process") {
		t.Errorf("of an ephemeral one: %v", err)
	}
	elsewhere := r.config
	elsewhere.StateDir = dir
	if _, err := daemon.Succeed(t.Context(), elsewhere); err == nil || !strings.Contains(err.Error(), "has another state directory") {
		t.Errorf("of another directory: %v", err)
	}
	if _, err := daemon.Succeed(t.Context(), passing); err == nil || !strings.Contains(err.Error(), "an ephemeral daemon keeps nothing") {
		t.Errorf("for an ephemeral one: %v", err)
	}
	nobody := r.config
	nobody.Socket += "x"
	if i, err := daemon.Succeed(t.Context(), nobody); i != nil || err != nil {
		t.Errorf("of nobody: %v, %v", i, err)
	}
	wrong := r.config
	wrong.MaxRequests, wrong.TLSCert = 1, "no"
	if _, err := daemon.Succeed(t.Context(), wrong); !errors.Is(err, engine.ErrInvalidConfig) {
		t.Errorf("with a bad configuration: %v", err)
	}
	type header = map[string]string
	for what, c := range map[string]struct {
		asked

		want int
	}{
		"by GET":             {*look("/v1/handover"), 405},
		"by a form":          {asked{method: "POST", path: "/v1/handover", header: header{"Content-Type": "text/plain"}}, 415},
		"from a page":        {asked{method: "POST", path: "/v1/handover", header: header{"Origin": "http://evil.example"}}, 403},
		"without saying who": {asked{method: "POST", path: "/v1/handover", header: header{"Content-Type": "application/json"}}, 400},
	} {
		if status, answer := ask(t, r.Addresses()[0], &c.asked); status != c.want {
			t.Errorf("%s: %d %s, want %d", what, status, answer, c.want)
		}
	}
	for _, at := range []*daemon.Daemon{d, r.Daemon} {
		if status, _ := ask(t, at.Addresses()[0], look("/readyz")); status != 200 {
			t.Errorf("%s is not ready: %d", at.Addresses()[0], status)
		}
	}
}

// A port is handed over like the socket, unless the next is to listen elsewhere. Over the
// network nobody takes anything over, whoever they are.
func TestDaemon_HandsOverItsPort(t *testing.T) {
	t.Parallel()
	n := network(t, daemon.Admin)
	header := map[string]string{"Authorization": "Bearer " + n.secret, "Content-Type": "application/json"}
	if status, answer := ask(t, n.at, &asked{"POST", "/v1/handover", "{}", header}); status != 404 {
		t.Errorf("over the network: %d %s", status, answer)
	}
	r := reigns(t, engine.Config{})
	token(t, r.config.StateDir, daemon.Viewer)
	r.config.Listen = "127.0.0.1:0"
	r.replace(t)
	all := r.Addresses()
	r.replace(t)
	if now := r.Addresses(); !slices.Equal(now, all) || len(all) != 2 {
		t.Errorf("it listened at %q, and now at %q", all, now)
	}
	r.config.Listen = ""
	r.replace(t)
	if now := r.Addresses(); !slices.Equal(now, all[:1]) {
		t.Errorf("it listens at %q", now)
	}
}

// The service manager hears who its daemon is now from the one that it knows, and the next
// one can tell it more.
func TestDaemon_HandsOverItsServiceManager(t *testing.T) {
	t.Parallel()
	r := reigns(t, engine.Config{})
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: r.config.Socket + ".n", Net: "unixgram"})
	must(t, err)
	defer func() { must(t, manager.Close()) }()
	told := daemon.Notifier{Socket: r.config.Socket + ".n", Watchdog: time.Minute}
	old, over := r.Daemon, make(chan error, 1)
	r.group.Go(func(ctx context.Context) {
		_, err := old.HandOver(context.WithoutCancel(ctx), <-old.Heirs(), told)
		over <- err
	})
	i, err := daemon.Succeed(t.Context(), r.config)
	must(t, err)
	if i.Notifier != told {
		t.Errorf("got %+v", i.Notifier)
	}
	r.Daemon, err = daemon.Open(t.Context(), r.config, opening(i.Listeners...))
	must(t, err)
	must(t, i.Ready())
	words := make([]byte, 100)
	n, err := manager.Read(words) // it was told before Ready returned
	must(t, err)
	if want := fmt.Sprintf("MAINPID=%d", os.Getpid()); string(words[:n]) != want {
		t.Errorf("told %q, want %q", words[:n], want)
	}
	must(t, <-over)
}
