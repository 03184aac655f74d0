package engine

import (
	"errors"
	"strings"
	"testing"
)

func TestPLAT01_ArgumentsOfABatchFileAreRefusedBeforeTheStart(t *testing.T) {
	t.Parallel()
	for arg, refused := range map[string]bool{`"&calc.exe`: true, `%PATH%`: true, "a\nb": true, `^&`: false, scriptPlaceholder: false} {
		err := checkBatch(`C:\sdk\gcloud.CMD. `, []string{"gcloud", "list", arg})
		if got := errors.Is(err, ErrInvalidCommand); got != refused || err != nil && !got {
			t.Errorf("%q: %v", arg, err)
		}
		if refused && !strings.Contains(err.Error(), "argument 2") {
			t.Errorf("%q: which one it is does not stand in %q", arg, err)
		}
		if err := checkBatch(`C:\sdk\gcloud.exe`, []string{"gcloud", "list", arg}); err != nil {
			t.Errorf("%q for a program: %v", arg, err)
		}
	}
}
