package cli

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"

	"github.com/spf13/cobra"

	engine "github.com/escher-dbai/cloudops-engine"
)

// stateVariable names the state directory where no flag does. Like configVariable it is
// no setting of the engine.
const stateVariable = engine.EnvPrefix + "STATE_DIR"

// stateDir is an opened state directory: an engine that knows what every program runs
// and has run there, and what only a directory can. Shutdown closes it, and what runs
// under supervisors goes on.
type stateDir interface {
	engine.API

	// Record is what is kept of an execution, its request included.
	Record(ctx context.Context, id engine.ID) (engine.Record, error)
	// Delete forgets finished executions, with their output.
	Delete(ctx context.Context, d engine.Deletion) (int, error)
	// Check looks for damage and returns what it finds.
	Check(ctx context.Context) error
	// Rebuild gives the history back what it lost, of the folders of executions, and returns
	// how many those were.
	Rebuild(ctx context.Context) (int, error)
}

// opening says how a state directory is opened.
type opening struct {
	dir    string
	config config
	// foreground has what is executed run in this process, so that it may have a tee, a
	// reader as stdin and our terminal. Else it outlives us.
	foreground bool
	// lasting has us start what waits there, as who is there for long does, where nobody
	// else does.
	lasting bool
}

// opener opens a state directory.
type opener func(ctx context.Context, how opening) (stateDir, error)

// openState opens the state directory that flags and variables name, or reaches the
// daemon that they name.
func (p *program) openState(ctx context.Context, config config, foreground bool) (stateDir, error) {
	t, err := p.target()
	if err != nil {
		return nil, err
	}
	if t.at != "" {
		if p.stateDirFlag != "" {
			return nil, fault("leave one of them away", "--host and --state-dir are both given")
		}
		t.tls = p.tls.or(t.tls)
		return dialHost(&t, patience)
	}
	if err := p.tls.withoutHost(); err != nil {
		return nil, err
	}
	dir, err := p.stateDirPath()
	if err != nil {
		return nil, err
	}
	return p.open(ctx, opening{dir: dir, config: config, foreground: foreground})
}

// withState opens what flags and variables name for f, and closes it: a daemon, else the
// state directory, which is asked by way of its daemon where that answers.
func (p *program) withState(ctx context.Context, f func(ctx context.Context, d stateDir) error) error {
	return p.with(ctx, p.daemon, f)
}

// withDirectory is withState for what a daemon of ours does not tell.
func (p *program) withDirectory(ctx context.Context, f func(ctx context.Context, d stateDir) error) error {
	return p.with(ctx, nil, f)
}

func (p *program) with(ctx context.Context, ours func(ctx context.Context, socket string) stateDir, f func(ctx context.Context, d stateDir) error) error {
	c, _, err := loadAll("")
	if err != nil {
		return err
	}
	t, err := p.target()
	if err != nil {
		return err
	}
	var d stateDir
	if ours != nil && t.at == "" && p.tls == (hostTLS{}) {
		d = ours(ctx, c.daemon.Socket)
	}
	if d == nil {
		if d, err = p.openState(ctx, c, false); err != nil {
			return err
		}
	}
	err = f(ctx, d)
	return errors.Join(err, d.Shutdown(context.WithoutCancel(ctx)))
}

// stateDirPath is where the state directory is.
func (p *program) stateDirPath() (string, error) {
	if dir := cmp.Or(p.stateDirFlag, os.Getenv(stateVariable)); dir != "" {
		return filepath.Abs(dir)
	}
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "cloudops"), nil
	}
	if dir := os.Getenv("LOCALAPPDATA"); runtime.GOOS == "windows" && dir != "" {
		return filepath.Join(dir, "cloudops", "state"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", engine.Advise(about("find the state directory", err), "--state-dir or %s says where it is", stateVariable)
	}
	return filepath.Join(home, ".local", "state", "cloudops"), nil
}

// stateFlags declares what all commands have that open the state directory.
func (p *program) stateFlags(root *cobra.Command) {
	root.PersistentFlags().StringVar(&p.stateDirFlag, "state-dir", "", "`DIR` where executions are recorded (default in the state home)")
	_ = root.MarkPersistentFlagDirname("state-dir")
	root.PersistentFlags().StringVar(&p.contextFlag, "context", "", "use the daemon of this `NAME` (cloudops contexts)")
	_ = root.RegisterFlagCompletionFunc("context", completeContexts) // the flag is there
	p.hostFlags(root)
}
