package daemon

import (
	"context"

	engine "github.com/escher-dbai/cloudops-engine"
)

// caller is who makes a request.
type caller struct {
	// name is that of a token, else of an account.
	name string
	role Role
	// local: the same user, at the socket.
	local bool
}

// actor is what is recorded of a caller, whatever they say of themselves: that is for
// whom they ask. One that was read from a record and comes again keeps for whom it was.
func (c caller) actor(says engine.Actor) engine.Actor {
	a := engine.Actor{Kind: engine.TokenHolder, Name: c.name, Role: string(c.role)}
	if c.local {
		a = engine.Actor{Kind: engine.User, Name: c.name}
	}
	if a.OnBehalfOf = says.OnBehalfOf; a.OnBehalfOf != "" {
		return a
	}
	if of := (engine.Actor{Kind: says.Kind, Name: says.Name}); of != (engine.Actor{}) && (of.Kind != a.Kind || of.Name != a.Name) {
		a.OnBehalfOf = string(of.Kind) + ":" + of.Name
	}
	return a
}

type callerKey struct{}

// callerOf is who makes the request of a context; nobody where no door let it in.
func callerOf(ctx context.Context) caller {
	c, _ := ctx.Value(callerKey{}).(caller)
	return c
}
