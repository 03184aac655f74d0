package cli

import (
	"context"
	"fmt"

	engine "github.com/escher-dbai/cloudops-engine"
)

func openDurable(context.Context, opening) (stateDir, error) {
	return nil, fmt.Errorf("%w: state directories", engine.ErrUnsupported)
}
