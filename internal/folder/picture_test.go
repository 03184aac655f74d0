//go:build unix

package folder_test

import (
	"bytes"
	"iter"

	"github.com/escher-dbai/cloudops-engine/internal/journal"
)

// picture is a record with one place for each step of a cursor: of what kind it is, and
// the byte, or the code of the note.
type picture struct{ kinds, values []byte }

func kindOf(k journal.Kind, s journal.Stream) byte { return byte(k)<<1 | byte(s) }

func gapOf(s journal.Stream) byte { return kindOf(journal.Gap, s) }

func pictureOf(j *journal.Journal) (p picture) {
	buf := make([]journal.Record, 8)
	for at := int64(0); ; {
		n, next, _ := j.TryRead(at, buf)
		if n == 0 {
			return p
		}
		at = next
		for i := range buf[:n] {
			r := &buf[i]
			values := r.Data
			if r.Kind != journal.Output {
				values = bytes.Repeat([]byte{r.Code}, int(r.Width))
			}
			p.values = append(p.values, values...)
			p.kinds = append(p.kinds, bytes.Repeat([]byte{kindOf(r.Kind, r.Stream)}, int(r.Width))...)
		}
	}
}

func (p *picture) end() int { return len(p.kinds) }

// at is the kind and the value at a cursor.
func (p *picture) at(i int) [2]byte { return [2]byte{p.kinds[i], p.values[i]} }

// lost reports whether nothing is said about what was at a cursor.
func (p *picture) lost(i int) bool {
	return p.kinds[i]>>1 == byte(journal.Gap) || p.kinds[i]>>1 == byte(journal.Note) && p.values[i] == journal.NoteLost
}

// differences are the cursors at which a picture is not as another one.
func (p *picture) differences(other *picture) iter.Seq[int] {
	return func(yield func(int) bool) {
		const step = 4 << 10
		for from := 0; from < p.end(); from += step {
			to := min(from+step, p.end())
			if to <= other.end() && bytes.Equal(p.kinds[from:to], other.kinds[from:to]) && bytes.Equal(p.values[from:to], other.values[from:to]) {
				continue
			}
			for i := from; i < to; i++ {
				if (i >= other.end() || p.at(i) != other.at(i)) && !yield(i) {
					return
				}
			}
		}
	}
}
