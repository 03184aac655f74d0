// Package process starts processes, streams what they write, signals their
// tree and reaps them. It is the only place of the house that starts one.
//
// A [Table] holds the processes of one engine. On Linux one goroutine waits,
// in one poller, for all pipes and for the exits of all processes (pidfds):
// an idle process costs three descriptors and no thread. A pipe that is busy
// borrows a goroutine until it has nothing more to give. Elsewhere a process
// has a goroutine for each pipe and one for its exit. On Linux/amd64 a process is
// started by clone3 and a prepared list of system calls, elsewhere by
// [syscall.ForkExec].
//
// Guarantees:
//
//  1. A process is started in a process group of its own and without a
//     controlling terminal: where this program has one, in a session of its own.
//     It gets /dev/null as stdin where nothing is given, and no ignored signal
//     or soft limit of ours, nor a descriptor: where clone3 starts it, on Linux 5.9 and
//     later, also none that was left open for children.
//     Where it was given a terminal, that is its stdin, stdout and stderr, and
//     controls a session of its own.
//
//  2. Calls to an [Observer] for one stream never overlap, come in the order
//     of the bytes, and end with EOF. Exited comes once.
//
//  3. A signal reaches the group that was started, on a terminal the one in front
//     as well, or nobody: the leader is not reaped, and so its number not given to
//     another, before [Process.Close]; a reaper, which reaps it at once, signals its
//     members one by one from then on.
//
//  4. Writes to a stdin wait for nobody but their context and the process, and do
//     not mix.
//
//  5. [Process.Close] leaves no descriptor, no goroutine and no zombie.
//
//  6. Only processes that this package started are waited for: the children of
//     the host program are its own.
//
//  7. In a cgroup or a job of its own, or below a reaper, a tree is found and ended whole by
//     [Process.EndRest], and [Process.Left] says whether it is.
//
//  8. This program never adopts anybody's orphans. Where that is needed a reaper
//     does: this program, executed again by [ReaperMain], with one command for a child.
//     It is small, holds nothing of the command open, and ends the tree when this
//     program has gone.
//
// Not promised: that a process which left the leader's group is reached by Signal.
// With neither cgroup nor reaper [Process.Rest] finds it on Linux as long as it kept its environment,
// on macOS as long as it was seen below the leader. There and on the BSDs the leader is
// reaped at its exit: of a tree that has ended whole, the number may be another's before
// Close. Windows keeps the number, and asks to end by CTRL_BREAK to the group. Whoever
// has another program start a process (systemd-run, docker, at) is out of reach.
package process
