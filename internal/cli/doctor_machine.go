package cli

import (
	"fmt"
	"os"
	"runtime"

	engine "github.com/escher-dbai/cloudops-engine"
)

// capabilities tells how commands are held together and what can be limited.
func capabilities(c *engine.Capabilities) []check {
	held := check{Group: "machine", Name: "containment", State: good, Detail: string(c.Containment)}
	switch c.Containment {
	case engine.ContainmentCgroup:
		held.Detail += ": each command is in a cgroup of its own, and ended whole"
	case engine.ContainmentReaper:
		held.Detail += ": a process of ours above each command adopts its orphans, and all is ended"
	case engine.ContainmentJob:
		held.Detail += ": each command is in a Job Object of its own, and ended whole"
	case engine.ContainmentGroup, engine.ContainmentAuto:
		held.State = lacking
		held.Detail += ": a process that leaves its group and cleans its environment is not found"
	}
	if c.WhyNotStronger != "" {
		held.Detail += "; nothing stronger: " + c.WhyNotStronger
	}
	checks := []check{held}
	for _, l := range c.Limits {
		limit := check{Group: "machine", Name: "limit " + l.Limit, State: good, Detail: l.By}
		if l.By == "" {
			limit.State, limit.Detail = lacking, l.Why
		}
		checks = append(checks, limit)
	}
	return checks
}

// threads tells how many Ps there are for how many processors.
func threads() check {
	by := "set by cloudops, so that forks do not hold up the rest"
	if value := os.Getenv("GOMAXPROCS"); value != "" {
		by = "set by GOMAXPROCS=" + value
	}
	return check{
		Group: "machine", Name: "GOMAXPROCS", State: good,
		Detail: fmt.Sprintf("%d on %d processors, %s", runtime.GOMAXPROCS(0), runtime.NumCPU(), by),
	}
}
