package engine

import (
	"fmt"
	"slices"
	"strings"
)

// PlanError is all that is wrong with a plan, at once. It is an ErrInvalid, and what its
// faults are.
type PlanError struct{ Faults []PlanFault }

// PlanFault is one thing that is wrong with a plan.
type PlanFault struct {
	// Path is where, as a JSON pointer such as "/commands/3/retry"; empty: the whole.
	Path string
	// Line and Column are where that stands in the text, counted from 1; 0 where there was
	// none. Columns are bytes.
	Line, Column int
	// Err is what.
	Err error
}

// String is the fault in one line: where, and what.
func (f PlanFault) String() string {
	var at string
	if f.Line > 0 {
		at = fmt.Sprintf("line %d, column %d: ", f.Line, f.Column)
	}
	if f.Path != "" {
		at += f.Path + ": "
	}
	return at + f.Err.Error()
}

// maxFaultsTold bounds how many faults an error tells in words.
const maxFaultsTold = 50

// Error tells the faults, one a line where there are several.
func (e *PlanError) Error() string {
	if len(e.Faults) == 1 {
		return fmt.Sprintf("%v: plan: %s", ErrInvalid, e.Faults[0])
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%v: %d faults in the plan:", ErrInvalid, len(e.Faults))
	for i, f := range e.Faults {
		if i == maxFaultsTold {
			fmt.Fprintf(&b, "\n  and %d more", len(e.Faults)-i)
			break
		}
		fmt.Fprintf(&b, "\n  %s", f)
	}
	return b.String()
}

// Unwrap is ErrInvalid and the faults.
func (e *PlanError) Unwrap() []error {
	errs := make([]error, 1, 1+len(e.Faults))
	errs[0] = ErrInvalid
	for _, f := range e.Faults {
		errs = append(errs, f.Err)
	}
	return errs
}

// Hint is what the first fault that has one advises.
func (e *PlanError) Hint() string {
	for _, f := range e.Faults {
		if hint := Hint(f.Err); hint != "" {
			return hint
		}
	}
	return "docs/plans.md has the fields of a plan"
}

// planFaults collects faults.
type planFaults struct{ list []PlanFault }

func (f *planFaults) add(path, format string, args ...any) {
	f.wrong(path, detailError(fmt.Sprintf(format, args...)))
}

func (f *planFaults) wrong(path string, err error) {
	f.list = append(f.list, PlanFault{Path: path, Err: err})
}

// commandPath is where a command stands in a plan.
func commandPath(index int) string { return fmt.Sprintf("/commands/%d", index) }

// spoilt are the places of a plan that could not be read: what is missing there may be only
// because of that.
type spoilt struct {
	here   map[string]bool // where the faults are
	around map[string]bool // what has one in it
	names  bool            // there may be a command of any name
}

func spoiltBy(faults []PlanFault) spoilt {
	if len(faults) == 0 {
		return spoilt{}
	}
	s := spoilt{here: map[string]bool{}, around: map[string]bool{}}
	for _, f := range faults {
		s.here[f.Path] = true
		for path := f.Path; path != ""; path = above(path) {
			s.around[path] = true
		}
		inCommands := above(f.Path) == "/commands" || f.Path == "/commands" || f.Path == ""
		s.names = s.names || inCommands || strings.HasSuffix(f.Path, "/name") && above(above(f.Path)) == "/commands"
	}
	return s
}

// above is the path of what something is in.
func above(path string) string { return path[:max(strings.LastIndexByte(path, '/'), 0)] }

// at reports whether something could not be read: all of it, or a part.
func (s *spoilt) at(path string) bool { return s.around[path] || s.below(path) }

// below reports whether something is in what could not be read.
func (s *spoilt) below(path string) bool {
	if len(s.here) == 0 {
		return false
	}
	for ; path != ""; path = above(path) {
		if s.here[path] {
			return true
		}
	}
	return s.here[""]
}

// without are the faults that are not in what is one as a whole.
func (s *spoilt) without(faults []PlanFault) []PlanFault {
	return slices.DeleteFunc(faults, func(f PlanFault) bool { return above(f.Path) != "/commands" && s.below(f.Path) })
}
