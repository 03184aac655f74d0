package engine

import (
	_ "embed"
	"slices"
)

//go:embed schema/plan.schema.json
var planSchema []byte

// PlanSchema is the JSON Schema (draft 7, which editors know best) of plan files: of what
// [ParsePlan] reads, and of ${var.NAME} where the command line puts values. It knows every field
// and which belong together, and nothing of what a plan refers to, which [Plan.Check] does.
func PlanSchema() []byte { return slices.Clone(planSchema) }
