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
//     It gets /dev/null as stdin where nothing is given, and no descriptor,
//     ignored signal or soft limit of ours beyond what the kernel copies.
//
//  2. Calls to an [Observer] for one stream never overlap, come in the order
//     of the bytes, and end with EOF. Exited comes once.
//
//  3. A signal reaches the group that was started or nobody: the leader is not
//     reaped, and so its number not given to another, before [Process.Close]; a
//     reaper, which reaps it at once, signals its members one by one from then on.
//
//  4. [Process.Close] leaves no descriptor, no goroutine and no zombie.
//
//  5. Only processes that this package started are waited for: the children of
//     the host program are its own.
//
//  6. In a cgroup of its own, or below a reaper, a tree is found and ended whole by
//     [Process.EndRest], and [Process.Left] says whether it is.
//
//  7. This program never adopts anybody's orphans. Where that is needed a reaper
//     does: this program, executed again by [ReaperMain], with one command for a child.
//     It is small, holds nothing of the command open, and ends the tree when this
//     program has gone.
//
// Not promised: that a process which left the leader's group is reached by Signal.
// With neither cgroup nor reaper [Process.Rest] finds it as long as it kept its
// environment. Whoever has another program start a process (systemd-run, docker, at)
// is out of reach.
package process
