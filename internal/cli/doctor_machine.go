package cli

import (
	"fmt"
	"os"
	"runtime"
)

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
