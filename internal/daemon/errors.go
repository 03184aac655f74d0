package daemon

import "fmt"

// hinted is an error with advice, which engine.Hint finds.
type hinted struct {
	error
	hint string
}

func (h *hinted) Unwrap() error { return h.error }

// Hint is the advice.
func (h *hinted) Hint() string { return h.hint }

func advise(err error, format string, args ...any) error {
	return &hinted{error: err, hint: fmt.Sprintf(format, args...)}
}
