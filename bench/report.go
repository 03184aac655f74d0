package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"text/tabwriter"
)

// report is all that a run found.
type report struct {
	Machine machine  `json:"machine"`
	Rounds  int      `json:"rounds"`
	Figures []figure `json:"figures"`
	Costs   []cost   `json:"costs"`
}

// machine is what the run was made on.
type machine struct {
	System  string `json:"system"`
	Kernel  string `json:"kernel"`
	Cores   int    `json:"cores"`
	Go      string `json:"go"`
	Load    string `json:"load"`
	Default int    `json:"gomaxprocs"`
}

func thisMachine() machine {
	line := func(path string) string {
		text, err := os.ReadFile(path) //nolint:gosec // a file of the system
		if err != nil {
			return "?"
		}
		return strings.TrimSpace(string(text))
	}
	load, _, _ := strings.Cut(line("/proc/loadavg"), " ")
	return machine{
		System: runtime.GOOS + "/" + runtime.GOARCH, Kernel: line("/proc/sys/kernel/osrelease"),
		Cores: runtime.NumCPU(), Go: runtime.Version(), Load: load, Default: runtime.GOMAXPROCS(0),
	}
}

func (m machine) String() string {
	return fmt.Sprintf("%s, %d cores, kernel %s, %s, load %s", m.System, m.Cores, m.Kernel, m.Go, m.Load)
}

// cost is what one command took by one variant: medians.
type cost struct {
	Load    string  `json:"load"`
	Variant string  `json:"variant"`
	Wall    float64 `json:"wall_us"`
	CPU     float64 `json:"cpu_us"`
	P50     float64 `json:"p50_ms"`
	P99     float64 `json:"p99_ms"`
	Allocs  float64 `json:"allocs"`
	Bytes   float64 `json:"bytes"`
}

// costs are those of all variants.
func (s samples) costs(loads []load) []cost {
	var all []cost
	for _, l := range loads {
		for _, v := range l.variants {
			median := func(part func(measure) float64) float64 {
				return newFigure("", "", "", s.each(l.name, v, part)).Median
			}
			all = append(all, cost{
				Load: l.name, Variant: v, Wall: median(wallOf), CPU: median(cpuOf),
				P50: median(p50Of), P99: median(p99Of), Allocs: median(allocsOf), Bytes: median(bytesOf),
			})
		}
	}
	return all
}

// missed counts the gates that fail the run.
func (r report) missed() (n int) {
	for _, f := range r.Figures {
		if f.fails() {
			n++
		}
	}
	return n
}

func (r report) writeJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// write writes the tables that a person reads.
func (r report) write(w io.Writer) error {
	fmt.Fprintf(w, "%s; %d rounds, median [least..most] of them\n\n", r.Machine, r.Rounds)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "figure\twhat\tmeasured\tgoal\tgate\t\tgoal is")
	for _, f := range r.Figures {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n",
			f.Name, f.What, f.measured(), f.limit(f.Goal), f.limit(f.Gate), f.verdict(), f.distance())
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if err := r.writeCosts(w); err != nil {
		return err
	}
	verdict := "all gates held"
	if n := r.missed(); n > 0 {
		verdict = fmt.Sprintf("%d gates missed", n)
	}
	_, err := fmt.Fprintf(w, "\n%s\n", verdict)
	return err
}

// writeCosts writes what is behind the ratios: medians, not round by round.
func (r report) writeCosts(w io.Writer) error {
	if len(r.Costs) == 0 {
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\nper command\tby\twall µs\tCPU µs\tp50 / p99 ms\tallocs\tbytes")
	for _, c := range r.Costs {
		fmt.Fprintf(t, "%s\t%s\t%.0f\t%.0f\t%s / %s\t%.0f\t%.0f\n",
			c.Load, c.Variant, c.Wall, c.CPU, number(c.P50), number(c.P99), c.Allocs, c.Bytes)
	}
	return t.Flush()
}
