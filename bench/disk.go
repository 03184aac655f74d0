package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/escher-dbai/cloudops-engine/internal/journal"
)

const (
	diskRounds  = 11
	viewRounds  = 11
	lastLines   = 100
	needle      = "the one line that is searched for"
	gigabyte    = 1e9
	inGBSeconds = " GB/s"
	timesCat    = "× cat"
)

// diskFigures are those of records on disk, and of views.
func diskFigures(short bool) ([]figure, error) {
	mebibytes := 1024
	if short {
		mebibytes /= 8
	}
	var l ledger
	l.add(ofDisk, mebibytes/4, "ratio", newFigure("disk", fmt.Sprintf("%d MiB to disk, index and checksums", mebibytes/4), timesCat, nil).atLeast(0.6))
	size := fmt.Sprintf(" of %d MiB on disk", mebibytes)
	l.add(ofViews, mebibytes, "last", newFigure("views", fmt.Sprint("last ", lastLines, " lines", size), inMillis, nil).within(0, 10))
	l.add(ofViews, mebibytes, "search", newFigure("views", "search for a text"+size, inGBSeconds, nil).atLeast(1))
	l.add(ofViews, mebibytes, "search in memory", newFigure("views", "search for a text in memory", inGBSeconds, nil).atLeast(1))
	return l.figures, l.err
}

// studyDisk reads a producer into a record on disk, and has cat read it into a
// file, turn by turn.
func studyDisk(mebibytes int) (map[string][]float64, error) {
	dir, err := os.MkdirTemp(withoutDevice(), "bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	what := produced(lines80, mebibytes*mebi)
	var ratios []float64
	for i := range diskRounds {
		place := filepath.Join(dir, fmt.Sprint(i))
		ways := []func(what, place string) (time.Duration, error){catToFile, readToDisk}
		var took [2]time.Duration
		for turn := range ways {
			way := (turn + i) % len(ways)
			took[way], err = ways[way](what, place)
			if err := errors.Join(err, os.RemoveAll(place)); err != nil {
				return nil, err
			}
		}
		ratios = append(ratios, took[0].Seconds()/took[1].Seconds())
	}
	return map[string][]float64{"ratio": ratios}, nil
}

// withoutDevice is a folder whose files are in memory, if there is one: both ways
// write the same bytes, and what a device does with them meanwhile is neither's.
func withoutDevice() string {
	const folder = "/dev/shm"
	if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		return ""
	}
	return folder
}

func catToFile(what, place string) (time.Duration, error) {
	path, args := producer(what)
	file, err := os.Create(place) //nolint:gosec // in a folder of our own
	if err != nil {
		return 0, err
	}
	defer file.Close()
	r, w, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer r.Close()
	writes, cat := exec.Command(path, args...), exec.Command("cat") //nolint:gosec // it is this program
	writes.Stdout, cat.Stdin, cat.Stdout = w, r, file
	start := time.Now()
	err = errors.Join(cat.Start(), writes.Start(), w.Close())
	err = errors.Join(err, writes.Wait(), cat.Wait())
	return time.Since(start), err
}

func readToDisk(what, place string) (time.Duration, error) {
	j, err := journal.Create(place, 0)
	if err != nil {
		return 0, err
	}
	start := time.Now()
	err = readPieces(what, func(p []byte) { j.Append(journal.Stdout, p) })
	j.Close(1, 1)
	took := time.Since(start)
	return took, errors.Join(err, j.Err(), j.Release(), complete(what, j.Totals(journal.Stdout).Bytes))
}

// readPieces reads what a producer writes as the engine does: blocking, 64 KiB.
func readPieces(what string, take func(p []byte)) error {
	path, args := producer(what)
	c := exec.Command(path, args...) //nolint:gosec // it is this program
	r, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	for buffer := make([]byte, pipeBytes); ; {
		n, err := r.Read(buffer)
		if n > 0 {
			take(buffer[:n])
		}
		if err != nil {
			return c.Wait()
		}
	}
}

// studyViews looks at a large record, opened by another than its writer.
func studyViews(mebibytes int) (map[string][]float64, error) {
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	place := filepath.Join(dir, "record")
	written, err := journal.Create(place, 0)
	if err != nil {
		return nil, err
	}
	memory := journal.New(&journal.Options{})
	block := blockOf(80)
	for i := range mebibytes * mebi / len(block) {
		written.Append(journal.Stdout, block)
		if i < 256*mebi/len(block) {
			memory.Append(journal.Stdout, block)
		}
		if i == 10 {
			written.Append(journal.Stdout, []byte(needle+"\n"))
			memory.Append(journal.Stdout, []byte(needle+"\n"))
		}
	}
	written.Close(1, 1)
	opened, err := journal.Open(place)
	if err := errors.Join(err, written.Err(), written.Release()); err != nil {
		return nil, err
	}
	found := make(map[string][]float64)
	for range viewRounds {
		took, lines, err := viewed(opened, &journal.View{Last: lastLines})
		if err != nil || lines != lastLines {
			return nil, fmt.Errorf("%d last lines: %w", lines, err)
		}
		found["last"] = append(found["last"], millis(took))
		for name, j := range map[string]*journal.Journal{"search": opened, "search in memory": memory} {
			took, lines, err := viewed(j, searchFor(needle))
			if err != nil || lines != 1 {
				return nil, fmt.Errorf("%d lines were found: %w", lines, err)
			}
			found[name] = append(found[name], float64(j.Totals(journal.Stdout).Bytes)/gigabyte/took.Seconds())
		}
	}
	return found, opened.Release()
}

func searchFor(text string) *journal.View {
	return &journal.View{
		Find:   func(p []byte) int { return bytes.Index(p, []byte(text)) },
		Choose: func(p []byte) bool { return bytes.Contains(p, []byte(text)) },
	}
}

func viewed(j *journal.Journal, v *journal.View) (took time.Duration, lines int, err error) {
	start := time.Now()
	err = j.Lines(context.Background(), v, func(journal.Line) bool { lines++; return true })
	return time.Since(start), lines, err
}
