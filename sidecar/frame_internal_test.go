package sidecar

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// all reads frames to the end; one that is too long is "!".
func all(t *testing.T, f *frames) (got []string) {
	t.Helper()
	for {
		line, err := f.next()
		switch {
		case errors.Is(err, errTooLong):
			got = append(got, "!")
		case errors.Is(err, io.EOF):
			return got
		case err != nil:
			t.Fatal(err)
		default:
			got = append(got, string(line))
		}
	}
}

// FuzzFrames holds what is read against the lines that there are, however they come.
func FuzzFrames(f *testing.F) {
	f.Add([]byte("{}\n\r\n [1]\r\n\nx"), 8, false)
	f.Add([]byte("12345678\n123456789\n1234567\r\n12345678\r\n123456789"), 8, true)
	f.Add([]byte("\xff\x00\n"), 1, true)
	f.Add([]byte("0\r\r"), 1, false)
	f.Add([]byte("0\r\r\n0\r\n0\n0\r"), 1, true)
	f.Add(bytes.Repeat([]byte("a"), 70<<10), 80<<10, false)
	f.Fuzz(func(t *testing.T, data []byte, limit int, oneByOne bool) {
		limit = min(max(limit, 1), 1<<20)
		var want []string
		for line := range strings.SplitSeq(string(data), "\n") {
			switch {
			case len(strings.TrimSuffix(line, "\r")) > limit:
				want = append(want, "!")
			case strings.TrimSpace(line) != "":
				want = append(want, string(bytes.TrimSpace([]byte(line))))
			}
		}
		var in io.Reader = bytes.NewReader(data)
		if oneByOne {
			in = iotest.OneByteReader(in)
		}
		if got := all(t, newFrames(in, limit)); !slices.Equal(got, want) {
			t.Errorf("of %q with a limit of %d came %q, want %q", data, limit, got, want)
		}
	})
}

// FuzzParse: whatever a frame is, it is a message, a bare request or a fault, and an answer
// to it is one line of JSON.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"Get","params":{"id":"x"}}`, `{"jsonrpc":"2.0","method":"ack"}`, `{"command":{}}`,
		`{"id":"\u2028","jsonrpc":"2.0","method":"x"}`, `{"id":-1e9,"method":""}`, `[]`, `{"id":"` + "\xff", `nul`, `{"id":{}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		data = bytes.TrimSpace(data)
		if len(data) == 0 || bytes.ContainsRune(data, '\n') {
			return
		}
		m, failed := parse(data)
		if failed == nil && m.method == "" && !m.bare {
			t.Fatalf("%q is a message without a method", data)
		}
		answer := escape(answerFrame([]byte("1"), []byte("{}")))
		if failed != nil {
			answer = escape(errorFrame(m.id, failed))
		} else if m.id != nil {
			answer = escape(answerFrame(m.id, []byte("{}")))
		}
		if !json.Valid(answer) || bytes.ContainsAny(answer, "\r\n\u0085\u2028\u2029") {
			t.Errorf("%q is answered with %q", data, answer)
		}
	})
}
