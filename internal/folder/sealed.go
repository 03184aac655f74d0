package folder

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// maxDocument bounds what is read of a document, whose size a damaged file may tell wrong.
const maxDocument = 64 << 20

// readSealed reads a file of a sealed execution. Each has all that Seal put there, so
// what is not there is damaged.
func readSealed(path, name string) ([]byte, error) {
	z, err := zip.OpenReader(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("%w: %s: %w", ErrDamaged, path, err)
	}
	defer func() { _ = z.Close() }()
	p, err := readPart(&z.Reader, name)
	if err != nil {
		return nil, fmt.Errorf("%w: %s in %s: %w", ErrDamaged, name, path, err)
	}
	return p, nil
}

func readPart(z *zip.Reader, name string) (p []byte, err error) {
	file, err := z.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return io.ReadAll(io.LimitReader(file, maxDocument))
}
