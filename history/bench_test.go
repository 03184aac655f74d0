package history_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/history"
)

// The figures that these are held against: PER RECORD at most 15 µs to insert and to
// finish in batches, a page of a million below 20 ms, 100 acceptances at once in few
// commits.

func plain(text string) string { return text }

// sample is the i-th of executions as they come: most have completed, one in fifty
// has failed, one in ten thousand is lost.
func sample(tb testing.TB, i int) (engine.Acceptance, engine.Change) {
	tb.Helper()
	r := engine.Request{ID: idOf(i)}
	switch i % 5 {
	case 0:
		r.Command = engine.AWS("ec2", "describe-instances", "--filters", fmt.Sprintf("Name=tag:n,Values=%d", i))
	case 1:
		r.Command = engine.Kubectl("get", "pods", "-n", fmt.Sprint("team-", i%40))
	case 2:
		r.Command = engine.Shell(fmt.Sprintf("make deploy STAGE=prod N=%d", i))
	case 3:
		r.Command = engine.Exec("/usr/bin/python3", "report.py", fmt.Sprint(i))
	default:
		r.Command = engine.Exec(fmt.Sprint("/opt/tools/tool-", i%1000), "run")
	}
	r.Metadata.Source = []string{"cli", "chat", "api"}[i%3]
	at := time.Unix(1_700_000_000+int64(i), 0)
	a, err := engine.NewAcceptance(r, at, plain)
	if err != nil {
		tb.Fatal(err)
	}
	result := &engine.Result{
		ID: r.ID, Status: engine.Completed, Success: true, Cause: engine.CauseExit, Containment: "cgroup",
		AcceptedAt: at, StartedAt: at.Add(time.Millisecond), CompletedAt: at.Add(time.Second), Duration: 999 * time.Millisecond,
		Output: engine.Counts{StdoutBytes: 1234, StdoutLines: 12}, Usage: engine.Usage{UserTime: time.Millisecond, PeakBytes: 1 << 22}, Cursor: 1240,
	}
	switch {
	case i%10_000 == 77:
		result.Status, result.Success, result.Cause, result.ExitCode = engine.Lost, false, "", -1
	case i%50 == 0:
		result.Status, result.Success, result.ExitCode = engine.Failed, false, 1+i%3
	}
	return a, engine.Change{ID: r.ID, Status: result.Status, Result: result}
}

// idOf is an id that sorts by time, as those of the engine do.
func idOf(i int) (id engine.ID) {
	copy(id[:], fmt.Sprintf("%08x", i)[:8])
	id[0], id[1], id[2], id[3], id[4], id[5] = 1, byte(i>>32), byte(i>>24), byte(i>>16), byte(i>>8), byte(i)
	id[6], id[8] = 0x70|byte(i*7)&0x0f, 0x80|byte(i*13)&0x3f
	return id
}

// fill adds records from..to, 500 callers at once. Short ones end without a start.
func fill(tb testing.TB, s *history.Store, from, to int, short bool) {
	tb.Helper()
	const callers = 500
	var all sync.WaitGroup
	for c := range callers {
		all.Go(func() {
			for i := from + c; i < to; i += callers {
				a, end := sample(tb, i)
				if _, err := s.Accept(tb.Context(), a); err != nil {
					tb.Error(err)
					return
				}
				changes := []engine.Change{{ID: end.ID, Status: engine.Running, At: end.Result.StartedAt}, end}
				if short {
					end.Status, end.Result.Status = engine.Failed, engine.Failed
					changes = []engine.Change{end}
				}
				if err := s.Note(tb.Context(), changes...); err != nil {
					tb.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

// BenchmarkRecord is what one record costs, from its acceptance to its ending, where
// many come at once; NewAcceptance is part of it. "short" is without the start, as
// BenchmarkBare is without the ending.
func BenchmarkRecord(b *testing.B) {
	for _, v := range []struct {
		name       string
		durability history.Durability
		short      bool
	}{
		{"power_loss", history.PowerLoss, false},
		{"power_loss_short", history.PowerLoss, true},
		{"process", history.ProcessDeath, false},
	} {
		b.Run(v.name, func(b *testing.B) {
			s := open(b, b.TempDir()+"/history", history.Config{Durability: v.durability})
			b.ResetTimer()
			fill(b, s, 0, b.N, v.short)
			b.ReportMetric(float64(s.Commits())/float64(b.N), "commits/op")
		})
	}
}

// BenchmarkBare is what SQLite takes for one row of 1,200 bytes, a hundred in a
// transaction, without us: the others are held against it where the machine is busy.
func BenchmarkBare(b *testing.B) {
	db, err := sql.Open("sqlite", "file:"+b.TempDir()+"/bare.db?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	do := func(text string, args ...any) {
		if _, err := db.ExecContext(b.Context(), text, args...); err != nil {
			b.Fatal(err)
		}
	}
	db.SetMaxOpenConns(1)
	do("CREATE TABLE record (id BLOB PRIMARY KEY, status TEXT, at INTEGER, body BLOB)")
	do("CREATE INDEX record_status ON record (status, at)")
	insert, err := db.PrepareContext(b.Context(), "INSERT INTO record VALUES (?, ?, ?, ?)")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = insert.Close() })
	body := make([]byte, 1200)
	b.ResetTimer()
	for i := range b.N {
		if i%100 == 0 {
			do("BEGIN")
		}
		id := idOf(i)
		if _, err := insert.ExecContext(b.Context(), id[:], "completed", i, body); err != nil {
			b.Fatal(err)
		}
		if i%100 == 99 || i == b.N-1 {
			do("COMMIT")
		}
	}
}

// BenchmarkAccept is one acceptance alone: one sync each.
func BenchmarkAccept(b *testing.B) {
	for _, d := range []history.Durability{history.PowerLoss, history.ProcessDeath} {
		b.Run(string(d), func(b *testing.B) {
			s := open(b, b.TempDir()+"/history", history.Config{Durability: d})
			for i := 0; b.Loop(); i++ {
				a, _ := sample(b, i)
				if _, err := s.Accept(b.Context(), a); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// million is a history of a million records, or as many as HISTORY_BENCH_RECORDS
// says. It is made once and kept in HISTORY_BENCH_DIR, if that is set.
func million(b *testing.B) string {
	b.Helper()
	n := 1_000_000
	if text := os.Getenv("HISTORY_BENCH_RECORDS"); text != "" {
		if _, err := fmt.Sscan(text, &n); err != nil {
			b.Fatal(err)
		}
	}
	dir := os.Getenv("HISTORY_BENCH_DIR")
	if dir == "" {
		b.Skip("HISTORY_BENCH_DIR says where a history of a million records is kept, and made at first")
	}
	dir = filepath.Join(dir, fmt.Sprint(n))
	s := open(b, dir, history.Config{Durability: history.ProcessDeath})
	if p, err := s.List(b.Context(), engine.Filter{Total: true, Limit: 1}); err != nil {
		b.Fatal(err)
	} else if p.Total < n {
		fill(b, s, p.Total, n, false)
	}
	return dir
}

// BenchmarkMillion is what a history of a million costs to open and to look through.
func BenchmarkMillion(b *testing.B) {
	dir := million(b)
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			s, err := history.Open(b.Context(), dir, history.Config{})
			if err != nil {
				b.Fatal(err)
			}
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
	s := open(b, dir, history.Config{})
	two := 2
	day := time.Unix(1_700_000_000+500_000, 0)
	filters := []struct {
		name string
		f    engine.Filter
	}{
		{"all", engine.Filter{}},
		{"oldest", engine.Filter{Oldest: true}},
		{"completed", engine.Filter{Status: []engine.Status{engine.Completed}}},
		{"failed", engine.Filter{Status: []engine.Status{engine.Failed}}},
		{"lost_or_running", engine.Filter{Status: []engine.Status{engine.Lost, engine.Running}}},
		{"pending", engine.Filter{Status: []engine.Status{engine.Pending}}},
		{"failed_of_rare_program", engine.Filter{Status: []engine.Status{engine.Failed}, Program: "tool-449"}},
		{"lost_of_source", engine.Filter{Status: []engine.Status{engine.Lost}, Source: "chat"}},
		{"exit_code", engine.Filter{ExitCode: &two, Type: []engine.CommandType{engine.CommandTypeAWS}}},
		{"time_range", engine.Filter{Since: day, Until: day.Add(time.Hour)}},
		{"time_range_failed", engine.Filter{Since: day, Until: day.Add(time.Hour), Status: []engine.Status{engine.Failed}}},
		{"id_prefix", engine.Filter{IDPrefix: idOf(500_000).String()[:11]}},
		{"id_prefix_of_all", engine.Filter{IDPrefix: "01"}},
		{"text_frequent", engine.Filter{Text: "deploy"}},
		{"text_rare", engine.Filter{Text: "N=777777"}},
		{"text_nowhere_of_program", engine.Filter{Text: "nowhere", Program: "tool-449"}},
	}
	for _, q := range filters {
		b.Run("page/"+q.name, func(b *testing.B) {
			for b.Loop() {
				if _, err := s.List(b.Context(), q.f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	for _, i := range []int{0, 3, 6, 9} {
		f := filters[i].f
		f.Total, f.Limit = true, 1
		b.Run("total/"+filters[i].name, func(b *testing.B) {
			for b.Loop() {
				if _, err := s.List(b.Context(), f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("get", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			if _, err := s.Get(b.Context(), idOf(i*7919%10_000)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
