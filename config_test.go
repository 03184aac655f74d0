package engine_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	engine "github.com/escher-dbai/cloudops-engine"
)

func TestConfig_DefaultsAreTheDocumentedOnes(t *testing.T) {
	t.Parallel()
	c := engine.Config{}.WithDefaults()
	c.Logger = nil
	want := engine.Config{
		MaxConcurrent: 100, MaxQueued: 10_000, DefaultTimeout: 5 * time.Minute, MaxTimeout: time.Hour, QueueTimeout: engine.Forever,
		Grace: 10 * time.Second, WaitDelay: 2 * time.Second, MaxOutputBytes: 10 << 20, Oversize: engine.TruncateWithWarning,
		MaxMemoryBytes: 100 << 20, MaxFinished: 1000, Retention: time.Hour,
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := (engine.Config{}).Validate(); err != nil {
		t.Errorf("the zero configuration: %v", err)
	}
}

func TestConfig_JSONComesBack(t *testing.T) {
	t.Parallel()
	want := engine.Config{
		MaxConcurrent: 3, MaxQueued: 4, FailFast: true, DefaultTimeout: time.Second, MaxTimeout: time.Minute, QueueTimeout: time.Hour,
		Grace: 5 * time.Second, WaitDelay: 6 * time.Second, MaxOutputBytes: 7, Oversize: engine.StreamToFile, MaxMemoryBytes: 8 << 20,
		LogDir: "/logs", BufferOutput: true, MaxFinished: 9, Retention: 10 * time.Second, NoAutoCleanup: true,
	}
	data, err := json.MarshalIndent(want, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	wantGolden(t, "config.golden", append(data, '\n'))
	got, err := engine.ReadConfig(strings.NewReader(string(data)))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	defaults, err := json.Marshal(engine.Config{}.WithDefaults())
	if err != nil {
		t.Fatal(err)
	}
	if again, err := engine.ReadConfig(strings.NewReader(string(defaults))); err != nil || again.MaxConcurrent != 100 || again.QueueTimeout < 100*365*24*time.Hour {
		t.Errorf("the defaults do not come back: %+v, %v", again, err)
	}
}

// Every setting has a variable, and a variable wins over what was there.
func TestConfig_ReadsVariables(t *testing.T) {
	t.Parallel()
	vars := map[string]string{
		"CLOUDOPS_MAX_CONCURRENT_EXECUTIONS": "3", "CLOUDOPS_MAX_QUEUED_EXECUTIONS": "4", "CLOUDOPS_FAIL_FAST": "true",
		"CLOUDOPS_DEFAULT_TIMEOUT_MS": "1000", "CLOUDOPS_MAX_TIMEOUT_MS": "60000", "CLOUDOPS_QUEUE_TIMEOUT_MS": "3600000",
		"CLOUDOPS_GRACE_MS": "5000", "CLOUDOPS_WAIT_DELAY_MS": "6000", "CLOUDOPS_MAX_OUTPUT_SIZE_BYTES": "7",
		"CLOUDOPS_OVERSIZED_OUTPUT_STRATEGY": "StreamToFile", "CLOUDOPS_MAX_MEMORY_BYTES": "8388608", "CLOUDOPS_LOG_DIR": "/logs",
		"CLOUDOPS_STREAM_OUTPUT": "false", "CLOUDOPS_MAX_IN_MEMORY_EXECUTIONS": "9", "CLOUDOPS_EXECUTION_RETENTION_SECS": "10",
		"CLOUDOPS_ENABLE_AUTO_CLEANUP": "false",
	}
	lookup := func(name string) (string, bool) { v, ok := vars[name]; return v, ok }
	got := engine.Config{MaxConcurrent: 77}
	if err := got.ReadEnv(lookup); err != nil {
		t.Fatal(err)
	}
	data, err := json.MarshalIndent(got, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	wantGolden(t, "config.golden", append(data, '\n'))
	kept := engine.Config{MaxConcurrent: 77}
	vars = map[string]string{"CLOUDOPS_MAX_CONCURRENT_EXECUTIONS": ""}
	if err := kept.ReadEnv(lookup); err != nil || kept.MaxConcurrent != 77 {
		t.Errorf("an empty variable counts as absent: got %d, %v", kept.MaxConcurrent, err)
	}
}

func TestConfig_ValidateReportsEveryFaultAtOnce(t *testing.T) {
	t.Parallel()
	bad := engine.Config{
		MaxConcurrent: -1, MaxQueued: -1, DefaultTimeout: -1, MaxTimeout: -1, QueueTimeout: -1, Grace: time.Hour, WaitDelay: -1,
		MaxOutputBytes: -1, Oversize: "Explode", MaxMemoryBytes: 5, LogDir: "logs", MaxFinished: -1, Retention: -1,
	}
	_, err := engine.New(bad)
	for _, name := range []string{
		"max_concurrent_executions", "max_queued_executions", "default_timeout_ms", "max_timeout_ms", "queue_timeout_ms", "grace_ms", "wait_delay_ms",
		"max_output_size_bytes", "oversized_output_strategy", "max_memory_bytes", "log_dir", "max_in_memory_executions", "execution_retention_secs",
	} {
		if !errors.Is(err, engine.ErrInvalidConfig) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not in %v", name, err)
		}
	}
	above := engine.Config{DefaultTimeout: 2 * time.Hour}
	wantError(t, "a default above the maximum", above.Validate(), engine.ErrInvalidConfig)
}

func TestConfig_ReadingReportsEveryFaultAtOnce(t *testing.T) {
	t.Parallel()
	_, err := engine.ReadConfig(strings.NewReader(`{"max_concurrent_executions":0,"grace_ms":"soon","fail_fast":"perhaps","max_queue":1,"log_dir":null}`))
	for _, part := range []string{"max_concurrent_executions is 0", "grace_ms", "fail_fast", `unknown key "max_queue"`} {
		if !errors.Is(err, engine.ErrInvalidConfig) || !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in %v", part, err)
		}
	}
	vars := map[string]string{"CLOUDOPS_GRACE_MS": "0", "CLOUDOPS_MAX_TIMEOUT_MS": "5m"}
	var c engine.Config
	err = c.ReadEnv(func(name string) (string, bool) { v, ok := vars[name]; return v, ok })
	for name := range vars {
		if !errors.Is(err, engine.ErrInvalidConfig) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not in %v", name, err)
		}
	}
	for _, text := range []string{``, `[]`, `{`, `{} {}`, `{"grace_ms":[1]}`, `{"grace_ms":1e3}`} {
		_, err := engine.ReadConfig(strings.NewReader(text))
		wantError(t, text, err, engine.ErrInvalidConfig)
	}
}
