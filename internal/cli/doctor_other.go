//go:build !linux

package cli

// machine tells what this system offers to hold processes: nothing beyond what
// the engine's probe has shown.
func machine() []check { return []check{threads()} }
