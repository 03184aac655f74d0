// Package plan decides which command of a plan may start next: the rules alone, in
// plain types, without goroutines, clocks, or anything that runs. Who runs a plan asks
// a [Machine] what to start and tells it what has ended.
//
//	waiting ─▶ ready ─▶ running ─▶ over
//	   │         ▲          │        ▲
//	   │         └─ paused ◀┘        │   another attempt
//	   └─────────────────────────────┘   skipped, or passed over
//
// What it guarantees:
//
//  1. A node starts once an attempt, and after all that it needs and comes after is over.
//  2. At most as many run at once as the plan has it, and of a group as the group has it.
//  3. Where nodes and edges can all be over, they all are: nothing waits for ever.
//  4. The same calls have the same answers: nodes that are ready start in the order
//     in which they became so, those from the beginning by their index.
//  5. A step costs what it changes: all of a plan costs its nodes and edges, once.
//
// A Machine is not safe for concurrent use.
package plan
