package cli_test

import (
	"strings"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/cli"
)

// now is when the tables here are looked at.
func now() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }

func someExecutions(t *testing.T) []engine.Execution {
	t.Helper()
	one := func(id string, s engine.Status, ago, took time.Duration, code int, command string) engine.Execution {
		parsed, err := engine.ParseID(id)
		if err != nil {
			t.Fatal(err)
		}
		x := engine.Execution{ID: parsed, Status: s, AcceptedAt: now().Add(-ago), Duration: took, ExitCode: code, Command: command}
		if took > 0 {
			x.StartedAt = x.AcceptedAt
		}
		return x
	}
	return []engine.Execution{
		one("01a20872-167f-7695-8740-38c3e13f16eb", engine.Pending, 900*time.Millisecond, 0, -1, "make deploy"),
		one("01a20872-1001-7695-8740-38c3e13f16eb", engine.Running, 62*time.Second, 61*time.Second, -1, "terraform apply -auto-approve -var-file production.tfvars"),
		one("01a20870-0000-7695-8740-38c3e13f16eb", engine.Completed, 3*time.Hour, 420*time.Millisecond, 0, "kubectl get pods"),
		one("01a10000-0000-7695-8740-38c3e13f16eb", engine.Failed, 50*time.Hour, 26*time.Hour, 127, "sh -c 'echo hi\n\x1b[2Jecho 東京'"),
		one("01900000-0000-7695-8740-38c3e13f16eb", engine.AwaitingApproval, 800*time.Hour, 0, -1, "rm"),
	}
}

func TestTable_FitsTheTerminal(t *testing.T) {
	t.Parallel()
	for width, want := range map[int]string{
		80: `
ID             STATUS             AGE   TIME  EXIT  COMMAND
01a20872-167f  pending             0s      -     -  make deploy
01a20872-1001  running             1m  1m02s     -  terraform apply -auto-appro…
01a20870-0000  completed           3h  420ms     0  kubectl get pods
01a10000-0000  failed              2d  1d02h   127  sh -c 'echo hi⏎␛[2Jecho 東…
01900000-0000  awaiting_approval  33d      -     -  rm`,
		60: `
ID             STATUS             AGE  COMMAND
01a20872-167f  pending             0s  make deploy
01a20872-1001  running             1m  terraform apply -aut…
01a20870-0000  completed           3h  kubectl get pods
01a10000-0000  failed              2d  sh -c 'echo hi⏎␛[2Je…
01900000-0000  awaiting_approval  33d  rm`,
		20: `
ID             STAT…
01a20872-167f  pend…
01a20872-1001  runn…
01a20870-0000  comp…
01a10000-0000  fail…
01900000-0000  awai…`,
		0: `
ID                                    STATUS             ACCEPTED                 TIME  EXIT  COMMAND
01a20872-167f-7695-8740-38c3e13f16eb  pending            2026-11-23T11:59:59Z        -     -  make deploy
01a20872-1001-7695-8740-38c3e13f16eb  running            2026-11-23T11:58:58Z     1m2s     -  terraform apply -auto-approve -var-file production.tfvars
01a20870-0000-7695-8740-38c3e13f16eb  completed          2026-11-23T09:00:00Z    420ms     0  kubectl get pods
01a10000-0000-7695-8740-38c3e13f16eb  failed             2026-11-21T10:00:00Z  26h0m0s   127  sh -c 'echo hi⏎␛[2Jecho 東京'
01900000-0000-7695-8740-38c3e13f16eb  awaiting_approval  2026-10-21T04:00:00Z        -     -  rm`,
	} {
		got := cli.Table(someExecutions(t), now(), width)
		for _, line := range got {
			if n := cli.Columns(line); width > 0 && n > width {
				t.Errorf("at %d: %q has %d columns", width, line, n)
			}
		}
		wantText(t, "the table", want, "\n"+strings.Join(got, "\n"))
	}
}

func TestTable_ShowsAsMuchOfAnIDAsTellsItApart(t *testing.T) {
	t.Parallel()
	all := someExecutions(t)[:2]
	all[1].ID = all[0].ID
	all[1].ID[15]++
	got := cli.Table(all, now(), 120)
	if !strings.HasPrefix(got[1], all[0].ID.String()+"  pending") || !strings.HasPrefix(got[2], all[1].ID.String()+"  running") {
		t.Errorf("ids that differ at the end:\n%s", strings.Join(got, "\n"))
	}
}

func TestQuantities_AreShort(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		-1: "0s", 0: "0ms", 999 * time.Millisecond: "999ms", 1300 * time.Millisecond: "1.3s", 59 * time.Second: "59s",
		90 * time.Second: "1m30s", 3 * time.Hour: "3h00m", 49 * time.Hour: "2d01h", 1000 * 24 * time.Hour: "1000d00h",
	} {
		wantText(t, d.String(), want, cli.Brief(d))
	}
	for d, want := range map[time.Duration]string{-time.Hour: "0s", 59 * time.Second: "59s", 47 * time.Hour: "47h", 48 * time.Hour: "2d"} {
		wantText(t, d.String(), want, cli.Age(now().Add(-d), now()))
	}
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1536: "1.5 KiB", 1 << 41: "2.0 TiB", 1 << 52: "4096.0 TiB"} {
		wantText(t, "size", want, cli.SizeText(n))
	}
}

func TestCut_CountsColumnsAndNotBytes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text, want string
		width      int
	}{
		{"abc", "abc", 3},
		{"abcd", "ab…", 3},
		{"abcd", "…", 1},
		{"abcd", "", 0},
		{"東京都", "東…", 4},
		{"東京都", "東京都", 6},
		{"東京都", "東…", 3},
		{"e\u0301e\u0301e\u0301", "e\u0301…", 2},
	} {
		got := cli.Cut(c.text, c.width)
		wantText(t, c.text, c.want, got)
		if n := cli.Columns(got); n > c.width {
			t.Errorf("%q has %d columns, more than %d", got, n, c.width)
		}
	}
	wantText(t, "one line", "a⏎b c␛[31m␀␡\ufffd\ufffd", cli.OneLine("a\nb\tc\x1b[31m\x00\x7f\u009b\u202e"))
}

func TestParseWhen_TakesAgesAndTimes(t *testing.T) {
	t.Parallel()
	for text, ago := range map[string]time.Duration{"90s": 90 * time.Second, "2h": 2 * time.Hour, "0s": 0, "3d": 72 * time.Hour} {
		got, err := cli.ParseWhen(text)
		if off := time.Since(got) - ago; err != nil || off < -2*time.Hour || off > 2*time.Hour {
			t.Errorf("%s is %v, %v", text, got, err)
		}
	}
	for text, want := range map[string]time.Time{
		"2026-11-23T07:30:00Z": time.Date(2026, 11, 23, 7, 30, 0, 0, time.UTC),
		"2026-11-23":           time.Date(2026, 11, 23, 0, 0, 0, 0, time.Local),
		"2026-11-23 07:30":     time.Date(2026, 11, 23, 7, 30, 0, 0, time.Local),
	} {
		if got, err := cli.ParseWhen(text); err != nil || !got.Equal(want) {
			t.Errorf("%s is %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "5", "-3h", "soon", "2026-13-01", "-1d"} {
		if got, err := cli.ParseWhen(text); err == nil {
			t.Errorf("%q is %v, want an error", text, got)
		}
	}
}
