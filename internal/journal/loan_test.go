package journal_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/escher-dbai/cloudops-engine/internal/journal"
)

// fill appends n segments, each of one letter, as a fast writer does.
func fill(j *journal.Journal, letter byte, n int) {
	for i := range n {
		j.Append(journal.Stdout, bytes.Repeat([]byte{letter + byte(i%20)}, segment))
	}
}

// What was borrowed stays what it is, however much is written, until it is given
// back; what was read for good stays for good.
func TestBorrow_DataStaysUntilItIsReturned(t *testing.T) {
	t.Parallel()
	j := journalOf(8*segment, journal.HeadAndTail)
	fill(j, 'a', 8)
	var loan journal.Loan
	lent, kept := make([]journal.Record, 64), make([]journal.Record, 64)
	n, _, err := j.Borrow(t.Context(), 4*segment, lent, &loan)
	m, _, _ := j.TryRead(5*segment, kept)
	if n != 4 || m != 3 || err != nil {
		t.Fatalf("read %d and %d segments: %v", n, m, err)
	}
	fill(j, 'A', 100)
	for i := range lent[:n] {
		if want := bytes.Repeat([]byte{'e' + byte(i)}, segment); !bytes.Equal(want, lent[i].Data) {
			t.Errorf("borrowed segment %d became %.8q", i, lent[i].Data)
		}
	}
	loan.Return()
	loan.Return()
	fill(j, 'A', 100)
	for i := range kept[:m] {
		if want := bytes.Repeat([]byte{'f' + byte(i)}, segment); !bytes.Equal(want, kept[i].Data) {
			t.Errorf("kept segment %d became %.8q", i, kept[i].Data)
		}
	}
}

// A fast writer whose bytes nobody keeps takes no new memory.
func TestBorrow_LetsTheWriterUseMemoryAgain(t *testing.T) { //nolint:paralleltest // it counts allocations
	j := journalOf(4*segment, journal.HeadAndTail)
	var loan journal.Loan
	buf, p := make([]journal.Record, 64), make([]byte, segment)
	at := int64(0)
	step := func() {
		j.Append(journal.Stdout, p)
		_, at, _ = j.Borrow(t.Context(), at, buf, &loan)
	}
	for range 20 {
		step()
	}
	if n := testing.AllocsPerRun(200, step); n > 0 {
		t.Errorf("%.1f allocations for each segment", n)
	}
}

// Readers who borrow, one who leaves without a word and one who is late, while a
// writer goes on: none sees a byte that is not of its place.
func TestBorrow_WhileItIsWritten(t *testing.T) {
	t.Parallel()
	const total = 400 * segment
	j := journalOf(16*segment, journal.HeadAndTail)
	done := make(chan error)
	reader := func(leave bool) {
		var loan journal.Loan
		buf := make([]journal.Record, 4)
		for at := int64(0); ; {
			n, next, err := j.Borrow(t.Context(), at, buf, &loan)
			if err != nil || leave && next > total/2 {
				done <- err
				return
			}
			for _, r := range buf[:n] {
				if r.Kind == journal.Output && !bytes.Equal(numberedAt(r.Cursor, len(r.Data)), r.Data) {
					done <- errors.New("a byte of another place")
					return
				}
			}
			at = next
		}
	}
	for i := range 4 {
		go reader(i == 0)
	}
	for at := 0; at < total; at += segment {
		j.Append(journal.Stdout, numberedAt(int64(at), segment))
	}
	j.Close(1, 1)
	for range 4 {
		if err := <-done; err != nil && !errors.Is(err, io.EOF) {
			t.Error(err)
		}
	}
}

// numberedAt is text of which each place has its own: eight bytes that count.
func numberedAt(at int64, n int) []byte {
	p := make([]byte, n)
	for i := range p {
		place := at + int64(i)
		p[i] = byte(place >> (8 * (place % 8)) * 131)
	}
	return p
}
