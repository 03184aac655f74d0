package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// producerFlag makes this program a child that writes as fast as it is read.
const producerFlag = "-produce"

// What a producer writes: lines of 80 or 8 bytes with their newline, one line
// without end, or a line of eight bytes each millisecond that says when it was
// written.
const (
	lines80 = "lines80"
	lines8  = "lines8"
	oneLine = "line"
	ticking = "ticks"
	paced   = "paced"  // lines of 80 bytes, 64 KiB each 4 ms: 16 MB/s
	steady  = "steady" // lines of 80 bytes, 40 of them each 4 ms: 10,000 a second
)

// pacedEach is the time between two blocks of a paced producer.
const pacedEach = 4 * time.Millisecond

// produced names what a producer is to write, and how much.
func produced(kind string, amount int) string { return fmt.Sprint(kind, ":", amount) }

// amountOf is how much that is.
func amountOf(what string) int64 {
	_, amount, _ := strings.Cut(what, ":")
	n, _ := strconv.ParseInt(amount, 10, 64) // it was made by produced
	return n
}

// produce is the life of a producer.
func produce(what string) error {
	kind, _, _ := strings.Cut(what, ":")
	if kind == ticking {
		return tick(int(amountOf(what)))
	}
	width := map[string]int{lines80: 80, paced: 80, steady: 80, lines8: 8, oneLine: 0}[kind]
	block := blockOf(width)
	var pace <-chan time.Time
	if kind == paced || kind == steady {
		pace = time.Tick(pacedEach)
	}
	if kind == steady {
		block = block[:40*width]
	}
	for left := amountOf(what); left > 0; {
		if pace != nil {
			<-pace
		}
		n, err := os.Stdout.Write(block[:min(left, int64(len(block)))])
		if err != nil {
			return err
		}
		left -= int64(n)
	}
	return nil
}

// blockOf is what a pipe takes at once, in lines of that width; 0: no newline.
func blockOf(width int) []byte {
	block := bytes.Repeat([]byte{'x'}, pipeBytes)
	for i := width - 1; width > 0 && i < len(block); i += width {
		block[i] = '\n'
	}
	return block
}

// tick writes n lines, one a millisecond.
func tick(n int) error {
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for range n {
		<-ticker.C
		if _, err := os.Stdout.WriteString(strconv.FormatInt(time.Now().UnixNano(), 10) + "\n"); err != nil {
			return err
		}
	}
	return nil
}

// tickBytes is how long a line of a ticking producer is: nanoseconds since 1970.
const tickBytes = 19

// sinceWritten is how long ago a line of a ticking producer was written.
func sinceWritten(line []byte) (time.Duration, error) {
	n, err := strconv.ParseInt(string(line), 10, 64)
	return time.Duration(time.Now().UnixNano() - n), err
}
