package run

import (
	"context"

	"github.com/escher-dbai/cloudops-engine/internal/process"
)

// Write writes to stdin. See [process.Process.Write].
func (r *Run) Write(ctx context.Context, p []byte) (int, error) { return r.tree().Write(ctx, p) }

// CloseStdin ends stdin. See [process.Process.CloseStdin].
func (r *Run) CloseStdin(ctx context.Context) error { return r.tree().CloseStdin(ctx) }

// Resize changes the size of the terminal. See [process.Process.Resize].
func (r *Run) Resize(s process.Size) error { return r.tree().Resize(s) }

// tree is the process, which is known to whoever Start has returned the run to.
func (r *Run) tree() *process.Process {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.process
}
