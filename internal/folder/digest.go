package folder

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"

	"github.com/escher-dbai/cloudops-engine/internal/journal"
)

// Digest is what is known of the output of one stream of a sealed execution.
type Digest struct {
	// SHA256 is of the bytes that the record has, in hexadecimal digits. Where none are
	// left out it is that of all output.
	SHA256 string `json:"sha256"`
	// Bytes is how many bytes it is of, and Omitted how many were left out.
	Bytes   int64 `json:"bytes"`
	Omitted int64 `json:"omitted"`
}

// digests are of both streams.
type digests struct {
	Stdout *Digest `json:"stdout"`
	Stderr *Digest `json:"stderr"`
}

// Digest returns what Seal found of a stream.
//
// Errors: fs.ErrNotExist of an active execution, and of a record that could not be read
// when it was sealed; [ErrDamaged], and the system's.
func (f *Folder) Digest(s journal.Stream) (Digest, error) {
	var all seal
	err := f.get(sealName, &all)
	d := all.Stdout
	if s == journal.Stderr {
		d = all.Stderr
	}
	if err == nil && d == nil {
		err = fs.ErrNotExist
	}
	if err != nil {
		return Digest{}, fmt.Errorf("read the digests of execution %s: %w", f.id, err)
	}
	return *d, nil
}

// digest reads the record at a path. Where there is none that can be read there are no
// digests, and that is no error: what is left of it is kept.
func digest(path string) (*digests, error) {
	j, err := journal.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, journal.ErrFormat):
		return &digests{}, nil
	case err != nil:
		return nil, err
	case !j.Closed():
		return nil, errors.Join(ErrRecordOpen, j.Release())
	}
	d, err := digestOf(j)
	return d, errors.Join(err, j.Release())
}

func digestOf(j *journal.Journal) (*digests, error) {
	all := [...]Digest{{}, {}}
	sums := [...]hash.Hash{sha256.New(), sha256.New()}
	var loan journal.Loan
	defer loan.Return()
	buf := make([]journal.Record, 8)
	for at := int64(0); ; {
		n, next, err := j.Borrow(context.Background(), at, buf, &loan) // which does not wait: it is closed
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		for i := range buf[:n] {
			switch r := &buf[i]; r.Kind {
			case journal.Output:
				_, _ = sums[r.Stream].Write(r.Data) // never fails
				all[r.Stream].Bytes += r.Width
			case journal.Gap:
				all[r.Stream].Omitted += r.Width
			case journal.Note:
			}
		}
		at = next
	}
	for i := range all {
		all[i].SHA256 = fmt.Sprintf("%x", sums[i].Sum(nil))
	}
	return &digests{Stdout: &all[journal.Stdout], Stderr: &all[journal.Stderr]}, nil
}

// Check reads all there is of an execution, and reports what is not what was written.
// Of one that is active it may report what is being written right now.
//
// Errors: [ErrDamaged], [ErrVersion], journal.ErrFormat, and the system's.
func (f *Folder) Check() error {
	if err := f.check(); err != nil {
		return fmt.Errorf("check execution %s: %w", f.id, err)
	}
	return nil
}

func (f *Folder) check() error {
	var noted seal
	sealed := f.Sealed()
	described, ended := missing(f.get(describedBy, nil)), f.get(endedBy, nil)
	if sealed {
		if err := errors.Join(described, ended, f.get(sealName, &noted)); err != nil {
			return err
		}
	} else if err := errors.Join(described, missing(ended)); err != nil {
		return err
	}
	path, err := f.RecordPath()
	if err != nil || sealed && noted.Stdout == nil {
		return err
	}
	j, err := journal.Open(path)
	if err != nil || !j.Closed() {
		return missing(err)
	}
	found, err := digestOf(j)
	if err = errors.Join(err, j.Release()); err != nil || !sealed {
		return err
	}
	if *found.Stdout != *noted.Stdout || *found.Stderr != *noted.Stderr {
		return fmt.Errorf("%w: its output is not what was sealed", ErrDamaged)
	}
	return nil
}
