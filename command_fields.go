package engine

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"
)

// jsonField is one field of a JSON object as it was written. Its name is compared
// exactly, unlike encoding/json does.
type jsonField struct {
	name  string
	value json.RawMessage
}

// readMembers reads one JSON object and nothing after it.
func readMembers(data []byte) ([]jsonField, error) {
	malformed := func(what string, err error) error {
		if err != nil {
			return fmt.Errorf("%w: %s: %w", ErrInvalidCommand, what, err)
		}
		return fmt.Errorf("%w: %s", ErrInvalidCommand, what)
	}
	if !utf8.Valid(data) {
		return nil, malformed("the JSON is not UTF-8", nil)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	open, err := dec.Token()
	if err != nil {
		return nil, malformed("read JSON", err)
	}
	if open != json.Delim('{') {
		return nil, malformed(`a command is a JSON object with a "type"`, nil)
	}
	var members []jsonField
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, malformed("read JSON", err)
		}
		m := jsonField{name: fmt.Sprint(name)}
		if err := dec.Decode(&m.value); err != nil {
			return nil, malformed("read JSON", err)
		}
		members = append(members, m)
	}
	if _, err := dec.Token(); err != nil {
		return nil, malformed("read JSON", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, malformed("there is more after the JSON object", nil)
	}
	return members, nil
}

// commandReader takes the fields of one command out of the members. What it is
// asked for is what is allowed.
type commandReader struct {
	kind    CommandType
	members []jsonField
	known   []string
	bad     []string // fields with a fault, which need no second one
	faults  []commandFault
}

func (r *commandReader) fault(field, format string, args ...any) {
	r.bad = append(r.bad, field)
	r.faults = append(r.faults, commandFault{field, fmt.Sprintf(format, args...)})
}

// take decodes a field into v and tells whether it was there.
func (r *commandReader) take(name string, v any, want string) bool {
	r.known = append(r.known, name)
	i := slices.IndexFunc(r.members, func(m jsonField) bool { return m.name == name })
	if i < 0 || string(r.members[i].value) == "null" {
		return false
	}
	if err := json.Unmarshal(r.members[i].value, v); err != nil {
		r.fault(name, "is not %s", want)
	}
	return true
}

// must is a text that has to be there.
func (r *commandReader) must(name string) string {
	var s string
	if !r.take(name, &s, "a string") {
		r.fault(name, "is missing")
	}
	return s
}

// text is a text that may be left out, but is not empty if it is there.
func (r *commandReader) text(name string) string {
	var s string
	if r.take(name, &s, "a string") && s == "" && !slices.Contains(r.bad, name) {
		r.fault(name, "is empty: leave it out for the default")
	}
	return s
}

// list is a list of texts. A null among them would read as an empty one.
func (r *commandReader) list(name string) []string {
	var list []*string
	r.take(name, &list, "a list of strings")
	texts := make([]string, len(list))
	for i, s := range list {
		if s == nil {
			r.fault(name, "is not a list of strings")
			return nil
		}
		texts[i] = *s
	}
	return texts
}

func (r *commandReader) flag(name string) (on bool) {
	r.take(name, &on, "true or false")
	return on
}

func (r *commandReader) object(name string) map[string]string {
	const want = "an object of strings"
	var object map[string]*string
	r.take(name, &object, want)
	var texts map[string]string
	for key, value := range object {
		if value == nil {
			r.fault(name, "is not %s", want)
			return nil
		}
		if texts == nil {
			texts = make(map[string]string, len(object))
		}
		texts[key] = *value
	}
	return texts
}

// refuseRest is a fault for each member that nobody asked for, and for each
// that is there twice: readers that differ on which one counts would differ on
// what was agreed to.
func (r *commandReader) refuseRest() {
	seen := map[string]bool{}
	for _, m := range r.members {
		switch {
		case seen[m.name]:
			r.fault(m.name, "is there twice")
		case !slices.Contains(r.known, m.name):
			r.fault(quoteWord(m.name), "does not belong to it, which has %s", joinWords(r.known))
		}
		seen[m.name] = true
	}
}
