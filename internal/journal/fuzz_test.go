package journal_test

import (
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
