package cli_test

import (
	"errors"
	"strings"
	"testing"

	engine "github.com/escher-dbai/cloudops-engine"
)

func TestPs_ShowsWhatRunsAndWithAllWhatHasEnded(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	done := h.did("exit 3")
	path, open := h.gate()
	defer open()
	runs := h.start("until [ -e "+path+" ]; do sleep 0.01; done", func(r *engine.Request) { r.Metadata.Tags = map[string]string{"team": "data"} })
	h.until(func() bool { s, _ := h.Status(t.Context(), runs); return s == engine.Running })
	h.until(func() bool { return strings.Contains(h.says(0, "ps").stdout, "running") })

	wantText(t, "ps -q", runs.String()+"\n", h.says(0, "ps", "-q").stdout)
	wantText(t, "ps -aq", runs.String()+"\n"+done.String()+"\n", h.says(0, "ps", "-aq").stdout)
	wantText(t, "by tag", runs.String()+"\n", h.says(0, "ps", "-aq", "--filter", "tag=team=data").stdout)
	wantText(t, "by exit code", done.String()+"\n", h.says(0, "ps", "-aq", "--filter", "exit=3", "--filter", "since=1h").stdout)
	wantText(t, "by status", done.String()+"\n", h.says(0, "ps", "-q", "--filter", "status=failed,lost").stdout)
	page := parse[engine.Page](t, h.says(0, "ps", "-a", "--json").stdout)
	if len(page.Executions) != 2 || page.Executions[0].ID != runs || page.Executions[1].ExitCode != 3 {
		t.Errorf("ps -a --json: %+v", page)
	}
	limited := h.says(0, "ps", "-a", "--limit", "1", "-q")
	wantText(t, "ps --limit 1", runs.String()+"\n", limited.stdout)
	wantHas(t, "ps --limit 1", limited.stderr, "note: these are the newest 1;")
	if got := h.says(0, "ps", "--filter", "program=none", "--json").stdout; got != `{"executions":[]}`+"\n" {
		t.Errorf("an empty list is %q", got)
	}

	faults := h.says(125, "ps", "--filter", "stauts=running", "--filter", "exit=x", "--filter", "tag", "--limit", "0")
	wantHas(t, "faults", faults.stderr, "error: --filter:", "hint: did you mean status?", `error: --filter exit: "x" is no exit code`, "error: --filter: tag has no value")
}

func TestIDs_MayBeShortAndAreListedWhereTheyAreAmbiguous(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	wantHas(t, "nothing yet", h.says(123, "status", "@last").stderr, "error: there is no execution yet\nhint: cloudops run -- PROGRAM makes one\n")
	named := func(id string) func(*engine.Request) {
		return func(r *engine.Request) { r.ID, _ = engine.ParseID(id) }
	}
	h.did("echo first", named("aaaaaaaa-0000-7000-8000-000000000001"))
	h.did("echo second", named("aaaaaaaa-0000-7000-8000-000000000002"))
	third := h.did("echo third", named("abaaaaaa-0000-7000-8000-000000000003"))

	for _, name := range []string{"ab", "ABAAAAAA-0", "@last", third.String()} {
		wantText(t, name, "third\n", h.says(0, "logs", name).stdout)
	}
	wantText(t, "@last-2", "first\n", h.says(0, "logs", "@last-2").stdout)
	several := h.says(125, "logs", "aaaa")
	wantHas(t, "ambiguous", several.stderr, "error: several executions begin with aaaa\nhint: write more of one of these:\n",
		"\n  aaaaaaaa-0000-7000-8000-000000000002  completed  sh -c 'echo second'\n", "8000-000000000001  completed")
	for _, name := range []string{"ffff", "@last-3", "@lst", "xyz", "@last+1", "11111111-0000-7000-8000-000000000001"} {
		if got := h.says(123, "status", name); !strings.HasPrefix(got.stderr, "error: ") || !strings.Contains(got.stderr, "\nhint: ") {
			t.Errorf("%s: %q", name, got.stderr)
		}
	}
	both := h.says(123, "status", "fffe", "ffff")
	wantHas(t, "two that are not there", both.stderr, "no execution fffe", "no execution ffff")
	wantHas(t, "none", h.says(125, "cancel").stderr, "error: cancel needs the id of an execution")
	wantHas(t, "two for one", h.says(125, "attach", "aa", "ab").stderr, "error: attach takes one execution")
}

func TestResult_TellsHowItEnded(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	id := h.did("echo out; echo err >&2; exit 3")
	r := parse[engine.Result](t, h.says(0, "result", "--json", id.String()).stdout)
	if r.Stdout != "out\n" || r.Stderr != "err\n" || r.ExitCode != 3 {
		t.Errorf("result --json: %+v", r)
	}
	wantHas(t, "result", h.says(0, "result", "@last").stdout, "status        failed\n", "cause         exit\n", "exit code     3\n", "stdout        4 B in 1 line\n")
	x := parse[engine.Execution](t, h.says(0, "status", "--json", "@last").stdout)
	if x.ID != id || x.ExitCode != 3 {
		t.Errorf("status --json: %+v", x)
	}
	wantHas(t, "status", h.says(0, "status", "@last").stdout, "status     failed\n", "exit code  3\n", "command    sh -c ")

	path, open := h.gate()
	defer open()
	runs := h.start("until [ -e " + path + " ]; do sleep 0.01; done")
	got := h.says(125, "result", runs.String())
	wantHas(t, "result of one that runs", got.stderr, "error: execution has not finished", "hint: cloudops wait "+runs.String())
}

func TestWait_ExitsAsTheExecutionDidWhereThatIsAskedFor(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	well, badly := h.did("exit 0"), h.did("exit 3")
	got := h.says(0, "wait", well.String(), badly.String())
	wantHas(t, "wait", got.stdout, well.String()+"  completed, exit code 0 after ", badly.String()+"  failed, exit code 3 after ")
	h.says(3, "wait", "--exit-status", "-q", well.String(), badly.String())
	h.says(0, "wait", "--exit-status", well.String())
	r := parse[engine.Result](t, h.says(0, "wait", "--json", "@last").stdout)
	if r.ID != badly {
		t.Errorf("wait --json: %+v", r)
	}

	path, open := h.gate()
	defer open()
	runs := h.start("until [ -e " + path + " ]; do sleep 0.01; done; exit 9")
	got = h.says(124, "wait", "--timeout", "20ms", runs.String())
	wantHas(t, "wait --timeout", got.stderr, "error: not all have ended within 20ms")
	open()
	h.says(9, "wait", "--exit-status", runs.String())
}

func TestCancel_EndsWhatRuns(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	id := h.start("sleep 100")
	wantText(t, "cancel", id.String()+"\n", h.says(0, "cancel", "--actor", "human:ada", "@last").stdout)
	r, err := h.Wait(t.Context(), id)
	if err != nil || r.Status != engine.Cancelled || r.CancelledBy.Name != "ada" {
		t.Errorf("it ended as %+v, %v", r, err)
	}
	h.ended(id)
	again := h.says(0, "cancel", "@last")
	wantHas(t, "cancel again", again.stderr, "note: "+id.String()+" has ended already")
	stubborn := h.start("trap '' TERM; echo ready; while :; do sleep 0.01; done")
	h.until(func() bool { return h.says(0, "logs", stubborn.String()).stdout == "ready\n" })
	h.says(0, "cancel", "--force", stubborn.String())
	if r, err := h.Wait(t.Context(), stubborn); err != nil || r.Signal != "KILL" {
		t.Errorf("it ended as %+v, %v", r, err)
	}
}

func TestRm_AndPruneForgetWhatHasEnded(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	path, open := h.gate()
	defer open()
	runs := h.start("until [ -e " + path + " ]; do sleep 0.01; done")
	for range 5 {
		h.did("exit 0")
	}
	failed := h.did("exit 1")

	wantHas(t, "rm of one that runs", h.says(125, "rm", runs.String()).stderr, "hint: cloudops cancel "+runs.String())
	wantText(t, "rm", failed.String()+"\n", h.says(0, "rm", "@last").stdout)
	wantHas(t, "rm again", h.says(123, "rm", failed.String()).stderr, "no longer kept")

	wantHas(t, "prune of nothing", h.says(125, "prune", "-y").stderr, "error: nothing says what to forget")
	wantHas(t, "prune without a terminal", h.says(125, "prune", "--keep", "1").stderr, "nobody can be asked\nhint: --yes")
	for want, args := range map[string][]string{
		"3 executions would be forgotten\n": {"--keep", "2"},
		"0 executions would be forgotten\n": {"--older-than", "1h"},
		"5 executions would be forgotten\n": {"--older-than", "0s", "--keep", "2"},
		"1 execution would be forgotten\n":  {"--keep", "4", "--filter", "status=failed"},
	} {
		wantText(t, strings.Join(args, " "), want, h.says(0, append([]string{"prune", "-n"}, args...)...).stdout)
	}
	wantHas(t, "dry run of bytes", h.says(125, "prune", "-n", "--keep-bytes", "1MiB").stderr, "cannot foresee")
	wantText(t, "prune", "3 executions forgotten\n", h.says(0, "prune", "-y", "--keep", "2").stdout)
	if n := len(parse[engine.Page](t, h.says(0, "ps", "-a", "--json").stdout).Executions); n != 3 {
		t.Errorf("%d executions are left, want 3", n)
	}
}

func TestHistory_GoesThroughAllPageByPage(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	var want string
	for range 5 {
		want = h.did("exit 0").String() + "\n" + want
	}
	var got string
	args := []string{"history", "--json", "--limit", "2", "--total"}
	for next := ""; ; {
		page := parse[engine.Page](t, h.says(0, append(args, "--after", next)...).stdout)
		for _, x := range page.Executions {
			got += x.ID.String() + "\n"
		}
		if page.Total != 5 {
			t.Errorf("total is %d", page.Total)
		}
		if next = page.Next; next == "" {
			break
		}
	}
	wantText(t, "all pages", want, got)
	page := h.says(0, "history", "-q", "--limit", "4", "--filter", "text=exit 0")
	wantHas(t, "the hint", page.stderr, "note: there are more: cloudops history --filter 'text=exit 0' --after ")
	wantText(t, "the oldest", want[len(want)-37:], h.says(0, "history", "-q", "--limit", "1", "--oldest").stdout)
	wantText(t, "rebuild", "5 executions are in the history again\n", h.says(0, "history", "rebuild").stdout)
	wantHas(t, "usage", h.says(0, "history", "--help").stdout, "Usage:\n  cloudops history [FLAGS]\n  cloudops history COMMAND\n", "rebuild")
}

func TestState_CheckNamesTheDamage(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	wantText(t, "check", "no damage was found\n", h.says(0, "state", "check").stdout)
	h.damage = errors.Join(errors.New("folder a: damaged"), errors.New("folder b: damaged"))
	wantText(t, "check", "error: folder a: damaged\nerror: folder b: damaged\n", h.says(1, "state", "check").stderr)
	wantText(t, "dir", "/some/where\n", h.says(0, "state", "dir", "--state-dir", "/some/where").stdout)
	h.says(0, "state")
	h.says(125, "state", "chekc")
}

func TestRerun_WantsWhatWasSecretAgain(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.did(`cat; echo "$STAGE $DB_PASSWORD"`, func(r *engine.Request) {
		r.Env = map[string]string{"STAGE": "prod", "DB_PASSWORD": "correct horse"}
		r.Stdin, r.Secrets = []byte("rows\n"), []string{"hunter2hunter2"}
	})
	id := strings.TrimSpace(h.says(0, "ps", "-aq").stdout)
	got := h.says(125, "rerun", id)
	wantHas(t, "what is missing", got.stderr,
		"error: the value of DB_PASSWORD was secret and is gone\nhint: --env DB_PASSWORD takes it from here",
		"error: values that were masked in its output are gone\nhint: --secret-env NAME",
		"error: what it read from stdin was not kept\nhint: --stdin FILE")
	wantText(t, "what it ran", "", got.stdout)
	got = h.cloudops("other\n", "rerun", id, "--env", "DB_PASSWORD=battery staple", "--without", "secrets", "--stdin", "-")
	wantText(t, "what it ran", "other\nprod [REDACTED]\n", got.stdout)
	got = h.says(0, "rerun", id, "--unset", "DB_PASSWORD", "--without", "secrets", "--without", "stdin", "--env", "STAGE=test")
	wantText(t, "what it ran", "test \n", got.stdout)
	detached := h.says(0, "rerun", "-d", "@last", "--env", "STAGE=blue").stdout
	h.says(0, "wait", "-q", strings.TrimSpace(detached))
	wantText(t, "what it wrote", "blue \n", h.says(0, "logs", strings.TrimSpace(detached)).stdout)

	h.did("echo token=hunter2hunter2", func(r *engine.Request) { r.Secrets = []string{"hunter2hunter2"} })
	wantHas(t, "a secret in the command", h.says(125, "rerun", "@last", "--without", "secrets").stderr, "error: a secret in the command itself was not kept")
}

func TestRun_DetachedPrintsItsIDAlone(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	got := h.cloudops("input\n", "run", "--detach", "--stdin", "-", "--", "cat")
	id := strings.TrimSpace(got.stdout)
	if _, err := engine.ParseID(id); err != nil || got.stderr != "" {
		t.Fatalf("run --detach: %+v", got)
	}
	wantText(t, "logs -f", "input\n", h.says(0, "logs", "-f", id).stdout)
	for _, args := range [][]string{{"--no-record"}, {"--json"}, {"--plain"}, {"-i", "--stdin", "-"}} {
		h.says(125, append(append([]string{"run", "--detach"}, args...), "--", "true")...)
	}
	h.says(125, "run", "--interactive", "--", "true")
	h.says(7, "run", "--", "sh", "-c", "exit 7")
	h.says(0, "run", "--no-record", "--", "true")
	if x := parse[engine.Execution](t, h.says(0, "status", "--json", "@last").stdout); x.ExitCode != 7 {
		t.Errorf("the last that is recorded is %+v", x)
	}
}

func TestCompletion_OffersIDs(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	id := h.did("echo one")
	for _, typed := range []string{"", id.String()[:6]} {
		got := h.says(0, "__complete", "status", typed).stdout
		wantHas(t, "status "+typed, got, id.String()+"\tcompleted  sh -c 'echo one'\n")
	}
	wantHas(t, "@l", h.says(0, "__complete", "logs", "@l").stdout, "@last\n")
	wantHas(t, "a filter", h.says(0, "__complete", "ps", "--filter", "status=").stdout, "status=lost\n")
}
