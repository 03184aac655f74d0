package rpc_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/escher-dbai/cloudops-engine/rpc"
)

// Who asks in a way that a verb does not know is told a way that it does. Connect answers
// these with a bare status.
func TestHandler_ExplainsHowVerbsAreAskedFor(t *testing.T) {
	t.Parallel()
	d := open(t, rpc.Config{}, itself)
	const verbs = "/cloudops.v1.ExecutionService/"
	for what, c := range map[string]struct {
		method, verb, kind string
		status             int
		hint               string
	}{
		"a stream, as a call":           {"POST", "Watch", "application/json", http.StatusUnsupportedMediaType, "/logs"},
		"another, in protobuf":          {"POST", "ReadOutput", "application/proto", http.StatusUnsupportedMediaType, "connect+json"},
		"a call, as a stream":           {"POST", "Stats", "application/connect+json", http.StatusUnsupportedMediaType, "application/json"},
		"by GET, without a message":     {"GET", "Get", "", http.StatusUnsupportedMediaType, "encoding=json"},
		"by GET, in another encoding":   {"GET", "Stats?encoding=xml&message=x", "", http.StatusUnsupportedMediaType, "encoding=json"},
		"a stream, by GET":              {"GET", "Watch", "", http.StatusMethodNotAllowed, "/logs"},
		"what has an effect, by GET":    {"GET", "Execute?encoding=json&message=%7B%7D", "", http.StatusMethodNotAllowed, "POST"},
		"by a method that does nothing": {"DELETE", "Get", "", http.StatusMethodNotAllowed, "POST"},
	} {
		a := d.ask(c.method, verbs+c.verb, "{}", "Content-Type", c.kind)
		var told struct{ Code, Message, Hint string }
		if err := json.Unmarshal([]byte(a.body), &told); err != nil || a.status != c.status || told.Code == "" || told.Message == "" || !strings.Contains(told.Hint, c.hint) {
			t.Errorf("%s: want %d …%s…, got %d %q, %v", what, c.status, c.hint, a.status, a.body, err)
		}
		if strings.Contains(a.body, `\u`) {
			t.Errorf("%s: nobody can copy that: %s", what, a.body)
		}
	}
	for path, status := range map[string]int{"Stats?connect=v1&encoding=json&message=%7B%7D": http.StatusOK, "Nope": http.StatusNotFound} {
		if a := d.ask("GET", verbs+path, ""); a.status != status {
			t.Errorf("GET %s: want %d, got %+v", path, status, a)
		}
	}
}

// A body that is framed wrongly is the fault of who sent it, and not ours.
func TestHandler_SaysThatABodyIsMalformed(t *testing.T) {
	t.Parallel()
	d := open(t, rpc.Config{}, itself)
	at := strings.TrimPrefix(d.url, "http://")
	for what, framed := range map[string]string{
		"a length that is no number": "zz\r\n{}\r\n0\r\n\r\n",
		"a chunk without its end":    "2\r\n{}xx\r\n0\r\n\r\n",
		"a length without an end":    strings.Repeat("1", 5000),
	} {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		_, err = fmt.Fprintf(conn, "POST /cloudops.v1.ExecutionService/Stats HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n%s", at, framed)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(what, err)
		}
		var told struct{ Code, Message string }
		if err := json.NewDecoder(answer.Body).Decode(&told); err != nil || answer.StatusCode != http.StatusBadRequest || told.Code != "invalid_argument" {
			t.Errorf("%s: %s %+v, %v", what, answer.Status, told, err)
		}
		_, _ = answer.Body.Close(), conn.Close() // they were read
	}
}
