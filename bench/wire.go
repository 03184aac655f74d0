package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/client"
	"github.com/escher-dbai/cloudops-engine/internal/daemon"
)

// daemonFlag makes this program a daemon at the socket of a directory, until its stdin
// ends; then it says how much memory it took at most, in KiB.
const daemonFlag = "-daemon"

// Kinds of daemon: with executions in its process, or under supervisors.
const (
	inProcess  = "process"
	supervised = "supervised"
)

// beDaemon is the life of a daemon: of a kind, in a directory.
func beDaemon(what string, in io.Reader, out io.Writer) error {
	kind, dir, _ := strings.Cut(what, ":")
	ctx := context.Background()
	d, err := daemon.Open(ctx, daemon.Config{
		StateDir: filepath.Join(dir, "state"), Ephemeral: kind == inProcess,
		Settings: daemon.Settings{Socket: filepath.Join(dir, "s"), MaxRequests: 20_000},
	}, daemon.Opening{Version: "bench", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	stop, err := servePeer(filepath.Join(dir, "peer")) // whom we are compared with is as far away
	if err != nil {
		return err
	}
	defer stop()
	fmt.Fprintln(out, "ready")
	if _, err := io.Copy(io.Discard, in); err != nil {
		return err
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	fmt.Fprintln(out, statusField(string(status), "VmHWM"))
	now, cancel := context.WithCancel(ctx)
	cancel()
	if err := d.Shutdown(now); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// served is a daemon in a process of its own.
type served struct {
	dir string
	cmd *exec.Cmd
	in  io.Closer
	out *bufio.Reader
}

// startDaemon starts this program again as a daemon.
func startDaemon(kind string) (*served, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	s := &served{dir: dir, cmd: exec.Command(self, daemonFlag, kind+":"+dir)} //nolint:gosec // it is this program
	s.cmd.Stderr = os.Stderr
	if s.in, err = s.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	s.out = bufio.NewReader(out)
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	if _, err := s.out.ReadString('\n'); err != nil {
		return nil, errors.Join(err, s.cmd.Wait())
	}
	return s, nil
}

// end ends the daemon, and returns how much memory it took at most, in MiB.
func (s *served) end() (peak float64, err error) {
	err = s.in.Close()
	_, scanned := fmt.Fscan(s.out, &peak)
	err = errors.Join(err, scanned, s.cmd.Wait(), os.RemoveAll(s.dir))
	return peak / 1024, err
}

// dial is a client over connections of HTTP/1.1, as programs have it.
func (s *served) dial() (*client.Client, error) {
	return client.New("unix://"+filepath.Join(s.dir, "s"), client.Config{})
}

// multiplexed is a client whose streams share one connection, of HTTP/2.
func (s *served) multiplexed() (*client.Client, error) {
	t := &http.Transport{Protocols: &http.Protocols{}, DisableCompression: true, DialContext: s.connect}
	t.Protocols.SetUnencryptedHTTP2(true)
	return client.New("unix://"+filepath.Join(s.dir, "s"), client.Config{HTTP: &http.Client{Transport: t}, WithoutOutput: true})
}

func (s *served) connect(ctx context.Context, _, _ string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(s.dir, "s"))
}

// withDaemon makes a study of a daemon and a client of it.
func withDaemon(kind string, study func(ctx context.Context, s *served, c *client.Client) error) (peak float64, err error) {
	s, err := startDaemon(kind)
	if err != nil {
		return 0, err
	}
	c, err := s.dial()
	if err == nil {
		ctx := context.Background()
		err = errors.Join(study(ctx, s, c), c.Shutdown(ctx))
	}
	peak, ending := s.end()
	return peak, errors.Join(err, ending)
}

// sh is a request for a line of sh.
func sh(format string, args ...any) engine.Request {
	return engine.Request{Command: engine.Exec("sh", "-c", fmt.Sprintf(format, args...)), Redact: engine.RedactValues}
}
