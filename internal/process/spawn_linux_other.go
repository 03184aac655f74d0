//go:build linux && !amd64

package process

func rawSpawn(*birth, *int) (int, error) { return 0, errNoRawSpawn }
