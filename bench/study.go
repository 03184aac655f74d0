package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// studyFlag makes this program a process in which one study is made: what needs a
// heap or a process of its own.
const studyFlag = "-study"

// study measures one thing and returns numbers by name.
type study func(size int) (map[string][]float64, error)

// Names of studies.
const (
	ofRecords  = "records"
	ofRealOnes = "real"
	ofOutput   = "output"
	ofCleanup  = "cleanup"
	ofIdleTick = "idle"
	ofLiveOnes = "live"
	ofDisk     = "disk"
	ofViews    = "views"
	ofFanOut   = "fanout"
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
	case ofLiveOnes:
		return studyLive, nil
	case ofDisk:
		return studyDisk, nil
	case ofViews:
		return studyViews, nil
	case ofFanOut:
		return studyFanOut, nil
	default:
		return nil, fmt.Errorf("there is no study %q", name)
	}
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
