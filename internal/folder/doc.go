// Package folder keeps executions in folders of a state directory: who runs one, how
// it ended, and its record. Whoever opens the directory finds what was started,
// whatever became of the program that started it.
//
//	active/ID/             one that was started and is not sealed yet
//	    lock               held for life by whoever runs it: locked means alive
//	    execution.json     who runs it and what it is, replaced as a whole
//	    ending.json        how it ended: written once, never changed
//	    record/            what package journal keeps
//	    supervisor.log     what the program printed that ran it
//	    reserve            room for the ending on a disk that is full
//	sealed/2026-11-23/ID.zip   a finished one, the same files in one, by the UTC day of its ending
//	slots/0, 1, …          one is locked for each execution that runs
//
// Guarantees:
//
//  1. What a method that writes has returned nil for is there after a crash, of the
//     machine too unless [State.Relax] was called. What it had not returned for is there as a whole or not at all.
//  2. An ending is written once. Who reads gets that, or an error.
//  3. An execution is always somewhere: sealing makes the one file complete before
//     the folder goes, and until then the folder is what counts.
//  4. What is damaged is told from what is not there ([ErrDamaged]).
//
// It does not judge who owns the directory or who may read it, and it does not know what
// is in the documents that it keeps.
package folder
