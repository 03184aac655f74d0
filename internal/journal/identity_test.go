package journal_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/escher-dbai/cloudops-engine/internal/journal"
)

// writes is what a random writer writes, call by call, to both streams.
type writes []struct {
	stream journal.Stream
	data   []byte
}

// randomWrites has NUL, CR, bytes that are no UTF-8, lines of up to 1 MiB, and
// mostly no last newline.
func randomWrites(r *rand.Rand) (w writes, sums [2][sha256.Size]byte) {
	w = make(writes, 1+r.IntN(12))
	hashes := [2]interface {
		io.Writer
		Sum([]byte) []byte
	}{sha256.New(), sha256.New()}
	for i := range w {
		size := []int{1, 20, 500, 5000, segment}[r.IntN(5)]
		if i == 5 {
			size = 1 << 20
		}
		p := make([]byte, 1+r.IntN(size))
		fill := rand.NewChaCha8([32]byte{byte(r.Uint32()), byte(i)})
		_, _ = fill.Read(p) // it never fails
		for range len(p) / (1 + r.IntN(200)) {
			p[r.IntN(len(p))] = "\n\r\x00\xff\n"[r.IntN(5)]
		}
		w[i].stream, w[i].data = journal.Stream(r.IntN(2)), p
		_, _ = hashes[w[i].stream].Write(p) // it never fails
	}
	for s := range sums {
		sums[s] = [sha256.Size]byte(hashes[s].Sum(nil))
	}
	return w, sums
}

func (w writes) into(j *journal.Journal, refresh func()) {
	j.Note(1, 1)
	for _, x := range w {
		j.Append(x.stream, x.data)
		refresh()
	}
	j.Close(last, 2)
	refresh()
}

// hashOf reads a record to its end and hashes the streams, by the bytes and
// by the lines. A reader that stops now and then goes on from its cursor.
func hashOf(ctx context.Context, j *journal.Journal, stop func() bool) (byBytes, byLines [2][sha256.Size]byte, err error) {
	raw, cut := [2]bytes.Buffer{}, [2]bytes.Buffer{}
	yield := func(l journal.Line) bool {
		cut[l.Stream].Write(l.Text)
		if !l.Continues && !l.Unended {
			cut[l.Stream].WriteByte('\n')
		}
		return true
	}
	var cutter journal.Cutter
	at := int64(0)
	for buf := make([]journal.Record, 5); ; {
		var n int
		n, at, err = j.Read(ctx, at, buf)
		if err != nil {
			break
		}
		for i := range buf[:n] {
			r := &buf[i]
			raw[r.Stream].Write(r.Data)
			if r.Kind == journal.Gap {
				return byBytes, byLines, fmt.Errorf("a gap of %d at %d", r.Width, r.Cursor)
			}
			if r.Kind == journal.Note && r.Code == last {
				cutter.Flush(yield)
			}
			cutter.Cut(r, yield)
			if stop() { // in the middle of what was read, and of a line
				at = r.Cursor + r.Width
				break
			}
		}
	}
	for s := range raw {
		byBytes[s], byLines[s] = sha256.Sum256(raw[s].Bytes()), sha256.Sum256(cut[s].Bytes())
	}
	if !errors.Is(err, io.EOF) {
		return byBytes, byLines, err
	}
	return byBytes, byLines, nil
}

// What a writer wrote is what is read live, what is stored and what is replayed,
// byte for byte, in memory and on disk, by its writer and by another.
func TestJournal_IsByteIdentical(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for i := range 200 {
		r := rand.New(rand.NewPCG(uint64(i), 1))
		w, want := randomWrites(r)
		dir := filepath.Join(root, fmt.Sprint(i))
		created, err := journal.Create(dir, 0)
		onDisk := must(t, created, err)
		opened, err := journal.Open(dir)
		along := must(t, opened, err)
		inMemory := journalOf(0, journal.HeadAndTail)
		follow := func(who string, j *journal.Journal, seed uint64) (wait func()) {
			done := make(chan struct{})
			var byBytes, byLines [2][sha256.Size]byte
			var err error
			stops := rand.New(rand.NewPCG(uint64(i), seed))
			go func() {
				defer close(done)
				byBytes, byLines, err = hashOf(t.Context(), j, func() bool { return stops.IntN(8) == 0 })
			}()
			return func() {
				<-done
				if err != nil || byBytes != want || byLines != want {
					t.Errorf("writer %d, %s: %v; bytes equal: %v, lines equal: %v", i, who, err, byBytes == want, byLines == want)
				}
			}
		}
		live := []func(){follow("live in memory", inMemory, 2), follow("live on disk", onDisk, 3), follow("another's, live", along, 4)}
		w.into(inMemory, func() {})
		w.into(onDisk, func() { refresh(t, along) })
		opened, err = journal.Open(dir)
		late := must(t, opened, err)
		for _, wait := range append(live, follow("replayed from memory", inMemory, 5), follow("replayed from disk", onDisk, 6), follow("another's, replayed", late, 7)) {
			wait()
		}
		if err := errors.Join(onDisk.Err(), onDisk.Release(), along.Release(), late.Release()); err != nil {
			t.Error(err)
		}
	}
}
