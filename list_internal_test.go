package engine

import "testing"

// Who comes to wait for an execution that ends just then does not wait for ever.
func TestOver_IsClosedOnceThereIsAFinal(t *testing.T) {
	t.Parallel()
	var e Engine
	isOver := func(x *execution) bool {
		select {
		case <-e.over(x):
			return true
		default:
			return false
		}
	}
	if isOver(&execution{}) {
		t.Error("one that lives is over")
	}
	if !isOver(&execution{final: &finished{}}) {
		t.Error("one that has ended is not over")
	}
}
