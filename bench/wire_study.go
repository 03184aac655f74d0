package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/client"
)

// What is measured over the wire. Client and daemon are two processes, at a unix socket.
const (
	wireRounds  = 7
	wireLines   = 100_000 // of 79 bytes, as of PERFORMANCE's G21
	wireCalls   = 2000
	firstLines  = 40 // executions whose first line is waited for
	busyRunning = 100
	busyQueued  = 1000
	followed    = 10 // commands of 10,000 lines a second
	followedFor = 20_000 * 80
	subscribers = 5000
	subscribed  = 1000 // lines to each
	aConnection = 500  // subscribers that share one
)

// wireFigures are those of a daemon and its clients. What is no ratio is reported: on a machine
// with other work it says more about that.
func wireFigures(short bool) ([]figure, error) {
	readers := subscribers
	if short {
		readers /= 10
	}
	var l ledger
	l.add(ofWireStream, 0, "lines", newFigure("G21", "lines of 79 bytes by Watch, million a second", "", nil).towards(3).atLeast(1.5).reported())
	l.add(ofWireStream, 0, "flat", newFigure("G21", "the same, a message each", "", nil))
	l.add(ofWireStream, 0, "ratio", newFigure("G21", "the former to the latter", "", nil).towards(5).atLeast(2.5))
	l.add(ofWireCall, 0, "ours", newFigure("G20", "a call of the health of a daemon, p50", inMicros, nil))
	l.add(ofWireCall, 0, "grpc", newFigure("G20", "the same of a server of grpc-go, p50", inMicros, nil))
	l.add(ofWireCall, 0, "ratio", newFigure("G20", "the former to the latter", "", nil).within(1.2, 1.6))
	l.add(ofWireCall, 0, "stats", newFigure("G20", "a call of Stats, p50", inMicros, nil))
	l.add(ofWireFirst+inProcess, 0, "first", newFigure("wire", "submit to first line, in process, p50", inMillis, nil).within(5, 5).reported())
	l.add(ofWireFirst+supervised, 0, "first", newFigure("wire", "submit to first line, supervised, p50", inMillis, nil).within(20, 20).reported())
	l.add(ofWireFirst+supervised, 0, "warm", newFigure("wire", "submit to first line, warm supervisor, p50", inMillis, nil).within(8, 8).reported())
	l.add(ofWireBusy, 0, "status", newFigure("wire", "status with 100 running and 1,000 queued, p99", inMillis, nil).within(100, 100).reported())
	l.add(ofWireBusy, 0, "cancel", newFigure("wire", "cancel with 100 running and 1,000 queued, p99", inMillis, nil).within(100, 100).reported())
	l.add(ofWireFollow, 0, "ratio", newFigure("wire", "ten busy commands that a client follows, to ten alone", "", nil).within(1.05, 1.05))
	l.add(ofWireCrowd, readers, "took", newFigure("SUB-03", fmt.Sprintf("%d subscribers of %d lines", readers, subscribed), " s", nil).within(20, 20).reported())
	l.add(ofWireCrowd, readers, "memory", newFigure("SUB-03", "memory of the daemon meanwhile", " MiB", nil).within(500, 500).reported())
	return l.figures, l.err
}

func wireStudies() map[string]study {
	return map[string]study{
		ofWireStream: studyWireStream, ofWireCall: studyWireCall, ofWireBusy: studyWireBusy,
		ofWireFollow: studyWireFollow, ofWireCrowd: studyWireCrowd,
	}
}

// studyWireStream reads the events of a record.
func studyWireStream(int) (map[string][]float64, error) {
	found := make(map[string][]float64)
	_, err := withDaemon(inProcess, func(ctx context.Context, s *served, c *client.Client) error {
		id, err := c.Execute(ctx, sh(`yes "$(printf %%078d 1)" | head -n %d`, wireLines))
		if err != nil {
			return err
		}
		if _, err := c.Wait(ctx, id); err != nil {
			return err
		}
		for range wireRounds {
			lines, err := rate(func() (int, error) { return countWatched(ctx, c, id) })
			if err != nil {
				return err
			}
			flat, err := rate(func() (int, error) { return countFlat(ctx, s, id) })
			if err != nil {
				return err
			}
			found["lines"], found["flat"] = append(found["lines"], lines), append(found["flat"], flat)
		}
		found["ratio"] = quotients(found["lines"], found["flat"])
		return nil
	})
	return found, err
}

// rate is how many million lines a second a reader reads.
func rate(read func() (int, error)) (float64, error) {
	began := time.Now()
	n, err := read()
	if err == nil && n != wireLines {
		err = fmt.Errorf("%d lines of %d came", n, wireLines)
	}
	return float64(n) / 1e6 / time.Since(began).Seconds(), err
}

// countWatched counts the lines of an execution.
func countWatched(ctx context.Context, c *client.Client, id engine.ID) (n int, err error) {
	for ev, err := range c.Watch(ctx, id, 0) {
		if err != nil {
			return n, err
		}
		if ev.Kind == engine.StdoutWritten {
			n++
		}
	}
	return n, nil
}

// studyWireFirst submits, and waits for the first line: one after the other, and after a
// pause in which another supervisor gets ready.
func studyWireFirst(kind string) (map[string][]float64, error) {
	found := make(map[string][]float64)
	_, err := withDaemon(kind, func(ctx context.Context, _ *served, c *client.Client) error {
		for name, pause := range map[string]time.Duration{"first": 0, "warm": 200 * time.Millisecond} {
			var took []time.Duration
			for range firstLines {
				<-time.After(pause)
				d, err := firstLine(ctx, c)
				if err != nil {
					return err
				}
				took = append(took, d)
			}
			slices.Sort(took)
			found[name] = []float64{took[len(took)/2].Seconds() * 1000}
		}
		return nil
	})
	return found, err
}

func firstLine(ctx context.Context, c *client.Client) (time.Duration, error) {
	began := time.Now()
	id, err := c.Execute(ctx, engine.Request{Command: engine.Exec("echo", "first")})
	if err != nil {
		return 0, err
	}
	for ev, err := range c.Watch(ctx, id, 0) {
		if err != nil {
			return 0, err
		}
		if ev.Kind == engine.StdoutWritten {
			return time.Since(began), nil
		}
	}
	return 0, errors.New("it wrote nothing")
}

// studyWireBusy asks and cancels while many run and more wait.
func studyWireBusy(int) (map[string][]float64, error) {
	found := make(map[string][]float64)
	_, err := withDaemon(supervised, func(ctx context.Context, _ *served, c *client.Client) error {
		requests := make([]engine.Request, busyRunning+busyQueued)
		for i := range requests {
			requests[i] = engine.Request{Command: engine.Exec("sleep", "1000"), Timeout: time.Hour}
		}
		outcomes := c.ExecuteBatch(ctx, requests[:busyQueued])
		outcomes = append(outcomes, c.ExecuteBatch(ctx, requests[busyQueued:])...)
		for n := 0; n < busyRunning; {
			stats, err := c.Stats(ctx)
			if err != nil {
				return err
			}
			n = stats.Running
			<-time.After(10 * time.Millisecond)
		}
		asked := func(call func(id engine.ID) error) ([]float64, error) {
			var took []time.Duration
			for _, o := range slices.Backward(outcomes) { // who waits longest first: their ends start nothing
				began := time.Now()
				if err := errors.Join(o.Err, call(o.ID)); err != nil {
					return nil, err
				}
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			return []float64{took[len(took)*99/100].Seconds() * 1000}, nil
		}
		var err error
		if found["status"], err = asked(func(id engine.ID) error { _, err := c.Status(ctx, id); return err }); err != nil {
			return err
		}
		found["cancel"], err = asked(func(id engine.ID) error { return c.Cancel(ctx, id, engine.Cancellation{Force: true}) })
		for _, o := range outcomes {
			_, ending := c.Wait(ctx, o.ID)
			err = errors.Join(err, ending)
		}
		return err
	})
	return found, err
}

// studyWireFollow compares commands that a client follows with such that nobody does.
func studyWireFollow(int) (map[string][]float64, error) {
	var ratios []float64
	_, err := withDaemon(inProcess, func(ctx context.Context, _ *served, c *client.Client) error {
		for round := range wireRounds {
			took := make(map[bool]time.Duration)
			for _, follow := range []bool{round%2 == 0, round%2 == 1} {
				d, err := produceTen(ctx, c, follow)
				if err != nil {
					return err
				}
				took[follow] = d
			}
			ratios = append(ratios, took[true].Seconds()/took[false].Seconds())
		}
		return nil
	})
	return map[string][]float64{"ratio": ratios}, err
}

// produceTen runs ten producers, and returns how long they ran in the mean.
func produceTen(ctx context.Context, c *client.Client, follow bool) (mean time.Duration, err error) {
	path, args := producer(produced(steady, followedFor))
	requests := slices.Repeat([]engine.Request{{Command: engine.Exec(path, args...), Redact: engine.RedactValues}}, followed)
	from := make(map[engine.ID]engine.Cursor)
	outcomes := c.ExecuteBatch(ctx, requests)
	for _, o := range outcomes {
		if o.Err != nil {
			return 0, o.Err
		}
		from[o.ID] = 0
	}
	if follow {
		bytes := int64(0)
		for ev, err := range c.WatchAll(ctx, from) {
			if err != nil {
				return 0, err
			}
			if bytes += ev.Gap.Bytes; ev.Kind == engine.StdoutWritten && !ev.Partial {
				bytes += int64(len(ev.Line) + 1)
			}
		}
		if bytes != followed*followedFor {
			return 0, fmt.Errorf("%d bytes of %d came", bytes, followed*followedFor)
		}
	}
	for _, o := range outcomes {
		r, err := c.Wait(ctx, o.ID)
		if err != nil || !r.Success {
			return 0, fmt.Errorf("a producer: %s: %w", r.Error, err)
		}
		mean += r.Duration / followed
	}
	return mean, nil
}

// studyWireCrowd has so many subscribers read lines that come.
func studyWireCrowd(readers int) (map[string][]float64, error) {
	found := make(map[string][]float64)
	peak, err := withDaemon(inProcess, func(ctx context.Context, s *served, c *client.Client) error {
		id, err := c.Execute(ctx, engine.Request{Command: engine.Exec("cat"), Interactive: true})
		if err != nil {
			return err
		}
		var all, there sync.WaitGroup
		there.Add(readers)
		faults := make([]error, readers)
		var shared *client.Client
		for i := range readers {
			if i%aConnection == 0 {
				if shared, err = s.multiplexed(); err != nil {
					return err
				}
			}
			reader := shared
			all.Go(func() { faults[i] = subscribe(ctx, reader, id, there.Done) })
		}
		there.Wait()
		began := time.Now()
		for i := range subscribed {
			if _, err := c.WriteStdin(ctx, id, fmt.Appendf(nil, "%078d\n", i)); err != nil {
				return err
			}
		}
		if err := c.CloseStdin(ctx, id); err != nil {
			return err
		}
		all.Wait()
		found["took"] = []float64{time.Since(began).Seconds()}
		return errors.Join(faults...)
	})
	found["memory"] = []float64{peak}
	return found, err
}

// subscribe reads all lines of an execution, and says when it is there.
func subscribe(ctx context.Context, c *client.Client, id engine.ID, there func()) error {
	var once sync.Once
	defer once.Do(there)
	n := 0
	for ev, err := range c.Watch(ctx, id, 0) {
		if err != nil {
			return err
		}
		if once.Do(there); ev.Kind == engine.StdoutWritten && !ev.Partial {
			n++
		}
	}
	if n != subscribed {
		return fmt.Errorf("a subscriber has %d lines of %d", n, subscribed)
	}
	return nil
}
