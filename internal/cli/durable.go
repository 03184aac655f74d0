package cli

import (
	"context"

	"github.com/escher-dbai/cloudops-engine/durable"
	"github.com/escher-dbai/cloudops-engine/history"
)

// openDurable opens a state directory, mostly as a guest: we live shortly, and start nothing
// that others have left waiting. What was mended is said.
func (p *program) openDurable(ctx context.Context, how opening) (stateDir, error) {
	kept := &how.config.daemon
	c := durable.Config{
		Engine: how.config.engine, Guest: !how.lasting, Foreground: how.foreground,
		Durability: kept.Durability, Retention: kept.Retention,
	}
	if how.foreground { // who watches it knows more than a record that a loss of power takes
		c.Durability = history.ProcessDeath
	}
	e, err := durable.Open(ctx, how.dir, c)
	if err != nil {
		return nil, err
	}
	p.noteDamage(e.Report())
	return e, nil
}

// noteDamage says what was found in a state directory, and what became of it.
func (p *program) noteDamage(r durable.Report) {
	if r.HistorySetAside != "" {
		p.note("the history was damaged (%s): it is set aside in %s, and made anew of the folders: %s",
			oneLine(r.HistoryDamage), r.HistorySetAside, counted(r.Rebuilt, "execution", "executions"))
	}
	for _, damage := range r.Damaged {
		p.note("damaged, and left as it is: %s", oneLine(damage))
	}
}
