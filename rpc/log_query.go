package rpc

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/wire"
)

// logQuery is what a request for logs asks.
type logQuery struct {
	id      engine.ID
	after   engine.Cursor
	follow  bool
	streams []engine.Stream // none: both
	tail    int             // 0: all
	format  logFormat
	unended map[engine.Stream]int64 // lines that were given, and that Watch gives again
}

// wants reports whether an event is asked for: with a stream its lines and gaps, and the
// ending.
func (q *logQuery) wants(ev *engine.Event) bool {
	switch s, _ := wire.ParseStream(string(ev.Kind)); { // what is none is no line, and not unended
	case ev.Unended && q.unended[s] == ev.Number:
		return false
	case len(q.streams) == 0 || ev.Kind.Terminal():
		return true
	case ev.Kind == engine.OutputSkipped:
		return q.has(ev.Gap.Stream)
	}
	return string(ev.Kind) == q.streams[0].String()
}

func (q *logQuery) has(s engine.Stream) bool { return len(q.streams) == 0 || q.streams[0] == s }

// readLogQuery reads a request for logs, strictly.
func readLogQuery(r *http.Request) (q logQuery, err error) {
	if q.id, err = engine.ParseID(r.PathValue("id")); err != nil {
		return q, err
	}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return q, fmt.Errorf("%w: query: %w", engine.ErrInvalid, err)
	}
	format := ""
	for name, all := range values {
		if len(all) > 1 {
			return q, engine.Advise(fmt.Errorf("%w: %s is given %d times", engine.ErrInvalid, name, len(all)), "give it once")
		}
		if name == "format" {
			format = all[0]
			continue
		}
		if err := q.set(name, all[0]); err != nil {
			return q, err
		}
	}
	if id := r.Header.Get("Last-Event-ID"); id != "" {
		if err := q.setAfter("Last-Event-ID", id); err != nil {
			return q, err
		}
		q.tail = 0 // it was given before
	}
	q.format, err = formatOf(format, r.Header.Get("Accept"))
	return q, err
}

// set takes one parameter.
func (q *logQuery) set(name, value string) error {
	var err error
	switch name {
	case "after":
		return q.setAfter(name, value)
	case "follow":
		if q.follow, err = strconv.ParseBool(value); err != nil {
			return wrong(name, value, "it is 1 or 0, true or false")
		}
	case "stream":
		s, err := wire.ParseStream(value)
		if err != nil {
			return wrong(name, value, "it is stdout or stderr; without it both come")
		}
		q.streams = []engine.Stream{s}
	case "tail":
		if q.tail, err = strconv.Atoi(value); err != nil || q.tail < 1 {
			return wrong(name, value, "it is a number of lines, from 1 on; without it all come")
		}
	default:
		return engine.Advise(fmt.Errorf("%w: there is no parameter %.40q", engine.ErrInvalid, name), "there are after, follow, stream, tail and format")
	}
	return nil
}

// setAfter takes a cursor, of a parameter or a header.
func (q *logQuery) setAfter(name, value string) error {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < 0 {
		return wrong(name, value, "it is the cursor of an event, which is the id of a server-sent one; 0 is the begin")
	}
	q.after = engine.Cursor(n)
	return nil
}

func wrong(name, value, hint string) error {
	return engine.Advise(fmt.Errorf("%w: %s is %.40q", engine.ErrInvalid, name, value), "%s", hint)
}

// accepts reports whether a client asks for a media type.
func accepts(accept, mime string) bool {
	mime, _, _ = strings.Cut(mime, ";")
	return strings.Contains(accept, mime)
}
