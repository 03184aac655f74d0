package journal_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/escher-dbai/cloudops-engine/internal/journal"
)

// BenchmarkAppend is what the path of the bytes costs, with the default bound.
func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{80, segment} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			p := numbered(size)
			j := journalOf(10<<20, journal.HeadAndTail)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				j.Append(journal.Stdout, p)
			}
		})
	}
}

// BenchmarkAppend_Alternating is the worst that can be done to the index.
func BenchmarkAppend_Alternating(b *testing.B) {
	j := journalOf(10<<20, journal.HeadAndTail)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		j.Append(journal.Stream(i&1), []byte{'x'})
	}
}

// BenchmarkFollow is one writer and one reader that keeps up as it can, and cuts
// lines of ten bytes.
func BenchmarkFollow(b *testing.B) {
	for _, size := range []int{80, segment} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			p := numbered(size)
			j := journalOf(10<<20, journal.HeadAndTail)
			done := make(chan error)
			lines := 0
			go func() {
				var c journal.Cutter
				buf := make([]journal.Record, 64)
				for at := int64(0); ; {
					n, next, err := j.Read(b.Context(), at, buf)
					if err != nil {
						done <- err
						return
					}
					for i := range buf[:n] {
						c.Cut(&buf[i], func(journal.Line) bool { lines++; return true })
					}
					at = next
				}
			}()
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				j.Append(journal.Stdout, p)
			}
			j.Close(1, 1)
			j.Pack()
			if err := <-done; !errors.Is(err, io.EOF) {
				b.Fatal(err)
			}
			b.ReportMetric(float64(lines)/float64(b.N), "lines/op")
		})
	}
}

// BenchmarkWake is an append, the call that it causes, and what is read then.
func BenchmarkWake(b *testing.B) {
	j := journalOf(10<<20, journal.HeadAndTail)
	calls, at := 0, int64(0)
	var buf [4]journal.Record
	b.ReportAllocs()
	for b.Loop() {
		j.Notify(at, func() { calls++ })
		j.Append(journal.Stdout, []byte("x\n"))
		_, at, _ = j.TryRead(at, buf[:])
	}
	if calls == 0 {
		b.Error("nobody was called")
	}
}

// BenchmarkCut is what it costs to make lines of 80 bytes of 64 KiB.
func BenchmarkCut(b *testing.B) {
	r := &journal.Record{Width: segment, Data: bytes.Repeat(append(bytes.Repeat([]byte{'x'}, 79), '\n'), segment/80)}
	var c journal.Cutter
	lines := 0
	b.SetBytes(segment)
	b.ReportAllocs()
	for b.Loop() {
		c.Cut(r, func(journal.Line) bool { lines++; return true })
	}
}

// BenchmarkSealed is the memory of a finished record: accepted, started, at most
// one run of output, ended.
func BenchmarkSealed(b *testing.B) {
	for _, size := range []int{0, 100, 1 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			const count = 10_000
			output := make([]byte, size)
			options := &journal.Options{KeepBytes: 10 << 20, Budget: journal.NewBudget(1<<30, nil)}
			journals := make([]*journal.Journal, count)
			var bytesEach float64
			for b.Loop() {
				clear(journals)
				before := heap()
				for i := range journals {
					j := journal.New(options)
					j.Note(1, 1)
					j.Note(2, 2)
					j.Append(journal.Stdout, output)
					j.Close(5, 2)
					j.Pack()
					journals[i] = j
				}
				bytesEach = float64(heap()-before) / count
			}
			b.ReportMetric(bytesEach, "bytes")
			b.ReportMetric(bytesEach-float64(size), "bytes-beyond-output")
			runtime.KeepAlive(journals)
		})
	}
}

// BenchmarkReadSealed is what it costs to read a finished record: it is unpacked.
func BenchmarkReadSealed(b *testing.B) {
	j := journalOf(0, journal.HeadAndTail)
	j.Note(1, 1)
	j.Note(2, 2)
	j.Append(journal.Stdout, make([]byte, 100))
	j.Close(5, 2)
	j.Pack()
	var buf [8]journal.Record
	b.ReportAllocs()
	for b.Loop() {
		if n, _, _ := j.TryRead(0, buf[:]); n != 4 {
			b.Fatal(n)
		}
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkDisk is what the path of the bytes costs where they go to disk, index
// included, and what a reader who is behind gets.
func BenchmarkDisk(b *testing.B) {
	for _, size := range []int{80, segment} {
		b.Run(fmt.Sprint("append/", size), func(b *testing.B) {
			j, err := journal.Create(filepath.Join(b.TempDir(), "record"), 64<<20)
			if err != nil {
				b.Fatal(err)
			}
			p := numbered(size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				j.Append(journal.Stdout, p)
			}
			if err := errors.Join(j.Err(), j.Release()); err != nil {
				b.Fatal(err)
			}
		})
	}
	b.Run("read", func(b *testing.B) {
		j, err := journal.Create(filepath.Join(b.TempDir(), "record"), 0)
		if err != nil {
			b.Fatal(err)
		}
		for range 1 << 10 {
			j.Append(journal.Stdout, numbered(segment))
		}
		j.Close(1, 1)
		buf := make([]journal.Record, 64)
		b.SetBytes(64 << 20)
		for b.Loop() {
			for at, ended := int64(0), false; !ended; {
				_, at, ended = j.TryRead(at, buf)
			}
		}
		if err := j.Release(); err != nil {
			b.Fatal(err)
		}
	})
}
