package daemon

import (
	"cmp"
	"context"
	"net/http"
	"net/http/pprof"
	"runtime"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/exposition"
)

// pprofPath begins the paths of profiles.
const pprofPath = "/debug/pprof/"

// rooms are what is behind the doors: the contract, and what tells how the daemon is.
func (d *Daemon) rooms() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", d.handler)
	mux.HandleFunc("GET /metrics", d.serveMetrics)
	mux.HandleFunc("GET "+pprofPath, pprof.Index)
	mux.HandleFunc("GET "+pprofPath+"cmdline", pprof.Cmdline)
	mux.HandleFunc("GET "+pprofPath+"profile", pprof.Profile)
	mux.HandleFunc("GET "+pprofPath+"symbol", pprof.Symbol)
	mux.HandleFunc("GET "+pprofPath+"trace", pprof.Trace)
	return mux
}

// serveMetrics answers a scrape. What it tells was counted before, or is asked for now;
// nobody who runs something waits for it.
func (d *Daemon) serveMetrics(w http.ResponseWriter, r *http.Request) {
	told, err := d.metrics(r.Context())
	if err != nil {
		http.Error(w, "the engine does not tell: "+err.Error(), http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", exposition.ContentType)
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(told.Text()) // or they are gone
}

// metrics are what a scrape gets, and what is sent to a collector.
func (d *Daemon) metrics(ctx context.Context) (*exposition.Families, error) {
	stats, err := d.engine.Stats(ctx)
	if err != nil {
		return nil, err
	}
	counted := d.observer.meter.Snapshot()
	counted.Running = stats.Running // those that other programs run here too
	out := &exposition.Families{}
	counted.Expose(out)
	out.Counter("cloudops_executions_accepted_total", "Executions that were accepted.", float64(stats.Accepted))
	out.Counter("cloudops_executions_started_total", "Executions that started.", float64(counted.Events[engine.ExecutionStarted]))
	out.Counter("cloudops_executions_forgotten_total", "Finished executions that left the memory.", float64(stats.Expired))
	out.Gauge("cloudops_executions_queued", "Executions that wait for a slot.", float64(stats.Queued))
	out.Gauge("cloudops_executions_finished", "Finished executions in memory.", float64(stats.Finished))
	out.Gauge("cloudops_slots", "Executions that may run at once.", float64(d.config.Engine.WithDefaults().MaxConcurrent))
	out.Gauge("cloudops_output_memory_bytes", "Memory that output takes.", float64(stats.OutputBytes))
	d.took.expose(out)
	d.readers.expose(ctx, d.engine, out)
	d.traffic.expose(out)
	d.seated.expose(out)
	sent, dropped := d.observer.tracer.Counts()
	out.Counter("cloudops_spans_sent_total", "Spans that a collector took.", float64(sent))
	out.Counter("cloudops_spans_dropped_total", "Spans that no collector took.", float64(dropped))
	d.exposeProgram(out)
	return out, nil
}

// exposeProgram writes what this program is and uses, by the names that Go programs have.
func (d *Daemon) exposeProgram(out *exposition.Families) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	out.Add("cloudops_build_info", exposition.Gauge, "What was built, from what; always 1.")
	out.Sample(1, "version", cmp.Or(d.version, "unknown"), "go", runtime.Version(), "platform", runtime.GOOS+"/"+runtime.GOARCH)
	out.Gauge("cloudops_start_time_seconds", "When the daemon was opened, since 1970.", float64(d.started.UnixMilli())/1000)
	out.Gauge("go_goroutines", "Goroutines that exist.", float64(runtime.NumGoroutine()))
	out.Gauge("go_sched_gomaxprocs_threads", "Threads that run Go code at once, at most.", float64(runtime.GOMAXPROCS(0)))
	out.Gauge("go_memstats_alloc_bytes", "Bytes of objects in the heap.", float64(m.HeapAlloc))
	out.Gauge("go_memstats_heap_inuse_bytes", "Bytes of the heap that are in use.", float64(m.HeapInuse))
	out.Gauge("go_memstats_sys_bytes", "Bytes that the runtime has of the system.", float64(m.Sys))
	out.Counter("go_memstats_alloc_bytes_total", "Bytes that were ever allocated.", float64(m.TotalAlloc))
	out.Summary("go_gc_duration_seconds", "Pauses of the garbage collector.", int64(m.NumGC), time.Duration(m.PauseTotalNs))
	exposeProcess(out)
}
