package daemon_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"connectrpc.com/connect"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/daemon"
)

// messageLimit is that of the daemons here: small, so that what is too large is soon there.
const messageLimit = 64 << 10

// speaker says what it likes to a daemon that runs nothing, by HTTP/2 at its socket.
type speaker struct {
	*http.Transport

	log logged
}

func newSpeaker(tb testing.TB) *speaker {
	tb.Helper()
	path := filepath.Join(shortDir(tb), "s")
	deny := engine.PolicyFunc(func(context.Context, engine.Action) error { return errors.New("nothing runs here") })
	s := &speaker{Transport: &http.Transport{Protocols: &http.Protocols{}, DisableCompression: true}}
	openLogged(tb, daemon.Config{
		Ephemeral: true, StateDir: filepath.Dir(path), Engine: engine.Config{Policy: deny},
		Settings: daemon.Settings{Socket: path, MaxRequestBytes: messageLimit},
	}, &s.log)
	s.Protocols.SetUnencryptedHTTP2(true)
	s.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}
	tb.Cleanup(s.CloseIdleConnections)
	return s
}

// spoken is a request, in bytes.
type spoken struct {
	path, kind string
	header     map[string]string
	body       io.Reader
}

// say sends a request, and returns the code that came back: "ok", a code, or "HTTP" and a
// status where there is none.
func (s *speaker) say(tb testing.TB, q *spoken) string {
	tb.Helper()
	r, err := http.NewRequestWithContext(tb.Context(), http.MethodPost, "http://localhost"+q.path, q.body)
	must(tb, err)
	r.Header.Set("Content-Type", q.kind)
	r.Header.Set("Te", "trailers")
	for name, value := range q.header {
		r.Header.Set(name, value)
	}
	a, err := s.RoundTrip(r)
	if err != nil {
		return "cut: " + err.Error()
	}
	body, err := io.ReadAll(a.Body)
	_ = a.Body.Close()
	if err != nil {
		return "cut: " + err.Error()
	}
	code := codeIn(a, string(body))
	if code == "internal" && unreadable().MatchString(a.Trailer.Get("Grpc-Message")+a.Header.Get("Grpc-Message")+string(body)) {
		return "protocol error" // gRPC has no other code for it
	}
	return code
}

// unreadable is what is said of an envelope that cannot be read.
func unreadable() *regexp.Regexp {
	return regexp.MustCompile("protocol error: |unmarshal (end stream message|web trailers): |extra bytes after end of stream")
}

// codeIn is the code of an answer, wherever its protocol has it.
func codeIn(a *http.Response, body string) string {
	for _, h := range []http.Header{a.Trailer, a.Header} {
		if n, err := strconv.Atoi(h.Get("Grpc-Status")); err == nil {
			return grpcCode(n)
		}
	}
	if m := regexp.MustCompile(`(?i)grpc-status: ?(\d+)`).FindStringSubmatch(body); m != nil {
		n, _ := strconv.Atoi(m[1]) // it is digits
		return grpcCode(n)
	}
	if m := regexp.MustCompile(`"code":\s*"(\w+)"`).FindStringSubmatch(body); m != nil {
		return m[1]
	}
	if a.StatusCode == http.StatusOK {
		return "ok"
	}
	return "HTTP " + strconv.Itoa(a.StatusCode)
}

func grpcCode(n int) string {
	if n == 0 {
		return "ok"
	}
	return connect.Code(n).String()
}

// kinds are the types of content, and how messages stand in them. What is also there is
// another name, or not spoken.
func kinds() map[string]struct{ json, framed, also bool } {
	return map[string]struct{ json, framed, also bool }{
		"application/json": {json: true}, "application/json; charset=utf-8": {json: true, also: true}, "application/proto": {},
		"application/connect+json": {json: true, framed: true}, "application/connect+proto": {framed: true},
		"application/grpc": {framed: true}, "application/grpc+proto": {framed: true, also: true}, "application/grpc+json": {json: true, framed: true, also: true},
		"application/grpc-web": {framed: true, also: true}, "application/grpc-web+proto": {framed: true, also: true}, "application/grpc-web+json": {json: true, framed: true},
		"application/grpc-web-text": {framed: true, also: true}, "application/grpc+thrift": {framed: true, also: true},
	}
}

// frame puts a message into its envelope.
func frame(flags byte, message string) string {
	head := binary.BigEndian.AppendUint32([]byte{flags}, uint32(len(message)))
	return string(head) + message
}

// zipped is a text, compressed.
func zipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(text)) // a buffer takes everything
	_ = w.Close()
	return b.String()
}

func noise(n int) string {
	random := rand.New(rand.NewChaCha8([32]byte{11})) // the same each time
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return string(b)
}

// malformed are messages that are none.
func malformed(isJSON bool) map[string]string {
	if isJSON {
		return map[string]string{
			"cut": `{"id":"01`, "noise": noise(300), "not UTF-8": "{\"id\":\"\xff\xfe\"}", "half a character": `{"id":"\ud800"}`,
			"deep": `{"requests":` + strings.Repeat("[", 30_000), "deep objects": strings.Repeat(`{"command":`, 5000),
			"another type": `{"id":{"a":1}}`, "a number beyond all": `{"wait_ms":1e999,"after":1e99}`, "no object": `[]`, "null": `null`, "unknown": `{"command":{"type":"telnet"}}`,
			"twice": `{"id":"a","id":"b"}`, "nothing": ``, "an id that is a path": `{"id":"../../etc/passwd"}`, "NUL": "{\"id\":\"\x00\"}",
			"too large": `{"id":"` + strings.Repeat("a", messageLimit) + `"}`,
		}
	}
	return map[string]string{
		"cut": "\x0a\x7fabc", "noise": noise(300), "not UTF-8": "\x0a\x02\xff\xfe", "deep groups": strings.Repeat("\x0b", 30_000),
		"deep messages": strings.Repeat("\x0a\x05", 10_000), "a varint that does not end": strings.Repeat("\xff", 20), "a length beyond all": "\x0a\xff\xff\xff\xff\x0f",
		"field 0": "\x00\x00", "nothing": "", "an unknown field": "\xfa\x7f\x01a", "too large": "\x0a\x80\x80\x04" + strings.Repeat("a", messageLimit),
	}
}

// badFrames are envelopes that are none, around what may be a message.
func badFrames() map[string]string {
	return map[string]string{
		"no envelope": "", "half an envelope": "\x00\x00\x00", "4 GiB": "\x00\xff\xff\xff\xff{}", "3 of 9 bytes": "\x00\x00\x00\x00\x09abc",
		"flags": frame(0xfc, "{}"), "compressed, with nothing": frame(1, "{}"), "an end": frame(2, "{}"), "a trailer": frame(0x80, "a: b\r\n"),
		"two": frame(0, "") + frame(0, ""), "two, one of them cut": frame(0, "") + "\x00\x00",
	}
}

// oddHeaders are what says something about a message that is not so, or nothing at all.
func oddHeaders() map[string]map[string]string {
	all := map[string]map[string]string{
		"a version": {"Connect-Protocol-Version": "9"}, "a timeout": {"Connect-Timeout-Ms": "soon", "Grpc-Timeout": "soon"},
		"a timeout that is long": {"Connect-Timeout-Ms": "99999999999999", "Grpc-Timeout": "999999999999H"},
	}
	for _, coding := range []string{"gzip", "br", "zstd", "identity, gzip", strings.Repeat("x", 1000)} {
		all["coded in "+coding[:min(len(coding), 9)]] = map[string]string{"Content-Encoding": coding, "Connect-Content-Encoding": coding, "Grpc-Encoding": coding}
	}
	return all
}

// isFault reports whether a code says that it is the daemon that is wrong, and not what it
// was sent.
func isFault(code string) bool {
	return slices.Contains([]string{"unknown", "internal", "data_loss", "unavailable", "aborted", "HTTP 500", "HTTP 502", "HTTP 503"}, code) ||
		strings.HasPrefix(code, "cut") || strings.HasPrefix(code, "code_")
}

// Every verb, in every type of content, told everything that is wrong: a code that says that
// it is wrong, no panic, and no memory for what was only announced.
func TestRPC11_MalformedWireData(t *testing.T) { //nolint:paralleltest // it looks at the memory of all
	s := newSpeaker(t)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	n := 0
	try := func(what string, q *spoken) {
		n++
		if code := s.say(t, q); isFault(code) {
			t.Errorf("%s to %s as %s: %s", what, q.path, q.kind, code)
		}
	}
	for _, path := range append(procedures(t), verbs+"Nothing", "/grpc.health.v1.Health/Check") {
		for kind, is := range kinds() {
			if is.also && path != verbs+"Execute" && path != verbs+"Watch" {
				continue
			}
			for what, message := range malformed(is.json) {
				if is.framed {
					message = frame(0, message)
				}
				try(what, &spoken{path, kind, nil, strings.NewReader(message)})
			}
			for what, message := range badFrames() {
				try(what, &spoken{path, kind, nil, strings.NewReader(message)})
			}
			for what, header := range oddHeaders() {
				if path != verbs+"Execute" && path != verbs+"Watch" {
					continue // they are read before it matters whose they are
				}
				for _, message := range []string{"{}", frame(1, "{}"), frame(0, "{}"), noise(50)} {
					try(what, &spoken{path, kind, header, strings.NewReader(message)})
				}
			}
		}
	}
	runtime.ReadMemStats(&after)
	if per := (after.TotalAlloc - before.TotalAlloc) / uint64(n); per > 64*messageLimit {
		t.Errorf("a request of at most %d bytes took %d of memory, of %d", messageLimit, per, n)
	}
	if log := s.log.String(); strings.Contains(log, "panic") {
		t.Error(log)
	}
	if code := s.say(t, &spoken{verbs + "Stats", "application/json", nil, strings.NewReader("{}")}); code != "ok" {
		t.Errorf("then what is right: %s", code)
	}
}

// What is small when it comes and large when it is unpacked is too large, and so are ten
// thousand headers.
func TestRPC11_UnpackedSizeCounts(t *testing.T) {
	t.Parallel()
	s := newSpeaker(t)
	bomb := zipped(`{"id":"` + strings.Repeat("a", 100*messageLimit) + `"}`)
	for kind, is := range kinds() {
		if strings.Contains(kind, "text") || strings.Contains(kind, "thrift") {
			continue // not spoken
		}
		body, path := bomb, verbs+"Get"
		if is.framed {
			body = frame(1, bomb)
		}
		if strings.Contains(kind, "connect+") {
			path = verbs + "Watch"
		}
		header := map[string]string{"Content-Encoding": "gzip"}
		if is.framed {
			header = map[string]string{"Connect-Content-Encoding": "gzip", "Grpc-Encoding": "gzip"}
		}
		if code := s.say(t, &spoken{path, kind, header, strings.NewReader(body)}); code != "resource_exhausted" {
			t.Errorf("%s: %s", kind, code)
		}
	}
	many := map[string]string{}
	for i := range 10_000 {
		many["X-"+strconv.Itoa(i)] = "0"
	}
	if code := s.say(t, &spoken{verbs + "Stats", "application/json", many, strings.NewReader("{}")}); code == "ok" {
		t.Error("ten thousand headers are taken")
	}
	if code := s.say(t, &spoken{verbs + "Stats", "application/json", nil, strings.NewReader("{}")}); code != "ok" {
		t.Errorf("then what is right: %s", code)
	}
}

// endless is a body that does not end, of which it is counted how much was taken, also while
// the answer is there already.
type endless struct {
	head  *strings.Reader
	taken atomic.Int64
}

// Read gives more.
func (e *endless) Read(p []byte) (n int, err error) {
	if n, _ = e.head.Read(p); n == 0 {
		n = len(p)
		clear(p)
	}
	e.taken.Add(int64(n))
	return n, nil
}

// A message that does not end is refused at the limit, by every verb, and in every type, and
// the connection serves on.
func TestRPC20_MessageLimits(t *testing.T) {
	t.Parallel()
	s := newSpeaker(t)
	for _, path := range procedures(t) {
		for kind, is := range kinds() {
			for what, head := range map[string]string{
				"one that does not end": "", "one behind it": frame(0, ""), "5 GB": "\x00\xff\xff\xff\xff", "one byte too many": "\x00\x00\x01\x00\x01",
			} {
				if !is.framed && head != "" || kind != "application/json" && path != verbs+"Watch" && path != verbs+"WriteStdin" {
					continue
				}
				body := &endless{head: strings.NewReader(head)}
				code := s.say(t, &spoken{path, kind, nil, body})
				if isFault(code) {
					t.Errorf("%s to %s as %s: %s", what, path, kind, code)
				}
				if n := body.taken.Load(); n > 4<<20 {
					t.Errorf("%s to %s as %s: %d bytes were taken", what, path, kind, n)
				}
			}
		}
	}
	stdin := `{"id":"01234567-89ab-7def-8123-456789abcdef","data":"` + base64.StdEncoding.EncodeToString(make([]byte, messageLimit)) + `"}`
	if code := s.say(t, &spoken{verbs + "WriteStdin", "application/json", nil, strings.NewReader(stdin)}); code != "resource_exhausted" {
		t.Errorf("too much for a stdin: %s", code)
	}
	if code := s.say(t, &spoken{verbs + "Stats", "application/json", nil, strings.NewReader("{}")}); code != "ok" {
		t.Errorf("then what is right: %s", code)
	}
}

// FuzzRPC11 says anything to every verb.
func FuzzRPC11(f *testing.F) {
	s := newSpeaker(f)
	paths := []string{
		"Execute", "ExecuteBatch", "Get", "List", "Wait", "Watch", "ReadOutput", "Cancel", "ExtendDeadline", "WriteStdin", "CloseStdin", "Resize", "AddSecrets", "Delete", "Stats", "Info", "CheckPlan",
	}
	types := []string{"application/json", "application/proto", "application/connect+json", "application/connect+proto", "application/grpc", "application/grpc-web+json"}
	for i, kind := range types {
		is := kinds()[kind]
		for _, message := range malformed(is.json) {
			f.Add(uint8(i), uint8(i), "", []byte(message))
			f.Add(uint8(i+5), uint8(i), "", []byte(frame(0, message)))
		}
	}
	f.Add(uint8(0), uint8(0), "gzip", []byte(zipped(`{"command":{"type":"shell","command":"true"},"limits":{"memory_bytes":1}}`)))
	f.Add(uint8(5), uint8(2), "", []byte("2\x00\x00\x00\v00000000000")) // the end of a stream that is no JSON
	f.Add(uint8(3), uint8(0), "", []byte(`{"filter":{"status":["running"],"limit":3,"text":"x"}}`))
	f.Fuzz(func(t *testing.T, verb, kind uint8, coding string, body []byte) {
		if !regexp.MustCompile(`^[a-z]{0,20}$`).MatchString(coding) {
			return // net/http does not send it
		}
		q := &spoken{verbs + paths[int(verb)%len(paths)], types[int(kind)%len(types)], nil, bytes.NewReader(body)}
		if coding != "" {
			q.header = map[string]string{"Content-Encoding": coding, "Connect-Content-Encoding": coding, "Grpc-Encoding": coding}
		}
		if code := s.say(t, q); isFault(code) {
			text, _ := json.Marshal(string(body)) // a string can be written
			t.Errorf("%s as %s, %q: %s\n%s", q.path, q.kind, coding, code, text)
		}
		if log := s.log.String(); strings.Contains(log, "panic") {
			t.Error(log)
		}
	})
}

// Whoever asks about an execution by what is no id is told how one looks, and not to leave
// it out.
func TestDaemon_SaysWhatAnIDLooksLike(t *testing.T) {
	t.Parallel()
	at, _ := local(t)
	for _, verb := range []string{"Get", "Wait", "Record", "Cancel", "ExtendDeadline", "WriteStdin", "CloseStdin", "Resize", "AddSecrets"} {
		for _, id := range []string{"", "../x", "019a5c1e"} {
			body := `{"id":"` + id + `"}`
			status, answer := ask(t, at, &asked{http.MethodPost, verbs + verb, body, map[string]string{"Content-Type": "application/json"}})
			if status != http.StatusBadRequest || !strings.Contains(answer, "is not a UUID") || !strings.Contains(answer, "an id looks like") || strings.Contains(answer, "leave it out") {
				t.Errorf("%s of %q: %d %s", verb, id, status, answer)
			}
		}
	}
}
