package main

import (
	"fmt"
	"slices"
)

// figure is one line of the report. Less is better in all of them but where the
// gate says at least.
type figure struct {
	Name   string    `json:"figure"`
	What   string    `json:"what"`
	Unit   string    `json:"unit"`
	Median float64   `json:"median"`
	Min    float64   `json:"min"`
	Max    float64   `json:"max"`
	Goal   float64   `json:"goal,omitempty"` // 0: none
	Gate   float64   `json:"gate,omitempty"` // 0: none
	Soft   bool      `json:"soft,omitempty"` // a missed gate is told and no failure
	Floor  bool      `json:"at_least,omitempty"`
	Values []float64 `json:"values"`
}

// newFigure is a figure of values, one for each round.
func newFigure(name, what, unit string, values []float64) figure {
	return figure{Name: name, What: what, Unit: unit}.of(values)
}

// of sums the values up.
func (f figure) of(values []float64) figure {
	f.Values = values
	sorted := slices.Sorted(slices.Values(values))
	if n := len(sorted); n > 0 {
		f.Median = (sorted[(n-1)/2] + sorted[n/2]) / 2
		f.Min, f.Max = sorted[0], sorted[n-1]
	}
	return f
}

// within sets what to reach and what not to miss; 0 for none.
func (f figure) within(goal, gate float64) figure {
	f.Goal, f.Gate = goal, gate
	return f
}

// towards sets what to reach where more is better.
func (f figure) towards(goal float64) figure {
	f.Goal, f.Floor = goal, true
	return f
}

// reported makes a missed gate no failure.
func (f figure) reported() figure {
	f.Soft = true
	return f
}

// atLeast turns the gate around: more is better.
func (f figure) atLeast(gate float64) figure {
	f.Gate, f.Floor = gate, true
	return f
}

// missed reports whether the gate is missed.
func (f figure) missed() bool {
	if f.Floor {
		return f.Gate > 0 && f.Median < f.Gate
	}
	return f.Gate > 0 && f.Median > f.Gate
}

// fails reports whether the run fails because of it.
func (f figure) fails() bool { return f.missed() && !f.Soft }

func (f figure) verdict() string {
	switch {
	case f.fails():
		return "MISSED GATE"
	case f.missed():
		return "above"
	case f.Gate == 0 && f.Goal == 0:
		return "-"
	default:
		return "ok"
	}
}

// distance says how far the goal is.
func (f figure) distance() string {
	switch {
	case f.Goal == 0:
		return ""
	case f.Floor && f.Median < f.Goal:
		return fmt.Sprintf("%.0f %% below", 100*(1-f.Median/f.Goal))
	case f.Floor || f.Median <= f.Goal:
		return "reached"
	case f.Median >= 3*f.Goal:
		return fmt.Sprintf("%.1f times the goal", f.Median/f.Goal)
	default:
		return fmt.Sprintf("%.0f %% above", 100*(f.Median/f.Goal-1))
	}
}

func (f figure) measured() string {
	if len(f.Values) == 1 {
		return number(f.Median) + f.Unit
	}
	return fmt.Sprintf("%s%s [%s..%s]", number(f.Median), f.Unit, number(f.Min), number(f.Max))
}

// limit writes a goal or a gate.
func (f figure) limit(value float64) string {
	switch {
	case value == 0:
		return ""
	case f.Floor:
		return "≥ " + number(value) + f.Unit
	default:
		return "≤ " + number(value) + f.Unit
	}
}

// number has about three digits that say something.
func number(v float64) string {
	switch {
	case v != 0 && v < 0.1 && v > -0.1:
		return fmt.Sprintf("%.2g", v)
	case v >= 100 || v <= -100 || v == float64(int64(v)):
		return fmt.Sprintf("%.0f", v)
	case v >= 10 || v <= -10:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.2f", v)
	}
}
