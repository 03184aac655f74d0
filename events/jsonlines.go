package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

// Log is an engine.EventHandler that writes one event a line, in the JSON of
// engine.Event, which is the original's. Made by [JSONLines] or [JSONLinesFile]; it
// is safe for concurrent use.
type Log struct {
	mu     sync.Mutex
	w      io.Writer
	file   *os.File // nil where w is the caller's
	err    error    // the first
	torn   bool     // the last line has no end
	lost   int64    // events that could not be written
	closed bool
}

// JSONLines returns a handler that writes to w. The lines of one call are one
// write.
//
// What cannot be written is counted, and [Log.Err] says why. When writing works
// again, an EventsMissed event says how many lines are missing there; a torn line is
// ended, and stands alone.
func JSONLines(w io.Writer) *Log { return &Log{w: w} }

// JSONLinesFile returns a handler that writes to the end of the file at path. It
// is made for its owner alone (0600) if it is not there; one that is there keeps
// its mode. Several programs may write to one file on a local disk. Close it. Errors:
// those of os.OpenFile.
func JSONLinesFile(path string) (*Log, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	torn, err := endsTorn(f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &Log{w: f, file: f, torn: torn}, nil
}

// endsTorn reports whether the last line of a file has no end: whoever wrote it
// died.
func endsTorn(f *os.File) (bool, error) {
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
		return false, err
	}
	var last [1]byte
	if _, err := f.ReadAt(last[:], info.Size()-1); err != nil {
		return false, fmt.Errorf("read the end of %s: %w", f.Name(), err)
	}
	return last[0] != '\n', nil
}

// HandleEvents writes events. After Close they are lost, and counted.
func (l *Log) HandleEvents(events []engine.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		l.fail(int64(len(events)), os.ErrClosed)
		return
	}
	text, before, err := l.encode(events)
	n, failed := l.w.Write(text)
	done := bytes.Count(text[:n], []byte("\n")) - before
	if done >= 0 {
		l.lost = 0 // it is told
	}
	if n > 0 {
		l.torn = text[n-1] != '\n'
	}
	if failed != nil {
		err = failed
	}
	if lost := len(events) - max(done, 0); lost > 0 {
		l.fail(int64(lost), err)
	}
}

// encode is the text of events, with how many lines it ends before theirs: one
// that is torn, and one that tells what is missing.
func (l *Log) encode(events []engine.Event) (text []byte, before int, failed error) {
	if l.torn {
		text, before = append(text, '\n'), 1
	}
	if l.lost > 0 {
		missed := engine.Event{Kind: engine.EventsMissed, Time: time.Now(), Missed: engine.Missed{Events: l.lost}}
		events = append([]engine.Event{missed}, events...)
		before++
	}
	for i := range events {
		line, err := json.Marshal(&events[i])
		if err != nil {
			failed = err
			continue
		}
		text = append(append(text, line...), '\n')
	}
	return text, before, failed
}

func (l *Log) fail(lost int64, err error) {
	l.lost += lost
	if l.err == nil {
		l.err = fmt.Errorf("write events: %w", err)
	}
}

// Err returns the first error, or nil.
func (l *Log) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// Close closes the file of [JSONLinesFile], and takes no more events. It returns
// the first error there was. A second call changes nothing.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file != nil && !l.closed {
		if err := l.file.Close(); err != nil && l.err == nil {
			l.err = err
		}
	}
	l.closed = true
	return l.err
}
