// Package supervisor runs each execution under a small process of its own, so that it
// outlives the program that started it.
//
// That process is this program, executed again: [Main] makes it one. It holds the lock
// of the folder of its execution for life, owns its pipes, tree, limits, redaction and
// record, and writes the ending. Whoever is interested connects to its socket: [Runner]
// does for an engine, after a start by the very connection over which it was
// started, and after a restart of the engine by the path in execution.json. A
// [Recorder] has executions in this process, and keeps the same folder and socket for
// others.
//
//	engine                                    supervisor
//	folder made, lock and slot taken
//	executes itself  ──────────────────────▶  host, socket
//	                 ◀───────────── hello ──
//	record moved to disk, handed over
//	launch, lock, slot ────────────────────▶  execution.json, the process
//	                 ◀─────────── started ──
//	stop, write, resize … ─────────────────▶
//	                 ◀──── phase, more ───
//	                                          last byte, ending.json, last note, lock
//	                 ◀──────────── ending ──
//
// Guarantees:
//
//  1. The folder of an execution that runs is locked, without a moment between two
//     holders. One that is not locked does not run, and will never run again.
//  2. An ending is told when it is on the device, with the output before it; and once.
//  3. What has no description was never started: its folder is removed. What has one and
//     no ending, and nobody holds its lock, is lost: what is left of its tree is ended,
//     and then said to be lost.
//  4. The supervisor needs nobody: neither the engine, nor a terminal, nor room on the disk
//     (output that has none is a gap; the ending waits for room).
//
// Not promised: what a command wrote in the moment in which its supervisor was killed.
// Request.StdinFrom and Tee are of the program that has them: a Runner refuses them.
package supervisor
