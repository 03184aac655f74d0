// Package engine runs the commands of a cloud operator — aws, gcloud, az,
// kubectl, terraform, shells, scripts, any program — for an application, a
// person or an agent, and tells truly what became of them.
//
//	e, err := engine.New(engine.Config{})
//	id, err := e.Execute(ctx, engine.Request{Command: engine.Shell("make deploy")})
//	for event, err := range e.Watch(ctx, id, 0) { … }
//	result, err := e.Wait(ctx, id)
//
// # The nouns
//
// A [Request] asks for one [Command] to be run. [Engine.Execute] checks it, gives
// it an [ID] and returns at once; what runs is an execution. It has a [Status],
// its record of [Event] and [Output] values, and in the end one [Result]. A
// [Policy] decides what may run, a [Runner] starts it, an [EventHandler] hears of
// everything. [API] is all of it as one interface.
//
// # The life of an execution
//
// What can be known to be wrong before the start is an error of Execute and
// leaves nothing behind. After that an execution has exactly one ending:
//
//	pending           → running awaiting_approval failed cancelled timeout rejected lost
//	awaiting_approval → pending rejected cancelled timeout lost
//	running           → completed failed cancelled timeout lost
//
// A command that exits with another code than a success code has failed; that is
// a Result, not a Go error. A Go error means that the engine could not do what
// it was asked. The status says what happened, [Result.Cause] why: an exit code of
// 137 and death by KILL are different endings.
//
// # The record
//
// Everything an execution writes and goes through stands in one record, in one
// order. A [Cursor] is a position in it. [Engine.Watch] and [Engine.Output] replay
// from a cursor and then follow live; a reader that leaves with the cursor of the
// last thing it saw comes back to the next. Readers are woken, not fed: one that
// is slow delays neither the command nor another reader, and what a limit let
// go meanwhile it gets as an explicit gap.
//
// # Guarantees
//
//  1. Execute returns without waiting for what it started, a handler or a reader.
//  2. Bytes come back as they were written, in the order of their stream; secrets
//     are masked before anything else sees them.
//  3. No more than Config.MaxConcurrent run at once; the others start in the order
//     in which they were accepted.
//  4. An execution that was cancelled is cancelled, whatever its exit code. Of a
//     cancel, a timeout, a limit and an exit that meet, one is the cause.
//  5. The last event of an execution carries its result and follows its last byte.
//  6. The same id with the same content is the same execution.
//  7. After [Engine.Shutdown] no process, goroutine, descriptor or temporary file
//     of the engine is left; but a handler that hangs keeps its goroutine.
//
// # Not promised
//
// What runs is not taken up again by another program: Shutdown ends it, and where
// the program is killed instead, its commands go on and nobody knows of them, except
// below a reaper ([ContainmentReaper]). A process that leaves its group and clears its
// environment is found when its execution ends by a cgroup or a reaper alone.
// The order between stdout and stderr is that in which they were read. Secrets
// are masked in the forms that the engine knows, not in those a program invents.
//
// # Embedding
//
// A fork keeps one of the runtime's Ps until the child has called exec. The
// engine has no more forks in flight than leave one P free; a program that starts
// many short commands gains much from more Ps than cores:
//
//	runtime.GOMAXPROCS(max(8, 4*runtime.NumCPU()))
//
// and from a collector that is in less of a hurry on a small heap:
//
//	debug.SetGCPercent(400)
//
// The engine sets neither itself: the settings are the program's.
//
// Where there are no cgroups, a program that calls [ReaperMain] at the top of main has
// the next best: its commands are held below a small process each.
//
// Commands must not inherit signals that the program was started with ignoring
// (nohup, cron, CI), or they could not be stopped gracefully. So [New] has such
// signals caught and dropped instead, which to the program is the same; but
// signal.Ignored must be asked before New, not after.
package engine
