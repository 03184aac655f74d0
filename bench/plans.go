package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/cli"
)

const (
	planRounds  = 3
	checkRounds = 11
	planTargets = 1000
	targetLines = 20
)

// planFigures are what a plan costs beside the same commands one by one.
func planFigures(short bool) ([]figure, error) {
	commands := 10_000
	if short {
		commands /= 10
	}
	var l ledger
	l.add(ofPlans, commands, "ratio", newFigure("plans", fmt.Sprintf("%d trivial commands as a parallel plan", commands), "× Execute in a loop", nil).within(1.1, 1.2).reported())
	l.add(ofPlans, commands, "check", newFigure("plans", "check a graph of 10,000 commands", inMillis, nil).within(20, 50))
	l.add(ofPlans, commands, "growth", newFigure("plans", "check one of 20,000", "× one of 10,000", nil).within(2.5, 3.9))
	l.add(ofPlans, commands, "lost", newFigure("plans", fmt.Sprintf("lines lost of %d targets, %d lines each, as one stream", planTargets, targetLines), "", nil).within(0, 0.5))
	return l.figures, l.err
}

// studyPlans runs plans, and looks at some.
func studyPlans(commands int) (map[string][]float64, error) {
	cli.Prepare()
	found := map[string][]float64{}
	for i := range planRounds {
		ways := []func(int) (time.Duration, error){inALoop, asAPlan}
		var took [2]time.Duration
		for turn := range ways {
			way := (turn + i) % len(ways)
			var err error
			if took[way], err = ways[way](commands); err != nil {
				return nil, err
			}
		}
		found["ratio"] = append(found["ratio"], took[1].Seconds()/took[0].Seconds())
	}
	small, large := graphOf(10_000), graphOf(20_000)
	var twice []float64
	for range checkRounds {
		one, err := checking(small)
		two, also := checking(large)
		if err := errors.Join(err, also); err != nil {
			return nil, err
		}
		found["check"] = append(found["check"], one.Seconds()*1000)
		twice = append(twice, two.Seconds()*1000)
	}
	found["growth"] = []float64{slices.Min(twice) / slices.Min(found["check"])} // what others do with the machine only adds
	lost, err := lostOfStream()
	found["lost"] = []float64{float64(lost)}
	return found, err
}

// trivial are as many commands as cheap as a process can be.
func trivial(n int) engine.Plan {
	p := engine.Plan{Strategy: engine.PlanStrategy{Type: engine.ParallelPlan}}
	for range n {
		p.Commands = append(p.Commands, engine.PlanCommand{Request: engine.Request{Command: engine.Exec("true")}})
	}
	return p
}

// within runs f with an engine that has room for so many commands, and returns how long f took.
func within(commands int, f func(context.Context, *engine.Engine) error) (time.Duration, error) {
	ctx := context.Background()
	e, err := engine.New(engine.Config{MaxQueued: commands + 1, MaxFinished: commands + 1})
	if err != nil {
		return 0, err
	}
	began := time.Now()
	err = f(ctx, e)
	took := time.Since(began)
	return took, errors.Join(err, e.Shutdown(ctx))
}

func asAPlan(commands int) (time.Duration, error) {
	p := trivial(commands)
	return within(commands, func(ctx context.Context, e *engine.Engine) error {
		id, err := e.ExecutePlan(ctx, p)
		if err != nil {
			return err
		}
		r, err := e.WaitPlan(ctx, id)
		if err == nil && r.Stats.Completed != commands {
			err = fmt.Errorf("the plan ended so: %+v", r.Stats)
		}
		return err
	})
}

func inALoop(commands int) (time.Duration, error) {
	return within(commands, func(ctx context.Context, e *engine.Engine) error {
		ids := make([]engine.ID, commands)
		for i := range ids {
			var err error
			if ids[i], err = e.Execute(ctx, engine.Request{Command: engine.Exec("true")}); err != nil {
				return err
			}
		}
		for _, id := range ids {
			if r, err := e.Wait(ctx, id); err != nil || !r.Success {
				return fmt.Errorf("%s %w", r.Error, err)
			}
		}
		return nil
	})
}

// graphOf is a graph each of whose commands waits for the one before and for the first.
func graphOf(n int) engine.Plan {
	p := engine.Plan{Strategy: engine.PlanStrategy{Type: engine.GraphPlan, Dependencies: map[int][]int{}}}
	p.Commands = trivial(n).Commands
	for i := 1; i < n; i++ {
		p.Strategy.Dependencies[i] = []int{i - 1, 0}
	}
	return p
}

func checking(p engine.Plan) (time.Duration, error) {
	began := time.Now()
	err := p.Check()
	return time.Since(began), err
}

// lostOfStream is how many lines are missing of those that a plan writes on many targets, to who
// follows all of it as one stream.
func lostOfStream() (lost int, err error) {
	p := engine.Plan{Strategy: engine.PlanStrategy{Type: engine.ParallelPlan}}
	target := engine.PlanCommand{Name: "t", Request: engine.Request{Command: engine.Exec("seq", fmt.Sprint(targetLines))}}
	target.Matrix.Axes = map[string][]string{"target": nil}
	for i := range planTargets {
		target.Matrix.Axes["target"] = append(target.Matrix.Axes["target"], fmt.Sprint(i))
	}
	p.Commands = append(p.Commands, target)
	_, err = within(planTargets, func(ctx context.Context, e *engine.Engine) error {
		id, err := e.ExecutePlan(ctx, p)
		if err != nil {
			return err
		}
		lost = planTargets * targetLines
		for ev, err := range engine.WatchPlan(ctx, e, id, 0) {
			if err != nil {
				return err
			}
			if ev.Kind == engine.StdoutWritten && !ev.Partial {
				lost--
			}
		}
		return nil
	})
	return lost, err
}
