package engine

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// jsonTree is JSON that knows where it stands in its text.
type jsonTree struct {
	path    string
	at      int64
	raw     json.RawMessage
	members []jsonMember // of an object, in their order
	items   []*jsonTree  // of a list
}

type jsonMember struct {
	name  string
	at    int64
	value *jsonTree
}

// maxJSONDepth is how deep a plan may nest: far more than one has reason to.
const maxJSONDepth = 64

// treeReader reads one text.
type treeReader struct {
	text []byte
	dec  *json.Decoder
}

// readTree reads one JSON value and nothing behind it.
func readTree(text []byte) (*jsonTree, error) {
	if !utf8.Valid(text) {
		return nil, &PlanError{[]PlanFault{{Err: detailError("the text is not UTF-8")}}}
	}
	r := &treeReader{text: text, dec: json.NewDecoder(bytes.NewReader(text))}
	root, err := r.value("", 0)
	if err == nil {
		if _, more := r.dec.Token(); !errors.Is(more, io.EOF) {
			err = detailError("there is more behind the plan")
		}
	}
	if err != nil {
		return nil, r.malformed(err)
	}
	return root, nil
}

// malformed is the one fault of a text that is no JSON.
func (r *treeReader) malformed(err error) error {
	at := r.dec.InputOffset()
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		at = syntax.Offset
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		at, err = int64(len(r.text)), detailError("the JSON ends too early")
	}
	f := PlanFault{Err: err}
	f.Line, f.Column = placeIn(r.text, at)
	return &PlanError{[]PlanFault{f}}
}

// placeIn is where a byte of a text stands, counted from 1.
func placeIn(text []byte, at int64) (line, column int) {
	before := text[:min(max(at, 0), int64(len(text)))]
	return 1 + bytes.Count(before, []byte("\n")), len(before) - bytes.LastIndexByte(before, '\n')
}

// begin is where the next value begins: past what separates it from the last.
func (r *treeReader) begin() int64 {
	at := r.dec.InputOffset()
	for at < int64(len(r.text)) && strings.IndexByte(" \t\r\n,:", r.text[at]) >= 0 {
		at++
	}
	return at
}

func (r *treeReader) value(path string, depth int) (*jsonTree, error) {
	if depth > maxJSONDepth {
		return nil, detailError("it nests too deep")
	}
	t := &jsonTree{path: path, at: r.begin()}
	token, err := r.dec.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		err = r.object(t, depth)
	case json.Delim('['):
		err = r.list(t, depth)
	}
	t.raw = r.text[t.at:r.dec.InputOffset()]
	return t, err
}

func (r *treeReader) object(t *jsonTree, depth int) error {
	t.members = []jsonMember{}
	for r.dec.More() {
		m := jsonMember{at: r.begin()}
		name, err := r.dec.Token()
		if err != nil {
			return err
		}
		m.name = fmt.Sprint(name)
		if m.value, err = r.value(t.path+"/"+pointerWord(m.name), depth+1); err != nil {
			return err
		}
		t.members = append(t.members, m)
	}
	_, err := r.dec.Token()
	return err
}

func (r *treeReader) list(t *jsonTree, depth int) error {
	t.items = []*jsonTree{}
	for r.dec.More() {
		item, err := r.value(fmt.Sprintf("%s/%d", t.path, len(t.items)), depth+1)
		if err != nil {
			return err
		}
		t.items = append(t.items, item)
	}
	_, err := r.dec.Token()
	return err
}

// pointerWord is a name in a JSON pointer.
func pointerWord(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}

func (t *jsonTree) isNull() bool { return string(t.raw) == "null" }

// treeAt is the part that a path names, or the nearest around it.
func (t *jsonTree) treeAt(path string) *jsonTree {
	for {
		next := t.child(path)
		if next == nil {
			return t
		}
		t = next
	}
}

// child is the part of t that is path, or has it in it.
func (t *jsonTree) child(path string) *jsonTree {
	for _, m := range t.members {
		if inPath(path, m.value.path) {
			return m.value
		}
	}
	if rest, ok := strings.CutPrefix(path, t.path+"/"); ok && len(t.items) > 0 {
		word, _, _ := strings.Cut(rest, "/")
		if i, err := strconv.Atoi(word); err == nil && i >= 0 && i < len(t.items) {
			return t.items[i]
		}
	}
	return nil
}

func inPath(path, part string) bool {
	rest, ok := strings.CutPrefix(path, part)
	return ok && (rest == "" || rest[0] == '/')
}
