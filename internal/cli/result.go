package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	engine "github.com/escher-dbai/cloudops-engine"
)

func (p *program) resultCommand() *cobra.Command {
	c := &idsCommand{program: p}
	cmd := p.idArgs(&cobra.Command{
		Use: "result [--json] ID…", Short: "Say how an execution ended",
		Long: `With --json its output is there as well, as far as it is kept; else cloudops logs
shows it. One that has not ended is an error: cloudops wait waits for it.`,
		Example: `  cloudops result @last
  cloudops result --json @last | jq -r .stdout`,
		RunE: func(cmd *cobra.Command, args []string) error {
			first := true
			return p.each(cmd.Context(), args, func(ctx context.Context, d stateDir, id engine.ID) error {
				r, err := d.Result(ctx, id)
				switch {
				case errors.Is(err, engine.ErrNotFinished):
					return engine.Advise(err, "cloudops wait %s waits for it", id)
				case err != nil:
					return err
				case c.json:
					return writeJSON(p.stdout, r)
				case !first:
					say(p.stdout, "\n")
				}
				first = false
				showResult(p.stdout, styleOf(p.stdout, p.noColour), &r, time.Now())
				return nil
			})
		},
	}, needIDs)
	cmd.Flags().BoolVar(&c.json, "json", false, "one JSON object a line for each, output included")
	return cmd
}

// showResult shows how one ended; its output is for logs.
func showResult(w io.Writer, s style, r *engine.Result, now time.Time) {
	var f facts
	f.add("id", r.ID.String())
	f.add("status", s.status(r.Status)(string(r.Status)))
	f.add("cause", string(r.Cause))
	if r.ExitCode >= 0 {
		f.add("exit code", fmt.Sprint(r.ExitCode))
	}
	f.add("signal", r.Signal)
	f.add("error", oneLine(r.Error))
	f.add("cancelled by", actorText(r.CancelledBy))
	f.add("started", moment(r.StartedAt, now))
	f.add("ended", moment(r.CompletedAt, now))
	if !r.StartedAt.IsZero() {
		f.add("ran for", brief(r.Duration))
		f.add("cpu time", fmt.Sprintf("%s user, %s system", brief(r.Usage.UserTime), brief(r.Usage.SystemTime)))
	}
	if r.Usage.PeakBytes > 0 {
		f.add("peak memory", sizeText(r.Usage.PeakBytes))
	}
	f.add("stdout", written(r.Output.StdoutBytes, r.Output.StdoutLines, r.Output.StdoutOmittedBytes))
	f.add("stderr", written(r.Output.StderrBytes, r.Output.StderrLines, r.Output.StderrOmittedBytes))
	f.add("limits hit", strings.Join(r.LimitsHit, " "))
	f.add("not enforced", strings.Join(r.Unenforced, " "))
	f.add("contained by", r.Containment)
	for _, left := range r.Survivors {
		f.add("lives on", fmt.Sprintf("process %d (%s)", left.Pid, oneLine(left.Command)))
	}
	f.add("log", r.LogPath)
	f.add("log error", oneLine(r.LogError))
	f.write(w)
}

// written is how much a stream has.
func written(bytes, lines, omitted int64) string {
	text := fmt.Sprintf("%s in %s", sizeText(bytes), counted(lines, "line", "lines"))
	if omitted > 0 {
		text += fmt.Sprintf("; %s of it are not kept", sizeText(omitted))
	}
	return text
}

// sizeText is a number of bytes for people.
func sizeText(n int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	size, unit := float64(n), units[0]
	for _, next := range units[1:] {
		if size < 1024 {
			break
		}
		size, unit = size/1024, next
	}
	if unit == "B" {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", size, unit)
}
