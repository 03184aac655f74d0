package cli

import (
	"context"
	"errors"
	"io"

	"golang.org/x/sys/windows"
)

// lookAgainMs is how often it is looked whether anybody still wants to know.
const lookAgainMs = 250

// hostGone returns when a process is gone; nil when the context ends. Process 0 is none.
// That nobody reads stdout any more is seen at the next write here. Errors: the system's.
func hostGone(ctx context.Context, parent int, _ io.Writer) error {
	if parent == 0 {
		<-ctx.Done()
		return nil
	}
	process, err := windows.OpenProcess(windows.SYNCHRONIZE, false, uint32(parent))
	if errors.Is(err, windows.ERROR_INVALID_PARAMETER) {
		return errParentGone // there is no such process
	}
	if err != nil {
		return err
	}
	defer func() { _ = windows.CloseHandle(process) }()
	for ctx.Err() == nil {
		switch event, err := windows.WaitForSingleObject(process, lookAgainMs); {
		case err != nil:
			return err
		case event == windows.WAIT_OBJECT_0:
			return errParentGone
		}
	}
	return nil
}
