package sidecar_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/gen/cloudops/v1/cloudopsv1connect"
	"github.com/escher-dbai/cloudops-engine/sidecar"
)

func TestServe_SaysHelloFirst(t *testing.T) {
	t.Parallel()
	h := start(t, func(c *sidecar.Config) { c.Quiet = false })
	f := h.frame()
	var hello struct {
		Protocol                                    int
		Version, Platform, Instance, Engine, OnExit string
		PID                                         int
		Methods                                     []string
		Limits                                      map[string]int
		Capabilities                                *engine.Capabilities
	}
	if err := json.Unmarshal([]byte(strings.ReplaceAll(string(f.Params), "on_exit", "OnExit")), &hello); err != nil {
		t.Fatal(err)
	}
	if f.Method != "hello" || hello.Protocol != sidecar.Protocol || hello.Version != "v1.2.3" || hello.Engine != "process" ||
		hello.OnExit != "cancel" || hello.PID == 0 || len(hello.Instance) < 20 || hello.Capabilities == nil {
		t.Errorf("hello is %s", f.Params)
	}
	if !slices.Contains(hello.Methods, "Execute") || !slices.IsSorted(hello.Methods) {
		t.Errorf("methods are %v", hello.Methods)
	}
	if hello.Limits["frame_bytes"] != 4<<20 || hello.Limits["window"] != 16 {
		t.Errorf("limits are %v", hello.Limits)
	}
}

// Whatever comes in is answered, and the next thing too.
func TestServe_AnswersWhatIsNoRequest(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		`{`:                                    "null -32700 invalid_json",
		`hello`:                                "null -32700 invalid_json",
		"{\"a\":\"\xff\"}":                     "null -32700 invalid_json",
		`"text"`:                               "null -32600 invalid_request",
		`17`:                                   "null -32600 invalid_request",
		`{}`:                                   "null -32600 invalid_request",
		`{"jsonrpc":"2.0","id":1}`:             "1 -32600 invalid_request",
		`{"jsonrpc":"2.0","id":1,"method":7}`:  "1 -32600 invalid_request",
		`{"jsonrpc":"2.0","id":1,"method":""}`: "1 -32600 invalid_request",
		`{"jsonrpc":"1.0","id":1,"method":"Ping"}`:                                                 "1 -32600 invalid_request",
		`{"id":1,"method":"Ping"}`:                                                                 "1 -32600 invalid_request",
		`{"jsonrpc":"2.0","id":[],"method":"Ping"}`:                                                "null -32600 invalid_request",
		`{"jsonrpc":"2.0","id":null,"method":"Ping"}`:                                              "null -32600 invalid_request",
		`{"jsonrpc":"2.0","id":"` + strings.Repeat("x", 300) + `","method":"Ping"}`:                "null -32600 invalid_request",
		`{"jsonrpc":"2.0","id":1,"method":"Fly"}`:                                                  `1 -32601 unknown_method`,
		`{"jsonrpc":"2.0","id":1,"method":"ping"}`:                                                 `1 -32601 unknown_method`,
		`{"jsonrpc":"2.0","id":"a","method":"Get","params":[1]}`:                                   `"a" -32602 invalid`,
		`{"jsonrpc":"2.0","id":"a","method":"Get","params":{"Id":"x"}}`:                            `"a" -32602 invalid`,
		`{"jsonrpc":"2.0","id":"a","method":"Get","params":{"id":7}}`:                              `"a" -32602 invalid`,
		`{"jsonrpc":"2.0","id":"a","method":"Ping","params":{"id":7}}`:                             `"a" -32602 invalid`,
		`{"jsonrpc":"2.0","id":"a","method":"Unwatch","params":{"subscription":"1"}}`:              `"a" -32602 invalid`,
		`{"jsonrpc":"2.0","id":"a","method":"Unwatch"}`:                                            `"a" -32602 invalid`,
		`{"jsonrpc":"2.0","id":"a","method":"Get","params":{"id":"x"}}`:                            `"a" -32000 invalid`,
		`{"jsonrpc":"2.0","id":1.5,"method":"Get","params":{"id":"` + nobody + `"}}`:               `1.5 -32000 not_found`,
		`{"jsonrpc":"2.0","id":1,"method":"Watch","params":{}}`:                                    `1 -32000 invalid`,
		`{"jsonrpc":"2.0","id":1,"method":"Execute","params":{"command":{"type":"magic"}}}`:        `1 -32000 invalid_command`,
		`{"jsonrpc":"2.0","id":1,"method":"Execute","params":{"cmd":{}}}`:                          `1 -32602 invalid`,
		`{"jsonrpc":"2.0","id":"\u0061","method":"Get","params":{"id":"` + nobody + `"},"more":1}`: `"a" -32000 not_found`,
		`[]`:                                   "null -32600 invalid_request",
		`[1,`:                                  "null -32700 invalid_json",
		"[\"\xff":                              "null -32700 invalid_json",
		`[` + strings.Repeat("1,", 100) + `1]`: "null -32600 invalid_request",
	} {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			h := start(t)
			h.write(line)
			f := h.frame()
			if f.Error == nil {
				t.Fatalf("%s is answered with %+v", line, f)
			}
			id := string(f.ID)
			if got := fmt.Sprintf("%s %d %s", id, f.Error.Code, f.Error.Data.Code); got != want {
				t.Errorf("%s is answered with %s, want %s: %s", line, got, want, f.Error.Message)
			}
			if f.Error.Message == "" || f.Error.Message != f.Error.Data.Message {
				t.Errorf("%s: message %q, and in data %q", line, f.Error.Message, f.Error.Data.Message)
			}
			h.call(nil, "Ping", "{}")
		})
	}
}

const nobody = "019a5c1e-7a4b-7c3d-9e2f-0123456789ab"

func TestServe_PassesOverAFrameAboveTheLimit(t *testing.T) {
	t.Parallel()
	h := start(t)
	for _, size := range []int{4<<20 + 1, 5 << 20} {
		h.writing(strings.Repeat("x", size))
		f := h.frame()
		if f.Error == nil || f.Error.Code != -32600 || string(f.ID) != "null" || f.Error.Data.Hint == "" {
			t.Errorf("a frame of %d bytes is answered with %+v", size, f)
		}
	}
	pad := strings.Repeat(" ", 4<<20-len(`{"jsonrpc":"2.0","id":1,"method":"Ping"}`))
	h.writing(`{"jsonrpc":"2.0","id":1,"method":"Ping"` + pad + `}` + "\r")
	if f := h.frame(); f.Error != nil {
		t.Errorf("a frame of the limit is answered with %+v", f.Error)
	}
}

// A batch has its answers in one array; what wants none has none.
func TestServe_AnswersBatches(t *testing.T) {
	t.Parallel()
	h := start(t)
	h.write(`[{"jsonrpc":"2.0","id":1,"method":"Ping"},{"jsonrpc":"2.0","method":"Ping"},{"jsonrpc":"2.0","id":"b","method":"Fly"},7,` +
		`{"jsonrpc":"2.0","method":"ack","params":{}},{"command":{}},{"jsonrpc":"2.0","method":"Fly"}]`)
	var got []frame
	if err := json.Unmarshal([]byte(h.line()), &got); err != nil {
		t.Fatal(err)
	}
	if len(got) != 4 || string(got[0].ID) != "1" || string(got[0].Result) != "{}" || got[1].Error.Code != -32601 ||
		got[2].Error.Code != -32600 || got[3].Error.Code != -32600 {
		t.Errorf("the batch is answered with %+v", got)
	}
	id := h.shell("sleep 100")
	h.write(fmt.Sprintf(`[{"jsonrpc":"2.0","id":1,"method":"Watch","params":{"executions":[{"id":%q}]}},`, id) +
		`{"jsonrpc":"2.0","id":2,"method":"Unwatch","params":{"subscription":1}}]`)
	if got := h.line(); got != `[{"jsonrpc":"2.0","id":1,"result":{"subscription":1}},{"jsonrpc":"2.0","id":2,"result":{}}]` {
		t.Errorf("to watch and to stop it is answered with %s", got)
	}
	h.write(`[{"jsonrpc":"2.0","method":"Ping"}]`, "", " \r", `{"jsonrpc":"2.0","method":"Ping"}`, `{"jsonrpc":"2.0","method":"Fly"}`)
	h.call(nil, "Ping", "{}")
}

// An id that is in use is refused, and goes on to be that of the first.
func TestServe_RefusesAnIDInUse(t *testing.T) {
	t.Parallel()
	h := start(t)
	id := h.shell("sleep 100")
	h.write(
		fmt.Sprintf(`{"jsonrpc":"2.0","id":"same","method":"Wait","params":{"id":%q}}`, id),
		`{"jsonrpc":"2.0","id":"same","method":"Ping"}`,
	)
	if f := h.frame(); f.Error == nil || f.Error.Code != -32600 || string(f.ID) != "null" {
		t.Errorf("the second is answered with %+v", f)
	}
	h.write(`{"jsonrpc":"2.0","method":"abort","params":{"id":"same"}}`)
	if f := h.frame(); string(f.ID) != `"same"` || f.Error == nil || f.Error.Data.Code != "canceled" {
		t.Errorf("the first, broken off, is answered with %+v", f)
	}
	h.write(`{"jsonrpc":"2.0","id":"same","method":"Ping"}`)
	if f := h.frame(); f.Error != nil {
		t.Errorf("the id is free, and refused: %+v", f.Error)
	}
}

// Keys that are typed faster than they are answered arrive in their order.
func TestServe_KeepsWritesToStdinInOrder(t *testing.T) {
	t.Parallel()
	h := start(t)
	var out struct{ ID string }
	h.call(&out, "Execute", `{"command":{"type":"exec","program":"cat"},"interactive":true}`)
	want := ""
	const n = 200
	typed := ""
	for i := range n {
		typed += fmt.Sprintf(`{"jsonrpc":"2.0","id":"%d","method":"WriteStdin","params":{"id":%q,"data":%q}}`+"\n", i, out.ID, "MDEyMzQ1Njc4OQ=="[:4+4*(i%3)])
		want += "0123456789"[:3+3*(i%3)]
	}
	h.writing(typed + fmt.Sprintf(`{"jsonrpc":"2.0","id":"c","method":"CloseStdin","params":{"id":%q}}`, out.ID))
	for range n + 1 {
		if f := h.frame(); f.Error != nil {
			t.Fatal(f.Error.Message)
		}
	}
	var ended struct{ Result struct{ Stdout string } }
	h.call(&ended, "Wait", `{"id":%q}`, out.ID)
	if ended.Result.Stdout != want {
		t.Errorf("it read %q, want %q", ended.Result.Stdout, want)
	}
}

// A call that waits holds up none that does not, and as many as there may be leave the
// next one refused.
func TestServe_BoundsWhatIsUnanswered(t *testing.T) {
	t.Parallel()
	h := start(t)
	id := h.shell("sleep 100")
	for range 1000 {
		h.ask("Wait", `{"id":%q,"wait_ms":60000}`, id)
	}
	last := h.ask("Ping", "{}")
	if f := h.answer(last); f.Error == nil || f.Error.Data.Code != "busy" || !f.Error.Data.Retryable {
		t.Errorf("one more is answered with %+v", f)
	}
	h.write(`{"jsonrpc":"2.0","method":"abort","params":{"id":5}}`)
	if f := h.answer("5"); f.Error == nil {
		t.Error("it was not broken off")
	}
	h.call(nil, "Ping", "{}")
}

// What a plan would run is said, and nothing runs.
func TestServe_ChecksAPlan(t *testing.T) {
	t.Parallel()
	h := start(t)
	const plan = `{"request":{"command":{"type":"plan","commands":[{"type":"shell","command":"true"%s}]}}}`
	var checked struct {
		Steps []struct {
			Name, Command string
		}
		Faults []struct{ Path string }
	}
	h.call(&checked, "CheckPlan", plan, "")
	if len(checked.Steps) != 1 || checked.Steps[0].Name != "command-0" {
		t.Errorf("a plan: %+v", checked)
	}
	h.call(&checked, "CheckPlan", plan, `,"depends_on":["z"]`)
	if len(checked.Faults) != 1 || checked.Faults[0].Path != "/commands/0/depends_on/0" {
		t.Errorf("one with a fault: %+v", checked)
	}
	if stats, err := h.Stats(t.Context()); err != nil || stats.Accepted != 0 {
		t.Errorf("%+v, %v", stats, err)
	}
}

// A call that goes wrong inside is answered, and the next one too.
func TestServe_SurvivesAPanic(t *testing.T) {
	t.Parallel()
	h := start(t, func(c *sidecar.Config) { c.Service = &panicking{} })
	f := h.answer(h.ask("Stats", "{}"))
	if f.Error == nil || f.Error.Code != -32603 || f.Error.Data.Code != "internal" {
		t.Errorf("it is answered with %+v", f)
	}
	h.call(nil, "Ping", "{}")
}

// panicking is a service that has nobody behind it.
type panicking struct {
	cloudopsv1connect.ExecutionServiceHandler
}
