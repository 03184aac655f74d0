package folder

import (
	"errors"
	"os"
)

// On Windows there are no executions in folders: a folder with an open file in it
// cannot be given its name.

func take(*os.File) (bool, error) { return false, errors.ErrUnsupported }

func taken(*os.File) (bool, error) { return false, errors.ErrUnsupported }

func giveBack(*os.File) error { return errors.ErrUnsupported }
