package daemon_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/client"
	"github.com/escher-dbai/cloudops-engine/enginetest"
	"github.com/escher-dbai/cloudops-engine/internal/daemon"
)

// preface is how HTTP/2 begins, with empty settings.
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"

// Who says nothing, or not enough, is dropped in time, and the others are served meanwhile.
func TestRPC12_SlowLorisAndHalfOpen(t *testing.T) {
	t.Parallel()
	certificate := newPair(t, "first")
	for what, c := range map[string]struct {
		says string
		drip string // what it says every nine seconds
		tls  bool
		most time.Duration
	}{
		"nothing":                  {"", "", false, 10 * time.Second},
		"half a line":              {"POST /", "", false, 10 * time.Second},
		"a header, byte by byte":   {"POST / HTTP/1.1\r\nHost: x\r\nX: ", "a", false, 10 * time.Second},
		"half a hello of TLS":      {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "", true, 10 * time.Second},
		"nothing, with TLS":        {"", "", true, 10 * time.Second},
		"half of HTTP/2":           {preface[:20], "", false, 10 * time.Second},
		"HTTP/2 and nothing more":  {preface, "", false, 30 * time.Second},
		"a header, and no message": {"POST /cloudops.v1.ExecutionService/Stats HTTP/1.1\r\nHost: 127.0.0.1:7443\r\nContent-Length: 9\r\nContent-Type: application/json\r\n\r\n", "", false, 30 * time.Second},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := inPipes(t, nil, func(s *daemon.Settings) {
					if c.tls {
						s.TLSCert, s.TLSKey = certificate.cert, certificate.key
					}
				})
				defer p.end()
				began, took := time.Now(), make(chan time.Duration)
				const many = 100
				for range many {
					conn := p.dial(c.says)
					spawn(t, func() {
						_, _ = io.Copy(io.Discard, conn)
						took <- time.Since(began)
						_ = conn.Close()
					})
					if c.drip != "" {
						spawn(t, func() {
							for err := error(nil); err == nil; _, err = io.WriteString(conn, c.drip) {
								<-time.After(9 * time.Second)
							}
						})
					}
				}
				synctest.Wait()
				if n := p.Seated(); n != many {
					t.Errorf("%d are there", n)
				}
				if !c.tls {
					p.serves()
				}
				for range many {
					if d := <-took; d > c.most+time.Second {
						t.Fatalf("it was dropped after %v", d)
					}
				}
			})
		})
	}
}

// A message that stops in its middle is answered with a code when its time is over.
func TestRPC12_AMessageThatStops(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := inPipes(t, nil)
		defer p.end()
		whole := p.asks(http.MethodPost, verbs+"Execute", `{"command":{"type":"shell","command":"true"}}`)
		c := p.dial(whole[:len(whole)-5])
		defer shut(c)
		began := time.Now()
		p.serves()
		a, err := http.ReadResponse(bufio.NewReader(c), nil)
		must(t, err)
		defer shut(a.Body)
		if answer := readAll(t, a.Body); !strings.Contains(answer, `"code":"deadline_exceeded"`) || time.Since(began) > 31*time.Second {
			t.Errorf("after %v: %d %s", time.Since(began), a.StatusCode, answer)
		}
	})
}

// running is an execution that prints so many kilobytes and runs on.
func (p *pipes) running() (path string) {
	p.t.Helper()
	self, err := os.Executable() // nobody starts it
	must(p.t, err)
	_, answer := p.ask(http.MethodPost, verbs+"Execute", `{"command":{"type":"exec","program":"`+self+`","args":["script"]}}`)
	_, id, _ := strings.Cut(strings.ReplaceAll(answer, " ", ""), `"id":"`)
	id, _, ok := strings.Cut(id, `"`)
	if !ok {
		p.t.Fatal(answer)
	}
	return "/v1/executions/" + id + "/logs?follow=1"
}

// Who opens a stream and never reads is dropped after a minute. Until then it costs one
// batch, however much there is, and nobody else waits for it.
func TestRPC12_AStreamThatNobodyReads(t *testing.T) { //nolint:paralleltest // it looks at the memory of all
	synctest.Test(t, func(t *testing.T) {
		const output = 8 << 20
		p := inPipes(t, enginetest.Scripts{"script": {Prints: []enginetest.Print{{Text: strings.Repeat(strings.Repeat("x", 1023)+"\n", output>>10)}}, Runs: time.Hour}})
		defer p.end()
		path := p.running()
		synctest.Wait()
		before := heap()
		const many = 50
		var all []net.Conn
		for range many {
			all = append(all, p.dial(p.asks(http.MethodGet, path, "")))
		}
		synctest.Wait() // all are stuck
		if n := p.Inside(); n != many {
			t.Errorf("%d streams are open", n)
		}
		if each := (heap() - before) / many; each > 1<<20 {
			t.Errorf("each who does not read costs %d bytes, of %d", each, output)
		}
		p.serves()
		<-time.After(61 * time.Second)
		synctest.Wait()
		if n, m := p.Inside(), p.Seated(); n != 0 || m != 0 {
			t.Errorf("after a minute %d streams and %d connections are open", n, m)
		}
		for _, c := range all {
			_ = c.Close()
		}
		p.serves()
	})
}

// heap is how much memory is in use.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// Of two hundred who follow, a half is killed, and a half is cut off without a word: all that
// was theirs is gone soon, and the execution has not noticed.
func TestRPC13_StreamClientsVanish(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := inPipes(t, enginetest.Scripts{"script": {Prints: enginetest.Lines("one"), Runs: time.Hour}})
		defer p.end()
		path := p.running() + "&format=sse"
		var killed, cut []net.Conn
		for i := range 200 {
			c := p.dial(p.asks(http.MethodGet, path, ""))
			first := make([]byte, 4<<10)
			if _, err := c.Read(first); err != nil || !strings.HasPrefix(string(first), "HTTP/1.1 200") {
				t.Fatalf("%s, %v", first, err)
			}
			if i%2 == 0 {
				killed = append(killed, c)
			} else {
				cut = append(cut, c)
			}
		}
		for _, c := range killed {
			_ = c.Close()
		}
		synctest.Wait()
		if n := p.Inside(); n != len(cut) {
			t.Errorf("a half was killed, and there are %d", n)
		}
		<-time.After(80 * time.Second) // a keep-alive, and how long it may take to be read
		synctest.Wait()
		if n, m := p.Inside(), p.Seated(); n != 0 || m != 0 {
			t.Errorf("then %d streams and %d connections are open", n, m)
		}
		if _, stats := p.ask(http.MethodPost, verbs+"Stats", "{}"); !strings.Contains(strings.ReplaceAll(stats, " ", ""), `"running":1`) {
			t.Errorf("what ran: %s", stats)
		}
		for _, c := range cut {
			_ = c.Close()
		}
	})
}

// The same on sockets: a connection that is reset takes its stream along at once.
func TestRPC13_ResetConnections(t *testing.T) {
	t.Parallel()
	n := network(t, daemon.Operator)
	c := caller(t, n.at, n.secret)
	id, err := c.Execute(t.Context(), engine.Request{Command: engine.Shell("sleep 1000")})
	must(t, err)
	for range 50 {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(n.at, "http://"))
		must(t, err)
		_, err = fmt.Fprintf(conn, "GET /v1/executions/%s/logs?follow=1&format=sse HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n\r\n", id, conn.RemoteAddr(), n.secret)
		must(t, err)
		_, err = conn.Read(make([]byte, 100))
		must(t, err)
		tcp, _ := conn.(*net.TCPConn) // it was dialled so
		must(t, tcp.SetLinger(0))
		must(t, conn.Close())
	}
	for n.Inside() > 0 {
		if _, err := c.Stats(t.Context()); err != nil { // which takes a moment
			t.Fatal(err)
		}
	}
	must(t, c.Cancel(t.Context(), id, engine.Cancellation{Force: true}))
}

// 300 streams on one connection of HTTP/2 all open, all get their events, and do not keep
// a call on the same connection from being answered.
func TestRPC14_StreamsDoNotStarveCalls(t *testing.T) {
	t.Parallel()
	d := open(t, daemon.Config{Ephemeral: true, StateDir: shortDir(t), Settings: daemon.Settings{Socket: shortDir(t) + "/s"}})
	s := &speaker{Transport: &http.Transport{Protocols: &http.Protocols{}}}
	s.Protocols.SetUnencryptedHTTP2(true)
	dials := 0
	socket := strings.TrimPrefix(d.Addresses()[0], "unix://")
	connection, err := (&net.Dialer{}).DialContext(t.Context(), "unix", socket)
	must(t, err)
	s.DialContext = one(connection, &dials)
	defer s.CloseIdleConnections()
	c, err := client.New("http://localhost", client.Config{Patience: -1, HTTP: &http.Client{Transport: s.Transport}})
	must(t, err)
	id, err := c.Execute(t.Context(), engine.Request{Command: engine.Shell("echo one; read x; echo two"), Interactive: true})
	must(t, err)
	const many = 300
	first, ended := make(chan error, many), make(chan error, many)
	for range many {
		spawn(t, func() {
			var failed error
			lines := 0
			for ev, err := range c.Watch(t.Context(), id, 0) {
				if failed = err; err == nil && ev.Kind == engine.StdoutWritten {
					if lines++; lines == 1 {
						first <- nil
					}
				}
			}
			if lines != 2 && failed == nil {
				failed = fmt.Errorf("%d lines", lines)
			}
			if lines == 0 {
				first <- failed
			}
			ended <- failed
		})
	}
	for range many {
		must(t, <-first)
	}
	for range 20 {
		if _, err := c.Stats(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	_, err = c.WriteStdin(t.Context(), id, []byte("on\n"))
	must(t, err)
	for range many {
		must(t, <-ended)
	}
	if dials != 1 {
		t.Errorf("it took %d connections", dials)
	}
}
