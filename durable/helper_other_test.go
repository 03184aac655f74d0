//go:build !linux

package durable_test

// help is for a binary that was started to do something else than to test: nothing does
// that here.
func help() int { return 2 }
