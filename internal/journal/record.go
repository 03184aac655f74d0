package journal

import "time"

// Stream names the output stream that bytes came from.
type Stream uint8

// The streams of an execution.
const (
	Stdout Stream = iota
	Stderr

	streams = 2
)

// String returns "stdout" or "stderr", the names used in JSON.
func (s Stream) String() string {
	if s == Stderr {
		return "stderr"
	}
	return "stdout"
}

// Kind tells what a [Record] holds.
type Kind uint8

// The kinds of record.
const (
	Output Kind = iota // bytes of a stream, as they were written
	Gap                // bytes of a stream that the journal no longer has
	Note               // events, each one wide
)

// Record is one piece of the record as a reader gets it.
type Record struct {
	Kind   Kind
	Stream Stream // of Output and Gap

	// Cursor is the position before the record and Width its extent, so that
	// Cursor+Width is where the next one begins.
	Cursor int64
	Width  int64

	// Time is when the first byte of the run, or the event, was appended.
	Time time.Time

	// Line is the number of newlines of the stream before the record.
	Line int64

	// Data is what an Output record holds; it must not be changed.
	Data []byte

	// Code is what was given to Note.
	Code uint8

	// Detail is what was given to NoteDetail.
	Detail uint64

	away *away // where Data is until it is fetched, and which part of it
	off  int64
}
