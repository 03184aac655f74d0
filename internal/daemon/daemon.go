package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/durable"
	"github.com/escher-dbai/cloudops-engine/internal/lifecycle"
	"github.com/escher-dbai/cloudops-engine/internal/otlp"
	"github.com/escher-dbai/cloudops-engine/rpc"
)

// Daemon is an engine that is served. It is safe for concurrent use; make it with [Open]
// and end it with Shutdown.
type Daemon struct {
	config  Config
	engine  served
	report  durable.Report
	log     *slog.Logger
	rules   atomic.Pointer[rules]
	handler *rpc.Handler
	doors   []*door
	version string
	started time.Time
	gauges
	ready   atomic.Bool
	group   *lifecycle.Group
	failed  chan error
	heirs   chan *Heir
	leaving atomic.Bool // there is an heir
}

// gauges are what is counted and told of a daemon.
type gauges struct {
	observer *observer
	reporter *otlp.Reporter
	readers  readers
	traffic  traffic
	seated   seatCount
	took     stopwatch // to accept
}

// served is what a daemon needs of an engine.
type served interface {
	engine.API
	Capabilities() engine.Capabilities
	ExecuteBatch(ctx context.Context, requests []engine.Request) []engine.Outcome
	CheckPlan(ctx context.Context, r engine.Request) ([]engine.PlanStep, error)
}

// Opening is what comes to a daemon with its program, and not from settings.
type Opening struct {
	// Version is that of the program.
	Version string
	// Logger is told what has nobody else to tell.
	Logger *slog.Logger
	// Inherited are listeners that are open already. Where a socket is among them,
	// Settings.Socket is not opened, and where one of a network is, Settings.Listen is not.
	// They are the daemon's to close, also where Open fails.
	Inherited []net.Listener
}

// Open opens a state directory as its owner, listens and serves. The context bounds the
// opening. Errors: engine.ErrInvalidConfig, those of durable.Open, which say the pid of
// another owner, and those of listening.
func Open(ctx context.Context, c Config, o Opening) (*Daemon, error) {
	c.Settings = c.WithDefaults()
	d := &Daemon{
		config: c, log: o.Logger, version: o.Version, started: time.Now(),
		group: lifecycle.New(), failed: make(chan error, 1), heirs: make(chan *Heir, 1),
	}
	d.observer = newObserver(o.Logger)
	if err := d.open(ctx, &o); err != nil {
		for _, l := range o.Inherited {
			_ = l.Close() // nobody has come in
		}
		return nil, errors.Join(err, d.Shutdown(ctx))
	}
	for _, p := range d.doors {
		d.group.Go(func(context.Context) {
			if err := p.serve(); err != nil {
				select {
				case d.failed <- err:
				default:
				}
			}
		})
	}
	for _, l := range o.Inherited {
		d.note(ctx, "the lock of the socket does not say who we are", own(l))
	}
	d.ready.Store(true)
	return d, nil
}

func (d *Daemon) open(ctx context.Context, o *Opening) (err error) {
	if err := d.config.validate(); err != nil {
		return err
	}
	rules, err := newRules(&d.config.Settings)
	if err != nil {
		return err
	}
	d.rules.Store(rules)
	collector := otlp.Config{Endpoint: d.config.OTLPEndpoint, Headers: d.config.OTLPHeaders, Version: o.Version, Logger: d.log}
	if d.observer.tracer, err = otlp.OpenTracer(ctx, collector); err != nil {
		return err
	}
	if err := d.start(ctx); err != nil {
		return err
	}
	if d.reporter, err = otlp.OpenReporter(ctx, collector, otlp.Counted{Read: d.metrics, Since: d.started}); err != nil {
		return err
	}
	readers := &attended{&careful{d.engine, &d.rules}, &d.readers}
	d.handler = rpc.New(&traced{readers, d.observer.tracer, &d.took}, rpc.Config{
		Version: o.Version, Logger: d.log, MaxRequestBytes: d.config.MaxRequestBytes,
	})
	return d.listen(ctx, o.Inherited)
}

// start makes the engine.
func (d *Daemon) start(ctx context.Context) error {
	c := d.config.Engine
	c.Logger, c.Handler = d.log, engine.WithoutOutput(d.observer)
	defer func() {
		d.observer.engine = d.engine
		close(d.observer.opened)
	}()
	if !d.config.Ephemeral {
		e, err := durable.Open(ctx, d.config.StateDir, durable.Config{
			Engine: c, Owner: true, Durability: d.config.Durability, Retention: d.config.Retention,
		})
		if err != nil {
			return err
		}
		d.engine, d.report = e, e.Report()
		return nil
	}
	e, err := engine.New(c)
	if err != nil {
		return err
	}
	d.engine = e
	return nil
}

// listen opens what is not open yet.
func (d *Daemon) listen(ctx context.Context, inherited []net.Listener) error {
	local, network := d.config.Socket != "", d.config.Listen != ""
	for _, l := range inherited {
		if err := errors.Join(d.checkInherited(l), dropsVanished(l)); err != nil {
			return err
		}
		_, tcp := l.Addr().(*net.TCPAddr)
		local, network = local && tcp, network && !tcp
		if err := d.add(l); err != nil {
			return err
		}
	}
	if local {
		s, err := listenSocket(ctx, d.config.Socket)
		if err != nil {
			return err
		}
		if err := d.add(s); err != nil {
			return errors.Join(err, s.Close())
		}
	}
	if network {
		l, err := listenTCP(ctx, d.config.Listen)
		if err != nil {
			return err
		}
		if err := d.add(l); err != nil {
			return errors.Join(err, l.Close())
		}
	}
	if len(d.doors) == 0 {
		return fmt.Errorf("%w: there is neither a socket nor an address to listen at", engine.ErrInvalidConfig)
	}
	return nil
}

// checkInherited has what a service manager opened keep to the rules of what we open.
func (d *Daemon) checkInherited(l net.Listener) error {
	switch address := l.Addr().(type) {
	case *net.UnixAddr:
		return checkSocket(address.Name)
	case *net.TCPAddr:
		c := d.config
		c.Listen = address.String()
		return c.validate()
	default:
		return fmt.Errorf("%w: %s is neither a unix socket nor TCP", engine.ErrInvalidConfig, l.Addr())
	}
}

// checkSocket has a socket be closed to others: on some systems its folder alone does not
// keep them out, on others its mode.
func checkSocket(path string) error {
	if strings.HasPrefix(path, "@") {
		return fmt.Errorf("%w: socket %s has no file, so that everybody could connect", engine.ErrInvalidConfig, path)
	}
	stat, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // a daemon that is replaced has moved it there from its first name, and has checked it
	}
	if err != nil {
		return fmt.Errorf("%w: socket: %w", engine.ErrInvalidConfig, err)
	}
	if stat.Mode().Perm()&0o077 != 0 {
		return engine.Advise(fmt.Errorf("%w: socket %s has mode %04o, others can use it", engine.ErrInvalidConfig, path, stat.Mode().Perm()), "SocketMode=0600 in its unit")
	}
	return nil
}

// add makes a door of a listener. One to a network needs somebody who may come in.
func (d *Daemon) add(l net.Listener) error {
	if _, tcp := l.Addr().(*net.TCPAddr); tcp {
		if err := d.config.checkTokens(l.Addr().String()); err != nil {
			return err
		}
	}
	d.doors = append(d.doors, d.newDoor(l))
	return nil
}

// checkTokens refuses to listen at an address to which nobody could come.
func (c *Config) checkTokens(address string) error {
	tokens, err := TokensIn(c.StateDir).List()
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(tokens, func(t Token) bool { return time.Now().Before(t.Expires) }) {
		return engine.Advise(fmt.Errorf("listen at %s: there is no token with which anybody could come in", address), "cloudops token create --role operator --expires 30d makes one")
	}
	return nil
}

// Addresses are where the daemon listens, as clients name it.
func (d *Daemon) Addresses() []string {
	var all []string
	for _, p := range d.doors {
		all = append(all, p.name)
	}
	return all
}

// Report says what was found in the state directory.
func (d *Daemon) Report() durable.Report { return d.report }

// Failed tells once that the daemon cannot listen any more.
func (d *Daemon) Failed() <-chan error { return d.failed }

// Reload takes up new settings: hosts, origins, variables, rates and certificates. It
// returns the names of what differs and would need a new start. Where there is an
// error everything stays as it is.
func (d *Daemon) Reload(c Config) (later []string, err error) {
	c.Settings = c.WithDefaults()
	if err := c.validate(); err != nil {
		return nil, err
	}
	if err := c.Engine.Validate(); err != nil {
		return nil, err
	}
	later = d.config.fixed(&c)
	// What is in force as long as the daemon listens is not what the file says now.
	c.Listen, c.Socket = d.config.Listen, d.config.Socket
	if slices.Contains(later, "tls_cert") {
		c.TLSCert, c.TLSKey, c.TLSClientCA = d.config.TLSCert, d.config.TLSKey, d.config.TLSClientCA
	}
	next, err := newRules(&c.Settings)
	if err != nil {
		return nil, err
	}
	d.rules.Store(next)
	return later, nil
}

// Shutdown takes no more work. What runs under supervisors goes on; what runs in this
// process may end until the context is done, and is then asked to. Those who follow it see
// that, and are then told that the daemon has ended.
func (d *Daemon) Shutdown(ctx context.Context) error {
	d.ready.Store(false)
	var err error
	if d.engine != nil {
		err = d.engine.Shutdown(ctx)
	}
	if d.handler != nil {
		d.handler.Close()
	}
	d.group.Stop(engine.ErrClosed)
	err = errors.Join(err, d.closeDoors(ctx))
	select {
	case h := <-d.heirs: // nobody has heard it
		err = errors.Join(err, h.turnAway())
	default:
	}
	return err
}

// lastWords sends the spans that were not sent yet, and the counts once more. That nobody
// takes them is no fault of the daemon, and was logged.
func (d *Daemon) lastWords(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	sending := lifecycle.New()
	sending.Go(func(context.Context) { _ = d.observer.tracer.Shutdown(ctx) })
	sending.Go(func(context.Context) { _ = d.reporter.Shutdown(ctx) })
	sending.Wait()
}

// mostHurried is how many executions Hurry looks for: as many as one page has.
const mostHurried = 1000

// Hurry kills what Shutdown waits for.
func (d *Daemon) Hurry(ctx context.Context) error {
	if !d.config.Ephemeral {
		return nil
	}
	p, err := d.engine.List(ctx, engine.Filter{Status: []engine.Status{engine.Running}, Limit: mostHurried})
	for i := range p.Executions {
		_ = d.engine.Cancel(ctx, p.Executions[i].ID, engine.Cancellation{Force: true}) // it ended meanwhile
	}
	return err
}
