//go:build linux && !amd64

package process

// nursery is for raw spawns, which there are none of.
type nursery struct{}

func (*nursery) open(int) {}
func (*nursery) close()   {}

func (*nursery) spawn(*Spec, *birth, *int) (int, error) { return 0, errNoRawSpawn }

// inherit need not do anything: [syscall.ForkExec] gives a child its limits.
func (*rlimits) inherit() {}
