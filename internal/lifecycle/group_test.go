package lifecycle_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/escher-dbai/cloudops-engine/internal/lifecycle"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestGroup_WaitsForWhatItStarted(t *testing.T) {
	t.Parallel()
	g := lifecycle.New()
	var ended atomic.Int32
	for range 10 {
		if !g.Go(func(ctx context.Context) {
			<-ctx.Done()
			ended.Add(1)
		}) {
			t.Fatal("Go refused before Stop")
		}
	}
	g.Stop(errors.New("enough"))
	g.Wait()
	if ended.Load() != 10 {
		t.Errorf("%d of 10 had ended when Wait returned", ended.Load())
	}
}

func TestGroup_TellsWhyItStopped(t *testing.T) {
	t.Parallel()
	cause := errors.New("enough")
	g := lifecycle.New()
	g.Stop(cause)
	g.Stop(errors.New("again"))
	if got := context.Cause(g.Context()); !errors.Is(got, cause) {
		t.Errorf("the cause is %v, want %v", got, cause)
	}
	if g.Go(func(context.Context) { t.Error("it ran after Stop") }) {
		t.Error("Go started after Stop")
	}
	g.Wait()
}

func TestGroup_StandsStopsAmongStarts(t *testing.T) {
	t.Parallel()
	for range 200 {
		g := lifecycle.New()
		var started, ended atomic.Int32
		starter := lifecycle.New()
		starter.Go(func(context.Context) {
			for range 50 {
				if g.Go(func(ctx context.Context) { <-ctx.Done(); ended.Add(1) }) {
					started.Add(1)
				}
			}
		})
		starter.Go(func(context.Context) { g.Stop(nil) })
		starter.Stop(nil)
		starter.Wait()
		g.Wait()
		if started.Load() != ended.Load() {
			t.Fatalf("%d started, %d had ended when Wait returned", started.Load(), ended.Load())
		}
	}
}
