package folder

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
)

// maxDocument bounds what is read of a document, whose size a damaged file may tell wrong.
const maxDocument = 64 << 20

// sealName is the file in which an archive tells what is in it.
const sealName = "sealed.json"

// seal is what it tells. Of a record that cannot be read there are no digests.
type seal struct {
	Files []string `json:"files"`
	digests
}

// readSealed reads a file of a sealed execution. What is not there is damaged, unless
// the seal says that it never was.
func readSealed(path, name string) ([]byte, error) {
	archive, err := zip.OpenReader(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("%w: %s: %w", ErrDamaged, path, err)
	}
	defer func() { _ = archive.Close() }()
	p, err := readPart(&archive.Reader, name)
	if err == nil {
		return p, nil
	}
	var was seal
	all, unread := readPart(&archive.Reader, sealName)
	if unread == nil {
		_, unread = decode(all, &was)
	}
	if unread == nil && !slices.Contains(was.Files, name) && name != sealName {
		return nil, fs.ErrNotExist
	}
	return nil, fmt.Errorf("%w: %s in %s: %s", ErrDamaged, name, path, err.Error()) // not as what is missing
}

func readPart(archive *zip.Reader, name string) (p []byte, err error) {
	file, err := archive.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return io.ReadAll(io.LimitReader(file, maxDocument))
}
