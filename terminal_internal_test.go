package engine

import (
	"slices"
	"testing"

	"github.com/escher-dbai/cloudops-engine/internal/process"
)

// A cloud tool on a terminal knows what kind it is, and still neither pages nor
// prompts; how it is stopped is its own matter.
func TestOnTerminal_LeavesCloudToolsAsTheyAre(t *testing.T) {
	t.Parallel()
	if !process.Terminals {
		t.Skip(process.ErrNoTerminals)
	}
	for _, c := range []struct {
		command    Command
		stopSignal string
	}{
		{AWS("s3", "ls"), "HUP"}, {Gcloud("info"), "HUP"}, {Az("vm", "list"), "HUP"}, {Kubectl("get", "pods"), "HUP"}, {Terraform("apply"), "INT"},
	} {
		plain, err := c.command.invocation("")
		if err != nil {
			t.Fatal(err)
		}
		got := plain.onTerminal()
		want := slices.Clone(plain.env)
		want[slices.Index(want, "TERM=dumb")] = "TERM=xterm-256color"
		if !slices.Equal(want, got.env) || got.stopSignal != c.stopSignal || !slices.Contains(plain.env, "TERM=dumb") {
			t.Errorf("%s: want %q and %s, got %q and %s", c.command, want, c.stopSignal, got.env, got.stopSignal)
		}
	}
}
