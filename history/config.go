package history

import "fmt"

// Durability says what an acknowledged change survives.
type Durability string

// The durabilities.
const (
	// PowerLoss, the default: each change is on the disk when it is acknowledged.
	// Changes that come at the same time share one sync.
	PowerLoss Durability = "power_loss"
	// ProcessDeath: a change survives the end of the program, killed or not, but the
	// last of them may be lost with the system. The history stays whole. It saves the
	// sync, which takes most of the time.
	ProcessDeath Durability = "process"
)

// Config says how a history is opened. The zero value is the default.
type Config struct {
	// Durability defaults to PowerLoss.
	Durability Durability
}

func (c Config) synchronous() (string, error) {
	switch c.Durability {
	case "", PowerLoss:
		return "FULL", nil
	case ProcessDeath:
		return "NORMAL", nil
	}
	return "", fmt.Errorf("durability is %q: must be %s or %s", c.Durability, PowerLoss, ProcessDeath)
}
