package engine_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	engine "github.com/escher-dbai/cloudops-engine"
)

func TestRequest_JSONComesBack(t *testing.T) {
	t.Parallel()
	want := engine.Request{
		ID: someID, Command: engine.Shell("echo hi"),
		Env: map[string]string{"A": "1", "B": ""}, UnsetEnv: []string{"C"}, CleanEnv: true, WorkingDir: "/tmp",
		Timeout: time.Minute, IdleTimeout: time.Second, QueueTimeout: time.Hour, Grace: 2 * time.Second, WaitDelay: 3 * time.Second,
		StopSignal: "INT", Stdin: []byte("a\xff\x00b"), OutputLogPath: "/tmp/x.log", Digest: true, SuccessCodes: []int{0, 2},
		Secrets: []string{"hunter2"}, Redact: engine.RedactValues,
		Limits: engine.Limits{OutputBytes: 1000, Oversize: engine.FailExecution},
		Actor:  engine.Actor{Kind: engine.Human, Name: "bob"}, Metadata: engine.Metadata{Source: "ui", ConversationID: someID, Tags: map[string]string{"k": "v"}},
		Trace: engine.Trace{Parent: someParent, State: "a=b"},
	}
	data, err := json.MarshalIndent(want, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	wantGolden(t, "request.golden", append(data, '\n'))
	got, err := engine.ParseRequest(data)
	if err != nil {
		t.Fatal(err)
	}
	sameText := cmp.Comparer(func(a, b engine.Command) bool { return a.String() == b.String() })
	if diff := cmp.Diff(want, got, sameText); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRequest_TerminalComesBackFromJSON(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]*engine.TerminalSize{
		`{"command":null,"terminal":{"rows":24,"cols":80}}`:                      {Rows: 24, Cols: 80},
		`{"command":null,"interactive":true,"terminal":{"rows":0,"cols":65535}}`: {Cols: 65535},
		`{"command":null,"interactive":true}`:                                    nil,
	} {
		r, err := engine.ParseRequest([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, r.Terminal); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
		data, err := json.Marshal(r)
		if string(data) != text || err != nil {
			t.Errorf("want %s back, got %s, %v", text, data, err)
		}
	}
	if r, err := engine.ParseRequest([]byte(`{"terminal":{}}`)); r.Terminal == nil || err != nil {
		t.Errorf("a terminal of any size: got %v, %v", r.Terminal, err)
	}
}

func TestRequest_JSONIsStrict(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"command":{"type":"shell","command":"ls"},"timeout":5}`:                  "unknown field",
		`{"command":{"type":"shell","command":"ls","timeout":5}}`:                  "timeout",
		`{"command":{"type":"shell","command":"ls"},"timeout_ms":0}`:               "timeout_ms is 0",
		`{"command":{"type":"shell","command":"ls"},"timeout_ms":-1}`:              "timeout_ms is -1",
		`{"command":{"type":"shell","command":"ls"},"timeout_ms":1.5}`:             "timeout_ms",
		`{"command":{"type":"shell","command":"ls"},"timeout_ms":"5s"}`:            "timeout_ms",
		`{"command":{"type":"shell","command":"ls"},"idle_timeout_ms":0}`:          "idle_timeout_ms is 0",
		`{"command":{"type":"shell","command":"ls"},"queue_timeout_ms":0}`:         "queue_timeout_ms is 0",
		`{"command":{"type":"shell","command":"ls"},"grace_ms":0}`:                 "grace_ms is 0",
		`{"command":{"type":"shell","command":"ls"},"wait_delay_ms":-2}`:           "wait_delay_ms is -2",
		`{"command":{"type":"shell","command":"ls"},"id":"x"}`:                     "id",
		`{"command":{"type":"shell","command":"ls"},"stdin":"","stdin_base64":""}`: "give one",
		`{"command":{"type":"shell","command":"ls"}} {}`:                           "request",
		`{"command":{"type":"bash","command":"ls"}}`:                               "type",
		`{"command":null,"terminal":{"rows":-1}}`:                                  "rows",
		`{"command":null,"terminal":{"rows":70000}}`:                               "rows",
		`{"command":null,"terminal":{"width":80}}`:                                 "width",
		`{"command":null,"terminal":true}`:                                         "terminal",
		`{"command":"ls"}`:                                                         "command",
		`[]`:                                                                       "request",
		`{"command":`:                                                              "request",
		``:                                                                         "request",
	} {
		_, err := engine.ParseRequest([]byte(text))
		if !errors.Is(err, engine.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: want an ErrInvalid about %q, got %v", text, want, err)
		}
	}
}

func TestRequest_NullAndAbsentMeanTheDefault(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, r := scripted(t, engine.Config{}, nil)
		request := play("second")
		command, err := json.Marshal(request.Command)
		if err != nil {
			t.Fatal(err)
		}
		fields := []string{
			"id", "env", "unset_env", "clean_env", "inherit_env", "working_dir", "timeout_ms", "idle_timeout_ms", "queue_timeout_ms", "grace_ms",
			"wait_delay_ms", "stop_signal", "stdin", "stdin_base64", "interactive", "terminal", "kill_mode", "leftovers",
			"no_new_privileges", "output_log_path", "output_log_mode", "success_codes", "secrets", "redact", "limits", "actor", "metadata", "trace",
		}
		text := `{"command":` + string(command)
		for _, name := range fields {
			text += `,"` + name + `":null`
		}
		parsed, err := engine.ParseRequest([]byte(text + "}"))
		if err != nil {
			t.Fatal(err)
		}
		if result := do(t, e, parsed); result.Status != engine.Completed || len(r.Started()) != 1 {
			t.Errorf("want it completed, got %s", result.Status)
		}
		if _, err := engine.ParseRequest([]byte(`{"command":null}`)); err != nil {
			t.Errorf("an absent command is for Execute to refuse, got %v", err)
		}
	})
}

func TestRequest_ReportsEveryFaultAtOnce(t *testing.T) {
	t.Parallel()
	e := open(t, engine.Config{})
	_, err := e.Execute(t.Context(), engine.Request{
		Command: engine.Exec("sh"), WorkingDir: "here", Timeout: -1, Env: map[string]string{"A=B": ""}, StopSignal: "STOP",
		SuccessCodes: []int{-1}, Actor: engine.Actor{Kind: "ghost"}, OutputLogPath: "x.log", Redact: "all", Grace: time.Hour,
		Limits: engine.Limits{OutputBytes: -1, Oversize: "Explode"}, Stdin: []byte("a"), StdinFrom: strings.NewReader("b"),
	})
	for _, part := range []string{
		"here", "timeout_ms", "A=B", "STOP", "success_codes", "ghost", "x.log", "redact", "grace_ms", "output_bytes", "Explode", "StdinFrom",
	} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in %v", part, err)
		}
	}
	wantError(t, "one of them", err, engine.ErrWorkingDir)
}

// Whoever made a request may go on to change its maps.
func TestRequest_IsTheEnginesOwnOnceAccepted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, _ := scripted(t, engine.Config{}, nil)
		request := play("second")
		request.Env = map[string]string{"A": "1"}
		request.Metadata.Tags = map[string]string{"k": "v"}
		request.SuccessCodes = []int{0}
		request.Secrets = []string{"hunter2hunter2"}
		id := start(t, e, request)
		request.Env["A"], request.Metadata.Tags["k"], request.SuccessCodes[0], request.Secrets[0] = "2", "w", 9, "another secret"
		if r := end(t, e, id); !r.Success {
			t.Errorf("want a success, got %s", r.Status)
		}
		if x := get(t, e, id); x.Metadata.Tags["k"] != "v" {
			t.Errorf("want the tag as it was, got %v", x.Metadata.Tags)
		}
	})
}

func TestRequest_SameContentIsTheSameExecution(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, r := scripted(t, engine.Config{}, nil)
		one := play("second")
		one.ID = someID
		one.Env = map[string]string{"A": "1", "B": "2", "C": "3"}
		for range 3 { // while it waits, runs, and when it has ended
			for range 10 {
				if id, err := e.Execute(t.Context(), one); id != someID || err != nil {
					t.Fatalf("want the same execution, got %v, %v", id, err)
				}
			}
			pass(700 * time.Millisecond)
		}
		same := one
		same.Metadata.Tags, same.UnsetEnv, same.Stdin = map[string]string{}, []string{}, []byte{}
		if _, err := e.Execute(t.Context(), same); err != nil {
			t.Errorf("empty for absent: %v", err)
		}
		for name, change := range map[string]func(*engine.Request){
			"another command": func(r *engine.Request) { r.Command = engine.Exec("true") },
			"another env":     func(r *engine.Request) { r.Env = map[string]string{"A": "1"} },
			"another timeout": func(r *engine.Request) { r.Timeout = time.Minute },
			"another actor":   func(r *engine.Request) { r.Actor.Name = "bob" },
			"other secrets":   func(r *engine.Request) { r.Secrets = []string{"hunter2"} },
			"another stdin":   func(r *engine.Request) { r.Stdin = []byte("x") },
		} {
			other := one
			change(&other)
			_, err := e.Execute(t.Context(), other)
			wantError(t, name, err, engine.ErrConflict)
		}
		if n := len(r.Started()); n != 1 {
			t.Errorf("want one start, got %d", n)
		}
	})
}

func FuzzParseRequest(f *testing.F) {
	f.Add(`{"command":{"type":"shell","command":"ls"},"timeout_ms":5000,"env":{"A":"b"},"metadata":{"tags":{"a":"b"}}}`)
	f.Add(`{"id":"019a5c1e-7a4b-7c3d-9e2f-0123456789ab","command":{"type":"aws_cli","service":"s3","operation":"ls"},"stdin_base64":"AP8="}`)
	f.Add(`{"command":{"type":"exec","program":"true"},"limits":{"output_bytes":1,"oversized_output_strategy":"StreamToFile"},"grace_ms":9223372036854775807}`)
	f.Add(`{"command":null,"actor":{"kind":"human"},"success_codes":[0,2]}`)
	f.Fuzz(func(t *testing.T, data string) {
		r, err := engine.ParseRequest([]byte(data))
		if err != nil {
			if !errors.Is(err, engine.ErrInvalid) {
				t.Fatalf("parse %q: %v is no ErrInvalid", data, err)
			}
			return
		}
		once, err := json.Marshal(r)
		if err != nil {
			t.Fatalf("write %q: %v", data, err)
		}
		again, err := engine.ParseRequest(once)
		if err != nil {
			t.Fatalf("parse %s again: %v", once, err)
		}
		if twice, err := json.Marshal(again); err != nil || string(twice) != string(once) {
			t.Fatalf("%s became %s, %v", once, twice, err)
		}
	})
}
