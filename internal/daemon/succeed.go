package daemon

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

// Inheritance is what a daemon has of the one that ran before. The one before goes on
// unless it is told that we are ready. A nil one is that of nobody.
type Inheritance struct {
	// Listeners are for Opening.Inherited.
	Listeners []net.Listener
	// Notifier is that of the one before: its service manager is ours now.
	Notifier Notifier

	conn net.Conn
}

// Succeed has the daemon at the socket of a configuration end in our favour, and returns
// what it leaves; nil where there is none. What can be found wrong with the
// configuration is found before. Errors: engine.ErrInvalidConfig, that the other one
// does not hand over, and why.
func Succeed(ctx context.Context, c Config) (*Inheritance, error) {
	c.Settings = c.WithDefaults()
	if err := c.check(); err != nil {
		return nil, err
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", c.Socket)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return nil, nil //nolint:nilnil // there is nobody to replace, and that is no fault
	}
	if err != nil {
		return nil, fmt.Errorf("replace the daemon at %s: %w", c.Socket, err)
	}
	i := &Inheritance{conn: conn}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	if err := i.take(&c); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, errors.Join(fmt.Errorf("replace the daemon at %s: %w", c.Socket, err), i.Close())
	}
	return i, nil
}

// check finds what would keep the daemon from opening, as far as that shows before.
func (c *Config) check() error {
	if err := errors.Join(c.validate(), c.Engine.Validate()); err != nil {
		return err
	}
	if _, err := newRules(&c.Settings); err != nil {
		return err
	}
	if runtime.GOOS == "windows" {
		return engine.Advise(fmt.Errorf("replace a daemon while it runs: %w on Windows", errors.ErrUnsupported), "stop it, and start the new one")
	}
	if c.Ephemeral {
		return engine.Advise(errors.New("an ephemeral daemon keeps nothing, and cannot go on with what runs"), "leave --ephemeral or --replace away")
	}
	if c.Listen == "" {
		return nil
	}
	return c.checkTokens(c.Listen)
}

// take asks for the estate, and waits for it.
func (i *Inheritance) take(c *Config) error {
	if err := i.conn.SetDeadline(time.Now().Add(estateWait)); err != nil {
		return err
	}
	if err := i.ask(c); err != nil {
		return err
	}
	if _, err := io.WriteString(i.conn, "go\n"); err != nil {
		return err
	}
	text, files, err := receiveFiles(i.conn)
	e := &estate{files: files}
	if err == nil {
		err = json.Unmarshal(text, e)
	}
	if err == nil {
		i.Listeners, err = e.listeners()
	}
	if err = errors.Join(err, e.close()); err != nil {
		return fmt.Errorf("it ended, and left nothing: %w", err)
	}
	i.Notifier = e.Notifier
	if e.Listen != c.Listen {
		return i.leaveNetwork()
	}
	return nil
}

// ask asks for it, and reads the answer.
func (i *Inheritance) ask(c *Config) error {
	body, err := json.Marshal(succession{StateDir: c.StateDir, PID: os.Getpid()})
	if err != nil {
		return err
	}
	r, err := http.NewRequest(http.MethodPost, "http://localhost"+handoverPath, bytes.NewReader(body)) //nolint:noctx // the connection has the deadline
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "cloudops-handover")
	if err := r.Write(i.conn); err != nil {
		return err
	}
	answer, err := http.ReadResponse(bufio.NewReader(i.conn), r)
	if err != nil {
		return fmt.Errorf("it does not answer: %w", err)
	}
	defer answer.Body.Close() //nolint:errcheck // it was read
	if answer.StatusCode == http.StatusSwitchingProtocols {
		return nil
	}
	var why struct{ Message, Hint string }
	text, _ := io.ReadAll(io.LimitReader(answer.Body, 64<<10))
	switch {
	case answer.StatusCode == http.StatusNotFound:
		return engine.Advise(errors.New("it is of a version that does not hand over"), "stop it with TERM; what runs goes on")
	case json.Unmarshal(text, &why) != nil || why.Message == "":
		return fmt.Errorf("it answers %s", answer.Status)
	}
	return engine.Advise(errors.New(why.Message), "%s", why.Hint)
}

// leaveNetwork closes what is listened at for a setting that is not ours.
func (i *Inheritance) leaveNetwork() (err error) {
	var ours []net.Listener
	for _, l := range i.Listeners {
		if strings.HasPrefix(l.Addr().Network(), "tcp") {
			err = errors.Join(err, l.Close())
		} else {
			ours = append(ours, l)
		}
	}
	i.Listeners = ours
	return err
}

// Ready tells the one before that we serve, and returns when it has told the service
// manager who we are, and ends. Where it has given us up, or is gone, we serve all the
// same: who owns the state directory is said by a lock.
func (i *Inheritance) Ready() error {
	if i == nil {
		return nil
	}
	err := i.conn.SetDeadline(time.Now().Add(wordWait))
	if err == nil {
		_, err = io.WriteString(i.conn, "ready\n")
	}
	if err == nil {
		_, err = io.Copy(io.Discard, i.conn)
	}
	return errors.Join(err, i.conn.Close())
}

// Close has the one before go on, where it was not told that we are ready.
func (i *Inheritance) Close() error {
	if i == nil {
		return nil
	}
	err := i.conn.Close()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	for _, l := range i.Listeners {
		if e := l.Close(); !errors.Is(e, net.ErrClosed) { // a daemon that did not open has closed them
			err = errors.Join(err, e)
		}
	}
	return err
}
