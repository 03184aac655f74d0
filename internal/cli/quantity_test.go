package cli_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/cli"
)

// refused is what a value that is not taken says, and what is advised.
type refused struct{ text, hint string }

func refusal(err error) refused {
	if err == nil {
		return refused{}
	}
	return refused{err.Error(), engine.Hint(err)}
}

func TestParseDuration(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"300ms": 300 * time.Millisecond, "90s": 90 * time.Second, "2m": 2 * time.Minute,
		"1h30m": 90 * time.Minute, "1.5s": 1500 * time.Millisecond,
	} {
		got, err := cli.ParseDuration(text)
		if err != nil || got != want {
			t.Errorf("ParseDuration(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
	for text, want := range map[string]refused{
		"90":   {`"90" has no unit`, "write 90s for seconds, 90ms for milliseconds, 90m for minutes"},
		"0":    {`"0" is not above 0`, "leave it out for the default"},
		"-1s":  {`"-1s" is not above 0`, "leave it out for the default"},
		"1d":   {`"1d" is not a duration`, "write a number and ms, s, m or h: 300ms, 90s, 2m, 1h30m"},
		"":     {`"" is not a duration`, "write a number and ms, s, m or h: 300ms, 90s, 2m, 1h30m"},
		"none": {`"none" is not a duration`, "write a number and ms, s, m or h: 300ms, 90s, 2m, 1h30m"},
	} {
		_, err := cli.ParseDuration(text)
		if diff := cmp.Diff(want, refusal(err), cmp.AllowUnexported(refused{})); diff != "" {
			t.Errorf("ParseDuration(%q) (-want +got):\n%s", text, diff)
		}
	}
}

func TestParseTimeout_KnowsNone(t *testing.T) {
	t.Parallel()
	if got, err := cli.ParseTimeout("none"); err != nil || got != engine.Forever {
		t.Errorf(`ParseTimeout("none") = %v, %v, want Forever`, got, err)
	}
	_, err := cli.ParseTimeout("0s")
	if got, want := refusal(err), (refused{`"0s" is not above 0`, "none sets no limit"}); got != want {
		t.Errorf(`ParseTimeout("0s") says %v, want %v`, got, want)
	}
}

func TestParseSize(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"1": 1, "4096": 4096, "512B": 512, "64KiB": 64 << 10, "1GiB": 1 << 30, "2TiB": 2 << 40,
		"10MB": 10_000_000, "1kB": 1000, "1KB": 1000, "9223372036854775807": math.MaxInt64,
	} {
		got, err := cli.ParseSize(text)
		if err != nil || got != want {
			t.Errorf("ParseSize(%q) = %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", "B", "64K", "64k", "1 GiB", "1.5GiB", "-1", "0", "0KiB", "+", "1e3", "8388608TiB",
		"9223372036854775808", strings.Repeat("9", 200),
	} {
		got, err := cli.ParseSize(text)
		if err == nil || engine.Hint(err) == "" {
			t.Errorf("ParseSize(%q) = %d, %v: want an error with a hint", text, got, err)
		} else if len(err.Error()) > 120 {
			t.Errorf("ParseSize of a long text says %d bytes", len(err.Error()))
		}
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	words := []string{"run", "doctor", "version", "completion", "timeout", "idle-timeout"}
	for text, want := range map[string]string{
		"rnu": "run", "docter": "doctor", "Version": "version", "timout": "timeout", "comp": "completion",
		"": "", "xyzzy": "", "ls": "", "terraform": "",
	} {
		if got := cli.Nearest(text, words); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", text, got, want)
		}
	}
}
