package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// studyFlag makes this program a process in which one study is made: what needs a
// heap or a process of its own.
const studyFlag = "-study"

// study measures one thing and returns numbers by name.
type study func(size int) (map[string][]float64, error)

// Names of studies.
const (
	ofRecords   = "records"
	ofRealOnes  = "real"
	ofOutput    = "output"
	ofCleanup   = "cleanup"
	ofIdleTick  = "idle"
	ofLimits    = "limits"
	ofDisk      = "disk"
	ofViews     = "views"
	ofFanOut    = "fanout"
	ofAudience  = "audience"
	ofRedaction = "redaction"
	ofFlat      = "flat"
	ofPlans     = "plans"

	ofWireStream = "wire-stream"
	ofWireCall   = "wire-call"
	ofWireBusy   = "wire-busy"
	ofWireFollow = "wire-follow"
	ofWireCrowd  = "wire-crowd"

	// Of these there is one for each variant, whose name is appended.
	ofLive    = "live-"
	ofLatency = "latency-"
	// And of this one for each kind of daemon.
	ofWireFirst = "wire-first-"
)

func studies(name string) (study, error) {
	switch name {
	case ofRecords:
		return studyRecords, nil
	case ofRealOnes:
		return studyRealRecords, nil
	case ofOutput:
		return studyOutput, nil
	case ofCleanup:
		return studyCleanup, nil
	case ofIdleTick:
		return studyIdleTick, nil
	case ofLimits:
		return studyLimits, nil
	case ofDisk:
		return studyDisk, nil
	case ofViews:
		return studyViews, nil
	case ofFanOut:
		return studyFanOut, nil
	case ofAudience:
		return studyAudience, nil
	case ofRedaction:
		return studyRedaction, nil
	case ofFlat:
		return studyFlat, nil
	case ofPlans:
		return studyPlans, nil
	}
	if f := wireStudies()[name]; f != nil {
		return f, nil
	}
	if kind, ok := strings.CutPrefix(name, ofWireFirst); ok {
		return func(int) (map[string][]float64, error) { return studyWireFirst(kind) }, nil
	}
	if variant, ok := strings.CutPrefix(name, ofLive); ok {
		return func(size int) (map[string][]float64, error) { return studyLive(variant, size) }, nil
	}
	if variant, ok := strings.CutPrefix(name, ofLatency); ok {
		return func(size int) (map[string][]float64, error) { return studyLatency(variant, size) }, nil
	}
	return nil, fmt.Errorf("there is no study %q", name)
}

// serveStudy makes one study and writes what it found.
func serveStudy(name string, size int, out io.Writer) error {
	f, err := studies(name)
	if err != nil {
		return err
	}
	found, err := f(size)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return json.NewEncoder(out).Encode(found)
}

// inItsOwnProcess has a study made by this program started again.
func inItsOwnProcess(name string, size int) (found map[string][]float64, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := exec.Command(self, studyFlag, name, "-size", fmt.Sprint(size)) //nolint:gosec // it is this program
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("study %s: %w", name, err)
	}
	return found, json.Unmarshal(out, &found)
}

// findings are the numbers of studies: by study, and by name one for each round.
type findings map[string]map[string][]float64

// takeTurns has studies made again and again, one after the other, so that what
// else the machine does hits all of them alike.
func takeTurns(rounds, size int, names ...string) (findings, error) {
	all := make(findings)
	for round := range rounds {
		for i := range names {
			name := names[(i+round)%len(names)]
			found, err := inItsOwnProcess(name, size)
			if err != nil {
				return nil, err
			}
			if all[name] == nil {
				all[name] = make(map[string][]float64)
			}
			for what, values := range found {
				all[name][what] = append(all[name][what], values...)
			}
		}
	}
	return all, nil
}

// quotients compares two variants round by round.
func quotients(ours, theirs []float64) []float64 {
	values := slices.Clone(ours)
	for i := range values {
		values[i] /= theirs[i]
	}
	return values
}

// ledger collects figures of studies, each study made once. The first error
// stays.
type ledger struct {
	figures []figure
	made    map[string]map[string][]float64
	err     error
}

// add fills a figure with what a study found under a name.
func (l *ledger) add(study string, size int, name string, f figure) {
	key := fmt.Sprint(study, size)
	if l.err == nil && l.made[key] == nil {
		if l.made == nil {
			l.made = make(map[string]map[string][]float64)
		}
		l.made[key], l.err = inItsOwnProcess(study, size)
	}
	l.figures = append(l.figures, f.of(l.made[key][name]))
}
