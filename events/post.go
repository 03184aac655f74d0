package events

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/lifecycle"
)

// PostOptions are how a [Post] delivers. The zero value is a good one.
type PostOptions struct {
	// Client makes the requests, without its CheckRedirect: redirects are not
	// followed. Defaults to one of its own that uses the proxy of the environment.
	Client *http.Client
	// Header is set on each request, such as Authorization.
	Header http.Header
	// IncludeOutput posts what the executions wrote too: of each stream the last 64
	// KiB. Else stdout and stderr are empty.
	IncludeOutput bool

	// Attempts is how often an ending is tried at most. Defaults to 8.
	Attempts int
	// Timeout bounds one attempt. Defaults to 10 seconds.
	Timeout time.Duration
	// Delay is the time before the second attempt, within a random half; it doubles
	// with each, up to MaxDelay. Defaults to 1 second and 1 minute. A receiver that
	// says Retry-After is given that time, up to MaxDelay.
	Delay, MaxDelay time.Duration
	// Queue is how many endings may wait, those between two attempts included; with
	// one more the oldest is given up. Defaults to 256.
	Queue int
	// Concurrent is how many requests are under way at once. Defaults to 4.
	Concurrent int

	// Logger hears of endings that were given up. Defaults to slog.Default().
	Logger *slog.Logger
}

// PostCounts are counts of a [Poster] since it was made. Received is Delivered,
// Failed, Dropped and what waits or is under way.
type PostCounts struct {
	Received  int64
	Delivered int64 // the receiver said 2xx
	Failed    int64 // given up after all attempts, or because the receiver refused
	Dropped   int64 // given up because too many waited, or Close did not
	Attempts  int64 // requests made
}

// Poster is an engine.EventHandler that posts endings. Made by [Post]; it is safe for
// concurrent use.
type Poster struct {
	url     string
	options PostOptions
	client  *http.Client
	group   *lifecycle.Group
	wake    chan struct{} // holds a token where a worker should look again
	done    chan struct{} // closed when all was delivered or given up, after Close

	mu      sync.Mutex
	waiting []*letter // in the order in which they came
	flying  int
	counts  PostCounts
	closed  bool
}

// Post returns a handler that posts every ending to a URL: the original's server
// feedback. Nothing is posted unless somebody makes one.
//
// A request's body is the JSON of the event that ends the execution, its result
// included, with secrets masked as they are in the record, and without output. Its
// header has Idempotency-Key, the id of the execution: the same in every attempt, so
// that a receiver can tell an ending that it has had. The order of endings is not kept.
//
// While the process lives, an ending is delivered at least once, or given up and
// logged: when the receiver refuses it (3xx; 4xx but 408, 425 and 429), after so many
// attempts, or when too many wait. Neither the URL nor the header is logged.
//
// Close it to have what waits delivered. Error: a URL that is not http or https.
func Post(target string, o PostOptions) (*Poster, error) {
	u, err := url.Parse(target)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("post endings: the URL is not a whole http or https one") // without it: it may hold a token
	}
	o = o.withDefaults()
	p := &Poster{
		url: target, options: o, group: lifecycle.New(), client: clientOf(o.Client),
		wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
	for range o.Concurrent {
		p.group.Go(p.work)
	}
	return p, nil
}

func (o PostOptions) withDefaults() PostOptions {
	o.Header = o.Header.Clone()
	o.Attempts = cmp.Or(max(o.Attempts, 0), 8)
	o.Timeout = cmp.Or(max(o.Timeout, 0), 10*time.Second)
	o.Delay = cmp.Or(max(o.Delay, 0), time.Second)
	o.MaxDelay = cmp.Or(max(o.MaxDelay, 0), time.Minute)
	o.Queue = cmp.Or(max(o.Queue, 0), 256)
	o.Concurrent = cmp.Or(max(o.Concurrent, 0), 4)
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

// clientOf is a client that does not follow redirects: one would turn a POST into a
// GET, or take the body elsewhere.
func clientOf(c *http.Client) *http.Client {
	if c == nil {
		c = &http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, IdleConnTimeout: time.Minute}}
	}
	own := *c
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &own
}

// HandleEvents takes the endings among the events. It never waits. After Close they
// are dropped.
func (p *Poster) HandleEvents(events []engine.Event) {
	for i := range events {
		switch ev := &events[i]; {
		case ev.Kind.Terminal():
			p.take(ev)
		case ev.Kind == engine.EventsMissed && ev.Missed.Executions > 0:
			p.options.Logger.Error("endings were not posted: the engine handed them on no more", slog.Int64("executions", ev.Missed.Executions))
		}
	}
}

func (p *Poster) take(ev *engine.Event) {
	l, err := newLetter(ev, p.options.IncludeOutput)
	var dropped *letter
	p.mu.Lock()
	p.counts.Received++
	switch {
	case err != nil:
		p.counts.Failed++
	case p.closed:
		p.counts.Dropped++
	default:
		p.waiting = append(p.waiting, l)
		if len(p.waiting) > p.options.Queue {
			dropped = p.waiting[0]
			p.removeLocked(0)
			p.counts.Dropped++
		}
	}
	p.mu.Unlock()
	p.signal()
	if err != nil {
		p.options.Logger.Error("ending was not posted", slog.Any("execution_id", ev.ExecutionID), slog.Any("error", err))
	}
	if dropped != nil {
		p.options.Logger.Error("ending was not posted: too many wait",
			slog.Any("execution_id", dropped.id), slog.Int("attempts", dropped.attempts))
	}
}

// signal has a worker look again.
func (p *Poster) signal() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// Counts returns the counts so far.
func (p *Poster) Counts() PostCounts {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.counts
}

// Close takes no more endings, waits until those that wait were delivered or given
// up, and ends the goroutines. When the context is done first, it gives up what is
// left and returns the context's cause with how many that were. A second call waits
// for the same.
func (p *Poster) Close(ctx context.Context) error {
	p.mu.Lock()
	p.closed = true
	p.settleLocked()
	p.mu.Unlock()
	var err error
	select {
	case <-p.done:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	p.group.Stop(errClosed)
	p.group.Wait()
	p.mu.Lock()
	left := len(p.waiting)
	p.counts.Dropped += int64(left)
	p.waiting = nil
	p.settleLocked()
	p.mu.Unlock()
	if p.options.Client == nil {
		p.client.CloseIdleConnections()
	}
	if left > 0 {
		return fmt.Errorf("close post: %d endings were not delivered: %w", left, err)
	}
	return nil
}

// settleLocked tells Close when nothing is left.
func (p *Poster) settleLocked() {
	if !p.closed || len(p.waiting)+p.flying > 0 {
		return
	}
	select {
	case <-p.done:
	default:
		close(p.done)
	}
}
