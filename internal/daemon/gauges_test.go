package daemon_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/client"
	"github.com/escher-dbai/cloudops-engine/internal/daemon"
)

// local is an ephemeral daemon at a socket, and its client.
func local(t *testing.T, adjust ...func(*daemon.Config)) (at string, c *client.Client) {
	t.Helper()
	dir := shortDir(t)
	config := daemon.Config{Ephemeral: true, StateDir: dir, Settings: daemon.Settings{Socket: filepath.Join(dir, "s")}}
	for _, f := range adjust {
		f(&config)
	}
	d := open(t, config)
	c, err := client.New(d.Addresses()[0], client.Config{})
	must(t, err)
	t.Cleanup(func() { _ = c.Shutdown(t.Context()) })
	return d.Addresses()[0], c
}

// ran runs a command to its end.
func ran(t *testing.T, c engine.API, r engine.Request) engine.Result {
	t.Helper()
	id, err := c.Execute(t.Context(), r)
	must(t, err)
	result, err := c.Wait(t.Context(), id)
	must(t, err)
	return result
}

// scrape asks for the metrics as Prometheus does, and reads them with its parser.
func scrape(t *testing.T, at string) map[string]*dto.MetricFamily {
	t.Helper()
	status, text := ask(t, at, look("/metrics"))
	if status != http.StatusOK {
		t.Fatalf("%d %s", status, text)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatalf("it cannot be parsed: %v\n%s", err, text)
	}
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("promlint: %+v, %v", problems, err)
	}
	return families
}

// value is that of a counter or gauge with labels, NAME=VALUE each; -1 where there is none.
func value(families map[string]*dto.MetricFamily, name string, labels ...string) float64 {
	for _, m := range families[name].GetMetric() {
		has := func(want string) bool {
			return slices.ContainsFunc(m.GetLabel(), func(l *dto.LabelPair) bool { return l.GetName()+"="+l.GetValue() == want })
		}
		if !slices.ContainsFunc(labels, func(l string) bool { return !has(l) }) {
			return m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return -1
}

// until scrapes until a value is there: an ending is counted a moment after it is known.
func until(t *testing.T, at string, want float64, name string, labels ...string) map[string]*dto.MetricFamily {
	t.Helper()
	for {
		families := scrape(t, at)
		if value(families, name, labels...) == want {
			return families
		}
		if t.Context().Err() != nil || t.Failed() {
			t.Fatalf("%s%v is %v, want %v", name, labels, value(families, name, labels...), want)
		}
	}
}

// The gauges tell what happened, in a form that Prometheus reads and its linter likes.
func TestDaemon_TellsWhatHappens(t *testing.T) {
	t.Parallel()
	at, c := local(t, func(c *daemon.Config) { c.Engine.MaxConcurrent = 1 })
	ran(t, c, engine.Request{Command: engine.Shell("echo hunter22; echo two >&2"), Secrets: []string{"hunter22"}})
	ran(t, c, engine.Request{Command: engine.Shell("exit 3")})
	gate := filepath.Join(shortDir(t), "gate")
	going, err := c.Execute(t.Context(), engine.Request{Command: engine.Shell("echo a line; until [ -e " + gate + " ]; do sleep 0.02; done")})
	must(t, err)
	for ev, err := range c.Watch(t.Context(), going, 0) {
		must(t, err)
		if ev.Kind != engine.StdoutWritten {
			continue
		}
		waits, err := c.Execute(t.Context(), engine.Request{Command: engine.Shell("true")})
		must(t, err)
		until(t, at, 1, "cloudops_executions_ended_total", "status=completed")
		until(t, at, 1, "cloudops_executions_ended_total", "status=failed")
		families := until(t, at, 3, "cloudops_executions_started_total")
		for name, want := range map[string]float64{
			"cloudops_executions_running": 1, "cloudops_executions_queued": 1, "cloudops_slots": 1, "cloudops_executions_accepted_total": 4,
			"cloudops_execution_duration_seconds": 2, "cloudops_execution_queued_seconds": 2, "cloudops_accept_duration_seconds": 4,
			"cloudops_output_masks_total": 1, "cloudops_readers": 1, "cloudops_readers_lag_bytes": 0, "cloudops_readers_lag_max_bytes": 0,
			"cloudops_events_missed_total": 0, "cloudops_spans_dropped_total": 0,
		} {
			if got := value(families, name); got != want {
				t.Errorf("%s is %v, want %v", name, got, want)
			}
		}
		for labels, want := range map[string]float64{
			"cloudops_executions_ended_total status=completed cause=exit": 1, "cloudops_executions_ended_total status=failed cause=exit": 1,
			"cloudops_output_lines_total stream=stdout": 1, "cloudops_output_bytes_total stream=stderr": 4,
			"cloudops_requests_total verb=Execute status=200": 4, "cloudops_build_info version=test": 1,
		} {
			fields := strings.Fields(labels)
			if got := value(families, fields[0], fields[1:]...); got != want {
				t.Errorf("%s is %v, want %v", labels, got, want)
			}
		}
		if n := value(families, "go_goroutines"); n < 2 {
			t.Errorf("%v goroutines", n)
		}
		must(t, c.Cancel(t.Context(), waits, engine.Cancellation{}))
		break
	}
	until(t, at, 0, "cloudops_readers")
	until(t, at, 1, "cloudops_executions_ended_total", "status=cancelled", "cause=cancel")
	must(t, os.WriteFile(gate, nil, 0o600))
	_, err = c.Wait(t.Context(), going)
	must(t, err)
	ask(t, at, look("/a/path/that/nobody/knows"))
	if families := scrape(t, at); value(families, "cloudops_requests_total", "verb=other", "status=404") != 1 {
		t.Errorf("a path is a label, or is not counted: %v", families["cloudops_requests_total"])
	}
}

// A gauge is for who may look, a profile for who may do everything.
func TestDaemon_ShowsItsGaugesAndProfilesToWhoMay(t *testing.T) {
	t.Parallel()
	for _, role := range daemon.Roles() {
		n := network(t, role)
		bearer := map[string]string{"Authorization": "Bearer " + n.secret}
		for path, want := range map[string]int{"/metrics": 200, "/debug/pprof/": 403, "/debug/pprof/heap": 403, "/debug/pprof/cmdline": 403} {
			if role == daemon.Admin {
				want = 200
			}
			if status, answer := ask(t, n.at, &asked{http.MethodGet, path, "", bearer}); status != want {
				t.Errorf("%s gets %s: %d %.100s, want %d", role, path, status, answer, want)
			}
			if status, answer := ask(t, n.at, look(path)); status != 401 {
				t.Errorf("nobody gets %s: %d %.100s", path, status, answer)
			}
		}
		foreign := map[string]string{"Authorization": bearer["Authorization"], "Origin": "http://evil.example"}
		if status, _ := ask(t, n.at, &asked{http.MethodGet, "/debug/pprof/heap", "", foreign}); status != 403 {
			t.Errorf("a page of another site gets a profile: %d", status)
		}
	}
}

// The dashboard asks for nothing that is not there.
func TestDashboard_AsksForWhatIsThere(t *testing.T) {
	t.Parallel()
	at, c := local(t)
	ran(t, c, engine.Request{Command: engine.Shell("true")})
	families := until(t, at, 1, "cloudops_executions_ended_total", "status=completed")
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "grafana", "cloudops.json"))
	must(t, err)
	var board struct {
		Title, UID    string
		SchemaVersion int
		Panels        []struct {
			ID      int
			Title   string
			Type    string
			GridPos struct{ H, W, X, Y int }
			Targets []struct{ Expr, RefID string }
		}
		Templating struct{ List []struct{ Name, Type string } }
	}
	must(t, json.Unmarshal(text, &board))
	if board.Title == "" || board.UID == "" || board.SchemaVersion < 36 || len(board.Templating.List) == 0 {
		t.Errorf("Grafana would not import it: %+v", board)
	}
	name := regexp.MustCompile(`\b(cloudops|go|process)_[a-z_]+`)
	seen := make(map[int]bool)
	asks := 0
	for _, p := range board.Panels {
		if seen[p.ID] || p.ID == 0 || p.GridPos.W == 0 || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("panel %q has no place, or the id of another: %+v", p.Title, p)
		}
		seen[p.ID] = true
		for _, target := range p.Targets {
			found := name.FindAllString(target.Expr, -1)
			if len(found) == 0 || target.RefID == "" {
				t.Errorf("panel %q asks for nothing: %+v", p.Title, target)
			}
			for _, n := range found {
				base := n
				for _, suffix := range []string{"_bucket", "_sum", "_count"} {
					base = strings.TrimSuffix(base, suffix)
				}
				if families[n] == nil && families[base] == nil {
					t.Errorf("panel %q asks for %s, which is not there", p.Title, n)
				}
				asks++
			}
		}
	}
	if asks < 15 {
		t.Errorf("it asks for %d metrics", asks)
	}
}
