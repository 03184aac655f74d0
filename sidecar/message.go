package sidecar

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// maxIDBytes is the most that an id may have: it is kept for as long as its call.
const maxIDBytes = 256

// message is a request of the host, or a notification.
type message struct {
	id     json.RawMessage // nil: a notification
	method string
	params json.RawMessage // nil: none
	bare   bool            // no JSON-RPC, but a request as the original's bridge took it
}

// parse reads one message. Its faults are of the protocol.
func parse(frame []byte) (m message, failed *fault) {
	members, failed := membersOf(frame)
	if failed != nil {
		return m, failed
	}
	_, versioned := members["jsonrpc"]
	_, named := members["method"]
	if _, m.bare = members["command"]; m.bare && !versioned && !named {
		return m, nil
	}
	m.bare = false
	if id, ok := members["id"]; ok {
		if m.id, failed = parseID(id); failed != nil {
			return m, failed
		}
	}
	if string(members["jsonrpc"]) != `"2.0"` {
		return m, invalidRequest(`"jsonrpc" must be "2.0"`)
	}
	if json.Unmarshal(members["method"], &m.method) != nil || m.method == "" {
		return m, invalidRequest(`"method" must be the name of one`)
	}
	if m.params = members["params"]; string(m.params) == "null" {
		m.params = nil
	}
	return m, nil
}

// membersOf takes an object apart.
func membersOf(frame []byte) (map[string]json.RawMessage, *fault) {
	switch {
	case !utf8.Valid(frame): // encoding/json would put something else there, and say nothing
		return nil, invalidJSON("the line is not UTF-8")
	case frame[0] != '{' && json.Valid(frame):
		return nil, invalidRequest("a request is an object")
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(frame, &members); err != nil {
		return nil, invalidJSON(err.Error())
	}
	return members, nil
}

// parseID checks an id and returns it in the one form that it is known by.
func parseID(id json.RawMessage) (json.RawMessage, *fault) {
	var text string
	switch {
	case len(id) > maxIDBytes:
		return nil, invalidRequest("the id is too long")
	case id[0] == '-', id[0] >= '0' && id[0] <= '9':
		return id, nil
	case id[0] == '"' && json.Unmarshal(id, &text) == nil:
		id, err := json.Marshal(text)
		if err == nil {
			return id, nil
		}
	}
	return nil, invalidRequest("an id is a string or a number")
}

// batchOf takes a batch apart.
func batchOf(frame []byte, most int) ([]json.RawMessage, *fault) {
	if !utf8.Valid(frame) {
		return nil, invalidJSON("the line is not UTF-8")
	}
	var members []json.RawMessage
	if err := json.Unmarshal(frame, &members); err != nil {
		return nil, invalidJSON(err.Error())
	}
	switch n := len(members); {
	case n == 0:
		return nil, invalidRequest("the batch is empty")
	case n > most:
		return nil, invalidRequest("the batch has too many requests")
	}
	return members, nil
}

// answerFrame is the answer to a call.
func answerFrame(id, result json.RawMessage) []byte {
	return join(`{"jsonrpc":"2.0","id":`, id, `,"result":`, result, `}`)
}

// errorFrame is the answer to a call that failed. Without an id it is null.
func errorFrame(id json.RawMessage, f *fault) []byte {
	if id == nil {
		id = json.RawMessage("null")
	}
	return join(`{"jsonrpc":"2.0","id":`, id, `,"error":`, f.object(), `}`)
}

// notification is a frame that is not answered.
func notification(method string, params any) ([]byte, error) {
	data, err := json.Marshal(params)
	if err != nil {
		return nil, err
	}
	return join(`{"jsonrpc":"2.0","method":"`, []byte(method), `","params":`, data, `}`), nil
}

func join(head string, first []byte, middle string, second []byte, tail string) []byte {
	return bytes.Join([][]byte{[]byte(head), first, []byte(middle), second, []byte(tail)}, nil)
}
