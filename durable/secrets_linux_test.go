package durable_test

import (
	"strings"
	"testing"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/durable"
)

// What one program adds, the others that know the execution show no longer, whoever runs it.
func TestAddSecrets_IsHeardByOthers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]durable.Config{"supervised": {}, "in the foreground": {Guest: true, Foreground: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := place(t)
			path, open1 := gate(t)
			theirs, ours := open(t, dir, c), open(t, dir, durable.Config{Guest: true})
			id := start(t, theirs, engine.Request{Command: engine.Exec("sh", "-c", `until [ -e "$1" ]; do sleep 0.02; done; echo "it is $2"`, "sh", path, secret)})
			running(t, theirs, id)
			running(t, ours, id)
			if err := ours.AddSecrets(t.Context(), id, secret); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the other shows it no longer", func() bool {
				x, err := theirs.Get(t.Context(), id)
				return err == nil && !strings.Contains(x.Command, secret)
			})
			open1()
			for who, e := range map[string]engine.API{"theirs": theirs, "ours": ours} {
				if r := wait(t, e, id); r.Stdout != "it is [REDACTED]\n" {
					t.Errorf("%s: it ended as %+v", who, r)
				}
			}
		})
	}
}

// What a guest adds to what waits in an owner's queue the owner does not hear: the guest
// passes it on at the start, and AddSecrets returns no sooner.
func TestAddSecrets_ToTheQueueOfAnother(t *testing.T) {
	t.Parallel()
	dir := place(t)
	full, makeRoom := gate(t)
	path, open1 := gate(t)
	owner := open(t, dir, durable.Config{Engine: engine.Config{MaxConcurrent: 1}})
	guest := open(t, dir, durable.Config{Guest: true})
	running(t, owner, start(t, owner, shell("until [ -e %s ]; do sleep 0.02; done", full)))
	id := start(t, owner, engine.Request{Command: engine.Exec("sh", "-c", `until [ -e "$1" ]; do sleep 0.02; done; echo "it is $2"`, "sh", path, secret)})
	added := make(chan error, 1)
	go func() { added <- guest.AddSecrets(t.Context(), id, secret) }()
	eventually(t, "the history has it no longer", func() bool {
		rec, err := guest.Record(t.Context(), id)
		return err == nil && !strings.Contains(rec.Execution.Command, secret)
	})
	makeRoom()
	if err := <-added; err != nil {
		t.Fatal(err)
	}
	if s, err := guest.Status(t.Context(), id); err != nil || s != engine.Running {
		t.Errorf("it returned when it was %s, %v", s, err)
	}
	open1()
	if r := wait(t, owner, id); r.Stdout != "it is [REDACTED]\n" {
		t.Errorf("it ended as %+v", r)
	}
}
