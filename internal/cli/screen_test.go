package cli_test

import (
	"strings"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/cli"
	"github.com/escher-dbai/cloudops-engine/internal/process"
)

func TestTop_ShowsWhatFits(t *testing.T) {
	t.Parallel()
	all := someExecutions(t)[:2]
	all[0], all[1] = all[1], all[0]
	all[1].QueuePosition = 1
	frame := cli.Frame(all, []string{"aws_instance.web: Still creating... [50s elapsed]", ""}, 0, [2]int{80, 6}, now())
	want := []string{
		"cloudops  1 running, 1 waiting  12:00:00",
		"ID             STATUS    TIME  COMMAND               LAST LINE",
		"\x1b[7m01a20872-1001  running  1m02s  terraform apply -au…  aws_instance.web: Still cr…\x1b[0m",
		"01a20872-167f  pending     #1  make deploy",
		"",
		"↑↓ select  ⏎ output  c cancel  K kill  q quit",
	}
	wantText(t, "the screen", strings.Join(want, "\n"), strings.Join(frame, "\n"))

	for _, size := range [][2]int{{80, 24}, {40, 10}, {20, 5}, {5, 3}, {1, 1}, {300, 2}} {
		many := make([]engine.Execution, 100)
		for i := range many {
			many[i] = all[i%2]
			many[i].ID[15] = byte(i)
			many[i].Command = "東京 apply and apply and apply"
		}
		for _, selected := range []int{0, 50, 99} {
			frame := cli.Frame(many, make([]string, 100), selected, size, now())
			if len(frame) != size[1] {
				t.Errorf("at %v: %d lines", size, len(frame))
			}
			shown := size[1] < 4
			for _, line := range frame {
				shown = shown || strings.Contains(line, "\x1b[7m")
				line = strings.NewReplacer("\x1b[7m", "", "\x1b[0m", "").Replace(line)
				if n := cli.Columns(line); n > size[0] {
					t.Errorf("at %v: %q has %d columns", size, line, n)
				}
			}
			if !shown {
				t.Errorf("at %v: the selected row, %d, is not shown", size, selected)
			}
		}
	}
	none := cli.Frame(nil, nil, 0, [2]int{80, 4}, now())
	wantText(t, "an empty screen", "cloudops  0 running, 0 waiting  12:00:00", none[0])
}

func TestTop_TellsKeysApart(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{
		"\x1b[A\x1b[B": "\x1b[A", "qj": "q", "\x1b": "\x1b", "\x1bOAx": "\x1bOA", "\x1b[1;5Cq": "\x1b[1;5C", "\x1b[": "\x1b",
	} {
		wantText(t, "the first key", want, cli.FirstKey([]byte(typed)))
	}
}

func TestTop_TellsWhatIsUsedWhereThatIsKnown(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	first := h.start("sleep 100")
	h.until(func() bool { return strings.Contains(h.says(0, "top", "--once").stdout, "running") })
	if got := h.says(0, "top", "--once").stdout; strings.Contains(got, "CPU") {
		t.Errorf("nobody knows what it uses, and still there is\n%s", got)
	}
	h.start("sleep 100")
	h.until(func() bool { return strings.Count(h.says(0, "top", "--once").stdout, "running") == 2 })
	h.loads = map[engine.ID]process.Load{first: {Processes: 1, CPUTime: 24 * time.Hour, MemoryBytes: 3 << 20}}
	got := h.says(0, "top", "--once").stdout
	wantHas(t, "top", got, "CPU   MEMORY  COMMAND", "%  3.0 MiB  sh -c 'sleep 100'\n", " -        -  sh -c 'sleep 100'\n")
}
