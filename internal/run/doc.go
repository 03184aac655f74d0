// Package run is the one loop of an execution: it starts a process, masks what
// it writes, records it, ends it where a limit or a caller says so, and tells
// once how it ended. The engine runs it in process; a supervisor runs the same
// code in a process of its own.
//
// A run has no goroutine and no timer of its own: it is a state machine that the
// process's poller, the one timer of all runs and its callers move.
//
//	running ──exit, pipes closed──────────────────────────▶ ended
//	   │  └──exit, a pipe held──▶ WaitDelay ──▶ killing ──▶ ended
//	   └──stop──▶ stopping ──exit──────────────────────────▶ ended
//	                  └──Grace over, or Kill──▶ killing ───▶ ended
//
// Guarantees:
//
//  1. The ending is told once, after the last byte is in the journal.
//  2. The first to stop a run gives it its cause; who comes later changes
//     nothing. A run that was stopped is not a success, whatever its exit code.
//  3. One stop sends one stop signal. KILL follows when the grace is over, and
//     goes to every member of the group, also when the leader has left.
//  4. A run ends at the latest WaitDelay after its leader, and shortly after
//     KILL: what is left then is named in [Ending.Survivors].
//  5. What the redactor masked reaches neither journal, tee nor log.
package run
