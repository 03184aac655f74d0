package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"
)

// workerFlag makes this program a worker: the process in which one variant is
// measured.
const workerFlag = "-worker"

// serve is a worker's life: it reads orders and answers with measures until its
// input ends.
func serve(variant string, in io.Reader, out io.Writer) error {
	do, err := newWork(variant)
	if err != nil {
		return err
	}
	orders, answers := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var o order
		if err := orders.Decode(&o); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		m, err := measured(func() ([]time.Duration, error) { return do(o) })
		if err != nil {
			return fmt.Errorf("%s: %w", variant, err)
		}
		m.Amount = amountOf(o.Child)
		if err := answers.Encode(m); err != nil {
			return err
		}
	}
}

// newWork is what a variant does with an order.
func newWork(variant string) (func(order) ([]time.Duration, error), error) {
	if read, err := newStream(variant); read != nil || err != nil {
		return func(o order) ([]time.Duration, error) { return read(o.Child) }, err
	}
	run, err := newVariant(variant)
	return func(o order) ([]time.Duration, error) { return batch(run, o) }, err
}

// batch runs what was ordered and returns how long each command took.
func batch(run runFunc, o order) ([]time.Duration, error) {
	took := make([]time.Duration, o.Commands)
	faults := make([]error, o.Concurrency)
	next := make(chan int, o.Commands)
	for i := range o.Commands {
		next <- i
	}
	close(next)
	var all sync.WaitGroup
	for w := range o.Concurrency {
		all.Go(func() {
			for i := range next {
				start := time.Now()
				if err := run(o.Child); err != nil {
					faults[w] = err
					return
				}
				took[i] = time.Since(start)
			}
		})
	}
	all.Wait()
	return took, errors.Join(faults...)
}

// worker is a worker as its parent sees it.
type worker struct {
	variant string
	cmd     *exec.Cmd
	in      io.WriteCloser
	orders  *json.Encoder
	answers *json.Decoder
}

// startWorker starts this program again as a worker.
func startWorker(variant string) (*worker, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := exec.Command(self, workerFlag, variant) //nolint:gosec // it is this program
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &worker{variant, c, in, json.NewEncoder(in), json.NewDecoder(out)}, c.Start()
}

// do has an order carried out.
func (w *worker) do(o order) (m measure, err error) {
	if err = w.orders.Encode(o); err == nil {
		err = w.answers.Decode(&m)
	}
	if err != nil {
		return m, fmt.Errorf("worker %s: %w", w.variant, err)
	}
	return m, nil
}

// stop ends the worker and waits for it.
func (w *worker) stop() error { return errors.Join(w.in.Close(), w.cmd.Wait()) }
