//go:build linux && !amd64

package process

import "sync"

func rawSpawn(*Spec, *birth, *int, *sync.Pool) (int, error) { return 0, errNoRawSpawn }

// inherit need not do anything: [syscall.ForkExec] gives a child its limits.
func (*rlimits) inherit() {}
