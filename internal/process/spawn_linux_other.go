//go:build linux && !amd64

package process

func rawSpawn(*Spec, [3]int, bool, *int) (int, error) { return 0, errNoRawSpawn }
