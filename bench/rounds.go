package main

import (
	"errors"
	"strings"
)

// load is commands that every variant runs once in each round.
type load struct {
	name     string
	order    order
	variants []string
}

// The names of the loads.
const (
	oneByOne  = "c=1"
	eight     = "c=8"
	hundred   = "c=100"
	withLibc  = "c=100 /bin/true"
	childless = "no process"

	binTrue   = "/bin/true"
	warmUp    = 50
	shortened = 2 // how much smaller the batches of a short run are
)

// loads are what a round consists of.
func loads(child string, short bool) []load {
	all := []load{
		{oneByOne, order{child, 200, 1}, []string{byExec, byEngine, byTable, byLibrary, byGoCmd}},
		{eight, order{child, 600, 8}, []string{byExec, byEngine, byLibrary}},
		{hundred, order{child, 1000, 100}, []string{byExec, byEngine, byGoCmd, byTable, byLibrary}},
		{withLibc, order{binTrue, 400, 100}, []string{byExec, byEngine, byGoCmd}},
	}
	all = append(all, load{childless, order{child, 2000, 1}, []string{byNothing}})
	if short {
		for i := range all {
			all[i].order.Commands /= shortened
		}
	}
	return all
}

// warmUp is a small order of the same kind.
func (o order) warmUp() order {
	if kind, _, found := strings.Cut(o.Child, ":"); found {
		return order{produced(kind, 100), 1, 1}
	}
	return order{o.Child, warmUp, 1}
}

// runRounds starts a worker for each variant and has them take turns, so that
// what else the machine does hits all of them alike.
func runRounds(rounds int, loads []load, progress func(done int)) (s samples, err error) {
	workers := make(map[string]*worker)
	defer func() {
		for _, w := range workers {
			err = errors.Join(err, w.stop())
		}
	}()
	for _, l := range loads {
		for _, variant := range l.variants {
			if workers[variant] != nil {
				continue
			}
			w, err := startWorker(variant)
			if err != nil {
				return nil, err
			}
			workers[variant] = w
			if _, err := w.do(l.order.warmUp()); err != nil {
				return nil, err
			}
		}
	}
	s = make(samples)
	for round := range rounds {
		if err := s.round(round, loads, workers); err != nil {
			return nil, err
		}
		progress(round + 1)
	}
	return s, nil
}

// round has every variant run every load once. Who begins changes.
func (s samples) round(round int, loads []load, workers map[string]*worker) error {
	for _, l := range loads {
		for i := range l.variants {
			variant := l.variants[(i+round)%len(l.variants)]
			m, err := workers[variant].do(l.order)
			if err != nil {
				return err
			}
			key := [2]string{l.name, variant}
			s[key] = append(s[key], m)
		}
	}
	return nil
}
