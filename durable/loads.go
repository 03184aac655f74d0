package durable

import (
	"context"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/process"
	"github.com/escher-dbai/cloudops-engine/internal/supervisor"
)

// Load is what the processes of an execution use.
type Load = process.Load

// Loads is what executions that run use now, by one look at all processes of the machine;
// only on Linux. One that is not known is not there: it has ended, or is about to start.
func (e *Engine) Loads(_ context.Context, ids []engine.ID) map[engine.ID]Load {
	census, loads := process.TakeCensus(), make(map[engine.ID]Load, len(ids))
	for _, id := range ids {
		f, err := e.folders.Find(id.String())
		if err != nil {
			continue
		}
		trail, err := supervisor.TrailOf(f)
		if err != nil {
			continue
		}
		if load, known := census.Load(trail); known && load.Processes > 0 {
			loads[id] = load
		}
	}
	return loads
}
