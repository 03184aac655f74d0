// Package cli is the program cloudops: one file a command.
//
// Main builds the commands, runs the one that was asked for, says what went
// wrong and returns the exit code. It knows the engine by its public face
// alone.
//
// Guarantees:
//
//  1. stdout is for data: what the command wrote, or what was asked to be shown.
//     Everything that cloudops itself has to say goes to stderr.
//  2. What the command wrote leaves as it was written, byte for byte; apart from
//     secrets that were masked.
//  3. An error is printed once, as "error: …" and then, when there is advice,
//     "hint: …". Every exit code stands in one table, in exit.go.
//  4. Nothing here exits the program: main does.
//
// Not promised: that output which nobody takes (a pipe whose reader stands
// still) is written in the end. Whoever forces the end gets it.
package cli
