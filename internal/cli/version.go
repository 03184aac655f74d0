package cli

import (
	"cmp"
	"encoding/json"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// build says what this program is made of.
type build struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Modified bool   `json:"modified,omitempty"` // there were changes beyond the commit
	Time     string `json:"time,omitempty"`     // of the commit
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func (p *program) versionCommand() *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use: "version [--json]", Short: "Show the version, the commit and the platform", Args: noArgs,
		RunE: func(*cobra.Command, []string) error { return p.showVersion(asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

func (p *program) showVersion(asJSON bool) error {
	b := p.build()
	if asJSON {
		return json.NewEncoder(p.stdout).Encode(b)
	}
	say(p.stdout, "cloudops %s\n", b.Version)
	if b.Commit != "" {
		modified := ""
		if b.Modified {
			modified = ", modified"
		}
		say(p.stdout, "commit   %s%s\n", b.Commit, modified)
	}
	say(p.stdout, "go       %s\nplatform %s\n", b.Go, b.Platform)
	return nil
}

// build is what the linker stamped, else what the go command recorded.
func (p *program) build() build {
	b := build{Version: p.version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	recorded, ok := debug.ReadBuildInfo()
	if !ok {
		b.Version = cmp.Or(b.Version, "unknown")
		return b
	}
	b.Version = cmp.Or(b.Version, recorded.Main.Version, "(devel)")
	for _, s := range recorded.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.time":
			b.Time = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}
