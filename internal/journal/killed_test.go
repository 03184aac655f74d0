//go:build unix

package journal_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/escher-dbai/cloudops-engine/internal/journal"
)

// With this variable the test binary is a writer of the record in that folder.
const writerVariable = "JOURNAL_TEST_WRITER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(writerVariable); dir != "" {
		fmt.Fprintln(os.Stderr, writeForever(dir))
		os.Exit(1)
	}
	if dir := os.Getenv(shortVariable); dir != "" {
		if err := readInNeed(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// writeForever writes counted numbers to both streams in pieces of many sizes, and a
// note now and then. On stdout it says how much of stdout is in the record by now.
func writeForever(dir string) error {
	j, err := journal.Create(dir, 0)
	if err != nil {
		return err
	}
	written, piece := [2]int{}, make([]byte, 0, 100_000)
	for i := 1; ; i++ {
		s := journal.Stream(i % 2)
		size := 1 + i*i*7919%90_000
		piece = counted(piece[:0], written[s], size)
		j.Append(s, piece)
		written[s] += size
		if i%5 == 0 {
			j.Note(uint8(1+i%100), 1)
		}
		if err := j.Err(); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(os.Stdout, written[journal.Stdout]); err != nil {
			return err
		}
	}
}

// counted appends size bytes of a text from an offset on, in which each byte tells
// where it stands.
func counted(p []byte, off, size int) []byte {
	var number [8]byte
	for at := off; at < off+size; at++ {
		if at == off || at%8 == 0 {
			binary.BigEndian.PutUint64(number[:], uint64(at/8)*0x9e3779b97f4a7c15)
		}
		p = append(p, number[at%8])
	}
	return p
}

// A writer that is killed in the middle of its work loses nothing that it had written,
// and leaves nothing else: for who reads, and for who goes on writing.
func TestDisk_WriterIsKilled(t *testing.T) {
	t.Parallel()
	for round := range 6 {
		dir := filepath.Join(t.TempDir(), "record")
		told := killedAfter(t, dir, 1+round*61)
		opened, err := journal.Open(dir)
		read := whole(t, must(t, opened, err), "opened")
		if len(read[journal.Stdout]) < told {
			t.Errorf("%d bytes of stdout are there, and the writer had written %d", len(read[journal.Stdout]), told)
		}
		resumed, err := journal.Resume(dir)
		j := must(t, resumed, err)
		for s := range read {
			if got := whole(t, j, "resumed")[s]; !bytes.Equal(got, read[s]) {
				t.Errorf("resumed, %s has %d bytes, and had %d", journal.Stream(s), len(got), len(read[s]))
			}
			n := len(read[s])
			j.Append(journal.Stream(s), counted(nil, n, 1000))
		}
		j.Close(last, 1)
		if err := errors.Join(j.Err(), j.Release(), opened.Release()); err != nil {
			t.Fatal(err)
		}
		opened, err = journal.Open(dir)
		after := whole(t, must(t, opened, err), "gone on")
		for s := range after {
			if len(after[s]) != len(read[s])+1000 {
				t.Errorf("gone on, %s has %d bytes, want %d", journal.Stream(s), len(after[s]), len(read[s])+1000)
			}
		}
		if err := opened.Release(); err != nil {
			t.Fatal(err)
		}
	}
}

// killedAfter has a process write, kills it when it has told of so many pieces, and
// returns how much of stdout it told of.
func killedAfter(t *testing.T, dir string, pieces int) (told int) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), self)
	c.Env = append(os.Environ(), writerVariable+"="+dir)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	c.Stderr = &said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	for range pieces {
		if _, err := fmt.Fscanln(lines, &told); err != nil {
			t.Fatalf("the writer ended by itself: %v: %s", err, said.String())
		}
	}
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for { // what it told before it died counts as well
		switch _, err := fmt.Fscanln(lines, &told); {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			_ = c.Wait() // it was killed
			return told
		case err != nil:
			t.Fatal(err)
		}
	}
}

// whole is what a record has of each stream. All of it is what was written there, with
// nothing left out.
func whole(t *testing.T, j *journal.Journal, what string) (streams [2][]byte) {
	t.Helper()
	buf := make([]journal.Record, 64)
	for at := int64(0); ; {
		n, next, _ := j.TryRead(at, buf)
		if n == 0 {
			break
		}
		at = next
		for _, r := range buf[:n] {
			if r.Kind == journal.Gap {
				t.Fatalf("%s: a gap of %d bytes at %d", what, r.Width, r.Cursor)
			}
			streams[r.Stream] = append(streams[r.Stream], r.Data...)
		}
	}
	for s, p := range streams {
		if !bytes.Equal(p, counted(nil, 0, len(p))) {
			t.Errorf("%s: %s is not what was written", what, journal.Stream(s))
		}
	}
	return streams
}
