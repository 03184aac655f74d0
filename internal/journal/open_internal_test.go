package journal

import (
	"bytes"
	"io"
	"testing"
)

// overtaken is an index that the writer goes on writing while it is read: between some
// slots and the others.
type overtaken struct {
	io.ReaderAt

	slots   int
	between func()
}

func (o *overtaken) ReadAt(p []byte, off int64) (int, error) {
	between := o.between
	if o.between = nil; between == nil {
		return o.ReaderAt.ReadAt(p, off)
	}
	first := min(len(p), o.slots*slotBytes)
	n, err := o.ReaderAt.ReadAt(p[:first], off)
	if err != nil { // there were not so many
		return n, err
	}
	between()
	m, err := o.ReaderAt.ReadAt(p[first:], off+int64(first))
	return n + m, err
}

// What is written while the index is read is no gap. A reader that follows somebody
// else's record lost the end of a segment so, for good, when it saw the first slot as it
// was before and the next ones as they were after.
func TestRefresh_IsOvertakenByTheWriter(t *testing.T) {
	t.Parallel()
	dir := t.TempDir() + "/record"
	w, err := Create(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Release() })
	line := bytes.Repeat([]byte("0123456789abcde\n"), 10)
	w.Append(Stdout, line)
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Release() })
	want := bytes.Clone(line)
	for round := range 20 {
		d := r.disk.Load()
		d.read.file.ReaderAt = &overtaken{ReaderAt: d.read.file.file, slots: 1 + round%3, between: func() {
			// A run is in two slots by turns: the last one goes on in the second, and ends in
			// the first, which was read.
			for range 50 {
				w.Append(Stdout, line)
				w.Append(Stdout, line)
				w.Append(Stderr, line)
				w.Append(Stdout, line)
				want = append(append(append(want, line...), line...), line...)
			}
		}}
		if _, err := r.Refresh(); err != nil {
			t.Fatal(err)
		}
	}
	var got []byte
	buf := make([]Record, 100)
	for next := int64(0); next < w.End(); {
		var n int
		if n, next, err = r.Read(t.Context(), next, buf); err != nil {
			t.Fatal(err)
		}
		for _, record := range buf[:n] {
			if record.Kind == Gap {
				t.Fatalf("a gap of %d bytes after %d", record.Width, len(got))
			}
			if record.Stream == Stdout {
				got = append(got, record.Data...)
			}
		}
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%d bytes, want %d", len(got), len(want))
	}
}
