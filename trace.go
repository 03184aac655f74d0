package engine

import (
	"encoding/hex"
	"slices"
	"strings"
)

// Trace is the place of an execution in a distributed trace, by the W3C recommendation
// Trace Context. The process gets it in its environment, as TRACEPARENT and TRACESTATE,
// unless Request.Env sets them: a program that traces goes on from there. The zero value
// says nothing, and what is inherited holds.
type Trace struct {
	// Parent is a traceparent: version, trace, span and flags, such as
	// "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".
	Parent string `json:"parent"`
	// State is a tracestate, what the tracers on the way have to say; at most 512 bytes.
	State string `json:"state,omitempty"`
}

// The variables that a process gets.
const (
	parentVariable = "TRACEPARENT"
	stateVariable  = "TRACESTATE"
)

// maxTraceState is as long as every tracer passes it on.
const maxTraceState = 512

// Validate returns an ErrInvalid where it is neither zero nor a trace context.
func (t Trace) Validate() error {
	switch {
	case t == Trace{}:
	case !isTraceParent(t.Parent):
		return Advise(fault(ErrInvalid, "trace.parent is %q", clip(t.Parent, 64)),
			"a traceparent is 00-TRACE-SPAN-FLAGS, in lower case hexadecimal of 32, 16 and 2 digits")
	case len(t.State) > maxTraceState || strings.ContainsFunc(t.State, func(r rune) bool { return r < ' ' || r > '~' }):
		return fault(ErrInvalid, "trace.state has %d bytes: at most %d, all of them printable ASCII", len(t.State), maxTraceState)
	}
	return nil
}

// isTraceParent reports whether a text is a traceparent of version 00, which later
// versions can be read as.
func isTraceParent(text string) bool {
	fields := strings.Split(text, "-")
	if len(fields) != 4 || fields[0] == "ff" {
		return false
	}
	for i, digits := range [...]int{2, 32, 16, 2} {
		_, err := hex.DecodeString(fields[i])
		if len(fields[i]) != digits || err != nil || fields[i] != strings.ToLower(fields[i]) {
			return false
		}
	}
	return strings.Trim(fields[1], "0") != "" && strings.Trim(fields[2], "0") != ""
}

// environment is what a process gets of it, on top of what its tool has by default.
func (t Trace) environment(tool []string) []string {
	if t.Parent == "" {
		return tool
	}
	env := append(slices.Clip(tool), parentVariable+"="+t.Parent)
	if t.State != "" {
		env = append(env, stateVariable+"="+t.State)
	}
	return env
}
