package cli

import (
	"errors"
	"fmt"
	"os"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/client"
)

// contextVariable names a context where no flag does.
const contextVariable = engine.EnvPrefix + "CONTEXT"

// target is the daemon that is asked. The zero one is that of the state directory, or
// nobody.
type target struct {
	at    string
	why   string // who chose it
	inUse bool   // nobody did at this moment: it is the context in use
	token func() (string, error)
	tls   hostTLS
}

// target says which daemon somebody names: by a flag, by a variable where no flag says
// anything, or by the context in use. Who names a state directory means this machine.
func (p *program) target() (target, error) {
	host, name := os.Getenv(hostVariable), os.Getenv(contextVariable)
	switch {
	case p.hostFlag != "" && p.contextFlag != "":
		return target{}, fault("leave one of them away", "--host and --context are both given")
	case p.hostFlag != "":
		return namedHost(p.hostFlag, "--host"), nil
	case p.contextFlag != "":
		return namedContext(p.contextFlag, "--context")
	case p.stateDirFlag != "":
		return target{}, nil
	case host != "":
		return namedHost(host, hostVariable), nil
	case name != "":
		return namedContext(name, contextVariable)
	}
	c, err := readContexts()
	if err != nil || c.Current == "" {
		return target{}, err
	}
	t, err := namedContext(c.Current, "the context in use")
	t.inUse = true
	return t, err
}

func namedHost(at, by string) target {
	return target{at: at, why: by, token: func() (string, error) { return os.Getenv(tokenVariable), nil }}
}

func namedContext(name, by string) (target, error) {
	if name == defaultContext {
		return target{}, nil
	}
	c, err := readContexts()
	if err != nil {
		return target{}, err
	}
	found, err := c.find(name)
	if err != nil {
		return target{}, about(by, err)
	}
	return target{at: found.Host, why: fmt.Sprintf("%s, %s", found.Name, by), token: found.secret, tls: found.hostTLS}, nil
}

// unreached says of an error that nobody answers who that is, why they were asked, and
// what to do.
func (p *program) unreached(err error) error {
	if !errors.Is(err, client.ErrUnreachable) {
		return err
	}
	t, failed := p.target()
	if failed != nil || t.at == "" {
		return engine.Advise(err, "the daemon of this state directory has gone; what runs goes on, and who asks again asks the directory itself")
	}
	err = fmt.Errorf("%s (%s): %w", t.at, t.why, err)
	if engine.Hint(err) != "" {
		return err // of a connection, which knows better
	}
	return engine.Advise(err, "see that it runs and is reached from here; --context default asks this machine")
}
