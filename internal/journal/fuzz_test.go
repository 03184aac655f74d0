package journal_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"testing"

	"github.com/escher-dbai/cloudops-engine/internal/journal"
)

// FuzzCutter writes text to both streams, cut as cuts says: each byte is a stream
// (lowest bit), whether there is silence behind (next bit) and a length.
func FuzzCutter(f *testing.F) {
	f.Add([]byte("one\ntwo\r\nthree"), []byte{4, 8, 1, 30}, int16(0), uint8(0))
	f.Add([]byte("prompt: yes\n"), []byte{0x22, 0x21, 0x22}, int16(4), uint8(6))
	f.Add([]byte("\x00\xff\n\n\n\r"), []byte{6, 7, 6, 7}, int16(-1), uint8(1))
	f.Fuzz(func(t *testing.T, text, cuts []byte, from int16, keep uint8) {
		if len(cuts) == 0 || len(text) > 1<<8 {
			t.Skip("nothing to cut, or too much to go on from everywhere")
		}
		whole, bounded := journalOf(0, journal.HeadAndTail), journalOf(int64(keep), journal.HeadAndTail)
		var feed feed
		var texts [2]string
		yield, lines := collect()
		for i := 0; len(text) > 0; i++ {
			cut := cuts[i%len(cuts)]
			n := min(len(text), 1+int(cut>>2))
			s, p := journal.Stream(cut&1), string(text[:n])
			text = text[n:]
			texts[s] += p
			feed.output(s, p, yield)
			if cut&2 != 0 {
				feed.cutter.SoFar(yield)
			}
			whole.Append(s, []byte(p))
			bounded.Append(s, []byte(p))
		}
		feed.cutter.Flush(yield)
		checkLines(t, *lines, texts)
		for _, j := range []*journal.Journal{whole, bounded} {
			watch(j, int64(from), never) // anywhere, also where no event ends
			checkResume(t, j, never)
			j.Close(last, 2)
			j.Pack()
			watch(j, int64(from), never)
			checkResume(t, j, never)
		}
	})
}

// FuzzOpen opens a record of which the index is what somebody made of it: what can
// be read is contiguous, and nothing panics. Fix says to make the checksums fit.
func FuzzOpen(f *testing.F) {
	dir := filepath.Join(f.TempDir(), "record")
	m := small(f, dir)
	index, err := os.ReadFile(filepath.Join(dir, "index"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(index, false)
	f.Add(index[:headerSize+3*slotSize+5], true)
	f.Add(bytes.Repeat([]byte{0xff}, headerSize+slotSize), true)
	crossed := bytes.Clone(index)
	copy(crossed[headerSize+2*slotSize:], index[headerSize+5*slotSize:headerSize+6*slotSize])
	f.Add(crossed, false)
	f.Fuzz(func(t *testing.T, p []byte, fix bool) {
		if fix {
			p = withChecksums(p)
		}
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "index"), p, 0o600); err != nil {
			t.Fatal(err)
		}
		j, err := journal.Open(dir)
		if err != nil {
			return
		}
		at := int64(0)
		for i, r := range readAll(j, 0) {
			if r.Cursor != at || r.Width <= 0 || r.Kind == journal.Output {
				t.Fatalf("record %d, %+v, at %d: there are no bytes", i, pieceOf(&r), at)
			}
			at += r.Width
		}
		if at != j.End() {
			t.Fatalf("read to %d of %d", at, j.End())
		}
		j.Cutter(at / 2)
		for s := range m.streams {
			_ = j.Totals(journal.Stream(s))
		}
		_ = j.Lines(t.Context(), &journal.View{Last: 3}, func(journal.Line) bool { return true })
		if err := j.Release(); err != nil {
			t.Error(err)
		}
	})
}

// withChecksums makes every slot and header look whole.
func withChecksums(p []byte) []byte {
	p = bytes.Clone(p)
	table := crc32.MakeTable(crc32.Castagnoli)
	seal := func(p []byte) {
		binary.LittleEndian.PutUint32(p[len(p)-4:], crc32.Checksum(p[:len(p)-4], table))
	}
	for at := 0; at+headerSize/2 <= min(len(p), headerSize); at += headerSize / 2 {
		copy(p[at:], "cljournl")
		seal(p[at : at+headerSize/2])
	}
	for at := headerSize; at+slotSize <= len(p); at += slotSize {
		seal(p[at : at+slotSize])
	}
	return p
}
