package process_test

import (
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/escher-dbai/cloudops-engine/internal/process"
)

// BenchmarkSpawn compares the ways to spawn by processor time, of this process
// and of its children.
func BenchmarkSpawn(b *testing.B) {
	path := true0(b)
	for _, c := range []int{1, 100} {
		for _, way := range []string{"raw", "ForkExec"} {
			b.Run(fmt.Sprintf("%s/%d", way, c), func(b *testing.B) {
				table, err := process.NewTable(process.Options{})
				if err != nil {
					b.Fatal(err)
				}
				if way == "ForkExec" {
					process.ForceForkExec(table)
				}
				b.ReportAllocs()
				before := processorTime()
				spawnMany(b, table, path, c)
				b.ReportMetric(float64((processorTime()-before).Microseconds())/float64(b.N), "cpu-µs/op")
				_ = table.Close()
			})
		}
	}
}

func spawnMany(b *testing.B, table *process.Table, path string, c int) {
	b.Helper()
	slots, forks := make(chan struct{}, c), make(chan struct{}, process.ForkLimit())
	var wg sync.WaitGroup
	for range b.N {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			o := &counter{left: 3, done: make(chan struct{})}
			forks <- struct{}{}
			p, err := table.Start(process.Spec{Path: path, Args: []string{path}, Env: []string{"PATH=/bin"}}, o)
			<-forks
			if err != nil {
				b.Error(err)
				return
			}
			<-o.done
			p.Close()
		})
	}
	wg.Wait()
}

func processorTime() (sum time.Duration) {
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		_ = syscall.Getrusage(who, &u)
		sum += time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	return sum
}
