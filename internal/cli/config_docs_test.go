package cli_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/cli"
	"github.com/escher-dbai/cloudops-engine/internal/daemon"
)

// documented is what docs/configuration.md says of settings: by the name of each, its cells by
// the heads of their columns. Rows that name two are those of both.
func documented(t *testing.T) (ofEngine, ofDaemon map[string]map[string]string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "configuration.md"))
	if err != nil {
		t.Fatal(err)
	}
	ofEngine, ofDaemon = map[string]map[string]string{}, map[string]map[string]string{}
	var into map[string]map[string]string
	var head []string
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		switch {
		case strings.HasPrefix(line, "### The daemon"), strings.HasPrefix(line, "### The state directory"):
			into = ofDaemon
		case strings.HasPrefix(line, "### Go only"), strings.HasPrefix(line, "### Where"):
			into = nil
		case strings.HasPrefix(line, "### "):
			into = ofEngine
		case !strings.HasPrefix(line, "|"):
			head = nil
		case head == nil:
			head = cells
		case head[0] == "name" && into != nil && cells[0][0] == '`':
			for name := range strings.SplitSeq(cells[0], ", ") {
				row := map[string]string{}
				for i := range cells {
					row[head[i]] = cells[i]
				}
				into[strings.Trim(name, "`")] = row
			}
		}
	}
	return ofEngine, ofDaemon
}

// flagsOf are the flags that the help of a command shows.
func flagsOf(t *testing.T, command string) []string {
	t.Helper()
	var out bytes.Buffer
	if code := cli.Main("", []string{command, "--help"}, strings.NewReader(""), &out, io.Discard); code != 0 {
		t.Fatalf("%s --help: %d", command, code)
	}
	return regexp.MustCompile(`--[a-z-]+`).FindAllString(out.String(), -1)
}

func checkNames(t *testing.T, known []string, rows map[string]map[string]string, flags []string) {
	t.Helper()
	slices.Sort(known)
	if said := slices.Sorted(maps.Keys(rows)); !slices.Equal(known, said) {
		t.Errorf("there is %q, and the table has %q", known, said)
	}
	for name, row := range rows {
		if flag := strings.Trim(row["flag"], "`"); strings.HasPrefix(flag, "--") && !slices.Contains(flags, flag) {
			t.Errorf("%s: there is no flag %s", name, flag)
		}
	}
}

// The table of the engine's settings has each of them, with its field, its flag and its default.
func TestDocs_HaveEverySettingOfTheEngine(t *testing.T) {
	t.Parallel()
	rows, _ := documented(t)
	text, err := engine.Config{}.WithDefaults().MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	var defaults map[string]any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&defaults); err != nil {
		t.Fatal(err)
	}
	checkNames(t, slices.Collect(maps.Keys(defaults)), rows, flagsOf(t, "run"))
	forever, _ := engine.Config{QueueTimeout: engine.Forever}.MarshalJSON()
	for name, value := range defaults {
		row := rows[name]
		want := fmt.Sprint(value)
		if want == "" {
			want = "none"
			if name == "containment" {
				want = `""`
			}
		}
		if bytes.Contains(forever, []byte(`"queue_timeout_ms":`+want+",")) {
			want = "Forever"
		}
		if said := strings.ReplaceAll(strings.ReplaceAll(row["default"], ",", ""), "`", ""); !strings.HasPrefix(said, want) {
			t.Errorf("%s is %s, and the table says %q", name, want, row["default"])
		}
		field := strings.Trim(strings.TrimPrefix(row["`Config` field"], "not "), "`")
		if _, ok := reflect.TypeFor[engine.Config]().FieldByName(field); !ok {
			t.Errorf("%s: Config has no field %q", name, field)
		}
	}
}

// The table of the daemon's settings has each of them, with its flag, its default, and whether
// HUP takes it up.
func TestDocs_HaveEverySettingOfTheDaemon(t *testing.T) {
	t.Parallel()
	_, rows := documented(t)
	checkNames(t, daemon.SettingNames(), rows, flagsOf(t, "serve"))
	d := (&daemon.Settings{}).WithDefaults()
	for name, want := range map[string]int64{
		"max_connections": int64(d.MaxConnections), "max_connections_per_address": int64(d.MaxConnectionsPerAddress),
		"max_requests": int64(d.MaxRequests), "max_request_bytes": int64(d.MaxRequestBytes),
		"requests_per_second": int64(d.RequestsPerSecond), "drain_ms": d.Drain.Milliseconds(),
	} {
		said, _, _ := strings.Cut(strings.ReplaceAll(rows[name]["default"], ",", ""), " ")
		if said != fmt.Sprint(want) {
			t.Errorf("%s is %d, and the table says %q", name, want, rows[name]["default"])
		}
	}
	dir := t.TempDir()
	c := daemon.Config{Ephemeral: true, StateDir: dir, Settings: daemon.Settings{Listen: "127.0.0.1:0"}}
	now := time.Now()
	if _, _, err := daemon.TokensIn(dir).Create("", daemon.Viewer, now, now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	served, err := daemon.Open(t.Context(), c, daemon.Opening{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = served.Shutdown(t.Context()) }()
	for name, row := range rows {
		if strings.HasPrefix(name, "tls_") {
			continue // "where there were some"
		}
		next := c
		value := "7"
		switch name {
		case "listen":
			value = "127.0.0.1:7"
		case "durability":
			value = "process"
		case "log_format":
			value = "json"
		case "log_level":
			value = "debug"
		case "otlp_endpoint":
			value = "http://127.0.0.1:7"
		case "otlp_headers":
			value = "a=b"
		case "allowed_origins":
			value = "http://a"
		}
		if err := next.Set(name, value); err != nil {
			t.Fatal(err)
		}
		later, err := served.Reload(next)
		if takes := row["HUP"] == "yes"; err != nil || takes == slices.Contains(later, name) {
			t.Errorf("%s: HUP %q, and for the next start are %q, %v", name, row["HUP"], later, err)
		}
	}
}
