package rpc_test

import (
	"context"
	"strings"
	"testing"

	engine "github.com/escher-dbai/cloudops-engine"
	pb "github.com/escher-dbai/cloudops-engine/gen/cloudops/v1"
	"github.com/escher-dbai/cloudops-engine/rpc"
)

// deleter deletes nothing, because all of it runs.
type deleter struct{ engine.API }

func (deleter) Delete(context.Context, engine.Deletion) (int, error) {
	return 0, engine.Advise(engine.ErrNotFinished, "cancel it first")
}

// What ReadOutput and Delete refuse says what to do, too.
func TestHints_OfReadOutputAndDelete(t *testing.T) {
	t.Parallel()
	d := open(t, rpc.Config{}, itself)
	id := d.ended("echo one").ID.String()
	s := d.service()
	read := func(m *pb.ReadOutputRequest) error {
		stream, err := s.ReadOutput(t.Context(), m)
		if err != nil {
			return err
		}
		defer func() { _ = stream.Close() }() // it was read
		for stream.Receive() {
			continue
		}
		return stream.Err()
	}
	remove := func(m *pb.DeleteRequest) error { _, err := s.Delete(t.Context(), m); return err }
	keeps := open(t, rpc.Config{}, func(e *engine.Engine) engine.API { return deleter{e} })
	_, runs := keeps.service().Delete(t.Context(), &pb.DeleteRequest{Ids: []string{id}})
	for what, c := range map[string]struct {
		err  error
		hint string
	}{
		"output of what is no id":             {read(&pb.ReadOutputRequest{Id: "../x"}), "an id looks like"},
		"output of nobody":                    {read(&pb.ReadOutputRequest{Id: engine.ID{1}.String()}), "List"},
		"output behind the end":               {read(&pb.ReadOutputRequest{Id: id, From: 9999}), "another execution"},
		"lines by a broken expression":        {read(&pb.ReadOutputRequest{Id: id, Lines: &pb.LineQuery{Match: "("}}), "RE2"},
		"deleting what is no id":              {remove(&pb.DeleteRequest{Ids: []string{"x"}}), "an id looks like"},
		"deleting what is overdue, and more":  {remove(&pb.DeleteRequest{Keep: 1, Overdue: true}), "another call"},
		"deleting where nothing is kept":      {remove(&pb.DeleteRequest{Keep: 1}), "overdue"},
		"deleting what runs, says the engine": {runs, "cancel it first"},
	} {
		if hint := engine.Hint(said(c.err)); c.err == nil || !strings.Contains(hint, c.hint) {
			t.Errorf("%s: %v, hint %q, want …%s…", what, c.err, hint, c.hint)
		}
	}
}
