package daemon

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	engine "github.com/escher-dbai/cloudops-engine"
)

// Role is what somebody may do.
type Role string

// The roles. A viewer may look, an operator may run as well, an approver may decide what
// runs instead, an admin may do everything.
const (
	Viewer   Role = "viewer"
	Operator Role = "operator"
	Approver Role = "approver"
	Admin    Role = "admin"
)

// Roles are all of them, who may least first.
func Roles() []Role { return []Role{Viewer, Operator, Approver, Admin} }

// ParseRole reads a role.
func ParseRole(text string) (Role, error) {
	if r := Role(text); slices.Contains(Roles(), r) {
		return r, nil
	}
	return "", engine.Advise(fmt.Errorf("%.40q is no role", text), "viewer, operator, approver or admin")
}

// right is what a verb asks of whoever calls it.
type right int

const (
	toLook right = iota + 1
	toRun
	toDecide
	toAdminister
	toProfile // to look into the program itself
)

// may is the one place that says what a role may do.
func (r Role) may(need right) bool {
	switch need {
	case toLook:
		return slices.Contains(Roles(), r)
	case toRun:
		return r == Operator || r == Admin
	case toDecide:
		return r == Approver || r == Admin
	case toAdminister, toProfile:
		return r == Admin
	}
	return false
}

// service begins the paths of the verbs.
const service = "/cloudops.v1.ExecutionService/"

// errNoVerb: there is nothing at a path.
var errNoVerb = errors.New("there is no such verb")

// verbRight is what a path asks for. What it does not know is not served, so that a verb
// that comes to the contract is closed until it stands here.
func verbRight(path string) (right, error) {
	if verb, ok := strings.CutPrefix(path, service); ok {
		switch verb {
		case "Get", "List", "Wait", "Watch", "ReadOutput", "Stats", "Info":
			return toLook, nil
		case "Record", "Execute", "ExecuteBatch", "CheckPlan", "Cancel", "ExtendDeadline", "WriteStdin", "CloseStdin", "Resize", "AddSecrets":
			return toRun, nil
		case "Delete":
			return toAdminister, nil
		}
		return 0, errNoVerb
	}
	switch {
	case path == "/metrics":
		return toLook, nil
	case strings.HasPrefix(path, pprofPath):
		return toProfile, nil
	}
	id, isExecution := strings.CutPrefix(path, "/v1/executions/")
	id, isLog := strings.CutSuffix(id, "/logs")
	switch {
	case path == handoverPath:
		return toAdminister, nil
	case isExecution && isLog && !strings.Contains(id, "/") && id != "" && id != "." && id != "..", // which would be sent elsewhere
		strings.HasPrefix(path, "/grpc.health.v1.Health/"),
		strings.HasPrefix(path, "/grpc.reflection."):
		return toLook, nil
	}
	return 0, errNoVerb
}
