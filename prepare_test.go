package engine_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	engine "github.com/escher-dbai/cloudops-engine"
)

// A program that was there a moment ago is looked at again: it may have gone.
func TestExecute_LooksAtAProgramEachTime(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("there is no mode that keeps a file from being executed")
	}
	e := open(t, engine.Config{})
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	r := engine.Request{Command: engine.Exec(path)}
	do(t, e, r)
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := e.Execute(t.Context(), r)
	wantError(t, "not executable any more", err, engine.ErrNotExecutable)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	_, err = e.Execute(t.Context(), r)
	wantError(t, "removed", err, engine.ErrProgramNotFound)
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err = e.Execute(t.Context(), r)
	wantError(t, "a directory now", err, engine.ErrNotExecutable)
}

// What one request asked for is nothing that the next one gets.
func TestExecute_LeavesNothingOfARequestForTheNext(t *testing.T) {
	t.Parallel()
	e := open(t, engine.Config{})
	log := filepath.Join(t.TempDir(), "log")
	const show = `echo "arguments $# secret $SECRET_WORD line $(cat)"; test -t 1 && echo terminal; true`
	for i := range 20 {
		first := bash(show, "one", "two")
		first.Env, first.Stdin = map[string]string{"SECRET_WORD": "sesame"}, []byte("typed")
		first.OutputLogPath, first.OutputLogMode = log, engine.LogOverwrite
		do(t, e, first)
		if err := os.Remove(log); err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 && runtime.GOOS != "windows" {
			onTerminal := bash("true")
			onTerminal.Terminal = &engine.TerminalSize{}
			do(t, e, onTerminal)
		}
		if got, want := do(t, e, bash(show)).Stdout, "arguments 0 secret  line \n"; got != want {
			t.Errorf("the next one wrote %q, want %q", got, want)
		}
		if _, err := os.Stat(log); err == nil {
			t.Error("the next one wrote the log of the first")
		}
	}
}
