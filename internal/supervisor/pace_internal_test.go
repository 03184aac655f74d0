package supervisor

import (
	"testing"
	"time"
)

// The first looks at a record wait for nothing, those after them are apart, and silence
// makes the next ones first again.
func TestPace_WaitsOnlyWhereMuchComes(t *testing.T) {
	t.Parallel()
	p := pace{pause: pieceTime}
	for _, first := range []time.Duration{0, silence} {
		for i, took := 0, first; i < firstLooks; i, took = i+1, 0 {
			if got := p.wait(took); got > 0 {
				t.Errorf("look %d, %v after the last, waits %v, want none", i, first, got)
			}
		}
		if got, want := p.wait(time.Millisecond), pieceTime-time.Millisecond; got != want {
			t.Errorf("the look after them waits %v, want %v", got, want)
		}
	}
}

// A look in vain is not repeated at once, however few there were.
func TestPace_WaitsAfterALookInVain(t *testing.T) {
	t.Parallel()
	p := pace{pause: noPieceTime}
	if got := p.wait(0); got != noPieceTime {
		t.Errorf("it waits %v, want %v", got, noPieceTime)
	}
}
