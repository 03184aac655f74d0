package rpc_test

import (
	"encoding/json"
	"strings"
	"testing"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/client"
	"github.com/escher-dbai/cloudops-engine/rpc"
)

// The trace of a caller is in the headers of the call; one that cannot be read is none, and
// no reason to refuse.
func TestExecute_TakesTheTraceOfItsCaller(t *testing.T) {
	t.Parallel()
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	d := open(t, rpc.Config{}, itself)
	const body = `{"command":{"type":"shell","command":"echo \"$TRACEPARENT $TRACESTATE\""}}`
	for what, c := range map[string]struct {
		headers []string
		want    string
	}{
		"a trace":              {[]string{"Traceparent", parent, "Tracestate", "a=b"}, parent + " a=b"},
		"one without more":     {[]string{"Traceparent", parent}, parent + " "},
		"a state too long":     {[]string{"Traceparent", parent, "Tracestate", "a=" + strings.Repeat("b", 600)}, parent + " "},
		"none that can be":     {[]string{"Traceparent", "00-nonsense", "Tracestate", "a=b"}, " "},
		"a state without more": {[]string{"Tracestate", "a=b"}, " "},
	} {
		a := d.ask("POST", service+"Execute", body, append(c.headers, "Content-Type", "application/json")...)
		var out struct{ ID engine.ID }
		if err := json.Unmarshal([]byte(a.body), &out); err != nil {
			t.Fatalf("%s: %d %s, %v", what, a.status, a.body, err)
		}
		r, err := d.Wait(t.Context(), out.ID)
		if err != nil || r.Stdout != c.want+"\n" {
			t.Errorf("%s: the command is told %q, want %q (%v)", what, r.Stdout, c.want, err)
		}
	}
	c, err := client.New(d.url, client.Config{HTTP: d.http})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Shutdown(t.Context()) //nolint:errcheck // it returns nil
	id, err := c.Execute(t.Context(), engine.Request{
		Command: engine.Shell(`echo "$TRACEPARENT $TRACESTATE"`), Trace: engine.Trace{Parent: parent, State: "a=b"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := c.Wait(t.Context(), id); err != nil || r.Stdout != parent+" a=b\n" {
		t.Errorf("by a client: the command is told %q (%v)", r.Stdout, err)
	}
}
