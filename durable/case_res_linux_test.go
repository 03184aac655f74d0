package durable_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/durable"
)

// RES-01: where there is no room for output, the command ends as it does, what is missing
// is said, and when there is room again the next is recorded whole.
func TestRES01_FullDiskCostsOutputOnly(t *testing.T) {
	t.Parallel()
	if os.Getenv("CLOUDOPS_TEST_ROOT") != "1" {
		t.Skip("needs root: CLOUDOPS_TEST_ROOT=1")
	}
	dir := place(t)
	shut(t, open(t, dir, durable.Config{}))
	disk := filepath.Join(dir, "active")
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=1m,mode=700"); err != nil {
		t.Skip("cannot mount: ", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(disk, syscall.MNT_DETACH) })
	e := open(t, dir, durable.Config{})
	r := wait(t, e, start(t, e, shell("yes | head -c 5000000; echo end >&2")))
	if r.ExitCode != 0 || r.Cause != engine.CauseExit || r.Output.StdoutOmittedBytes == 0 {
		t.Errorf("it ended as %s by %s, %d of %d bytes left out, %q", r.Status, r.Cause, r.Output.StdoutOmittedBytes, r.Output.StdoutBytes, r.LogError)
	}
	eventually(t, "there is room again", func() bool {
		left, err := os.ReadDir(disk)
		return err == nil && len(left) == 0 // it is sealed, on the other disk
	})
	if r := wait(t, e, start(t, e, shell("seq 1 1000"))); r.Output.StdoutOmittedBytes != 0 || len(r.Stdout) != 3893 {
		t.Errorf("the next lacks %d bytes, and has %d", r.Output.StdoutOmittedBytes, len(r.Stdout))
	}
}

// RES-07: the clock was set while nobody looked. No duration is below zero, and the order
// is that of acceptance.
func TestRES07_ClockThatWasSet(t *testing.T) {
	t.Parallel()
	dir := place(t)
	p := startProgram(t, dir, "guest", "exec sleep 600", "exec sleep 600")
	p.kill(t)
	for i, id := range p.ids {
		killPid(t, describedIn(t, dir, id).Keeper.Pid)
		day := time.Now().Add([]time.Duration{-24 * time.Hour, 24 * time.Hour}[i])
		redescribeAll(t, dir, id, func(d map[string]any) { d["starting_at"] = day })
	}
	e := open(t, dir, durable.Config{})
	for _, id := range p.ids {
		r := wait(t, e, id)
		if r.Status != engine.Lost || r.Duration < 0 || r.Queued < 0 || r.CompletedAt.Before(r.StartedAt) {
			t.Errorf("%s after %v, queued %v, %v to %v", r.Status, r.Duration, r.Queued, r.StartedAt, r.CompletedAt)
		}
	}
	next := start(t, e, shell("true"))
	wait(t, e, next)
	all, err := e.List(t.Context(), engine.Filter{})
	if err != nil || len(all.Executions) != 3 || all.Executions[0].ID != next {
		t.Errorf("%+v, %v", all.Executions, err)
	}
	for i := range all.Executions {
		if d := all.Executions[i].Duration; d < 0 {
			t.Errorf("execution %s took %v", all.Executions[i].ID, d)
		}
	}
}

// RES-10: whatever the umask is, nobody else can look into anything of the directory.
func TestRES10_FilesArePrivate(t *testing.T) {
	t.Parallel()
	dir := place(t)
	p := startProgram(t, dir, "open to all", "echo done", "echo here; exec sleep 600")
	e := open(t, dir, durable.Config{Guest: true})
	wait(t, e, p.ids[0])
	printed(t, e, p.ids[1], "here")
	eventually(t, "one is sealed", func() bool {
		files, err := filepath.Glob(filepath.Join(dir, "sealed", "*", "*.zip"))
		return err == nil && len(files) == 1
	})
	seen := 0
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		at, err := entry.Info()
		if seen++; err == nil && at.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, at.Mode())
		}
		return nil
	})
	if err != nil || seen < 15 {
		t.Errorf("%d files were looked at, %v", seen, err)
	}
}
