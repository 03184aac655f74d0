// Package durable is an engine whose work outlives the program: what it accepts is
// kept in a state directory, and what it starts runs below a small process of its
// own, which goes on when the program that started it ends, is killed or upgraded.
//
//	func main() {
//		durable.Main() // first of all: the program may have been started as one of those
//		…
//		e, err := durable.Open(ctx, dir, durable.Config{})
//		defer e.Shutdown(ctx) // what runs goes on
//		id, err := e.Execute(ctx, engine.Request{Command: engine.Shell("terraform apply")})
//
// Several programs may have the directory open. One of them, the owner, starts what
// waits in its queue; to the others, the guests, it is open to look at, to cancel, and
// to start in what has room.
//
// Guarantees:
//
//  1. When Execute has returned, the request is on the disk: after kill -9, and with
//     history.PowerLoss, the default, after a loss of power.
//  2. What was started is never started again. What was accepted and not started is
//     started by the next owner, unless whoever accepted it was a guest: then it is lost.
//  3. What runs goes on when the program ends, however it ends. The next to open the
//     directory follows it: its output is whole, its exit code true.
//  4. Nothing is believed that is not so. Running is what somebody runs: its folder is
//     locked. What nobody runs and what has no ending is lost, and what is left of its
//     processes is ended before that is said.
//  5. An ending is final, and is on the disk before anybody is told.
//  6. A damaged history is set aside and made anew of the folders; a damaged folder
//     costs that execution.
//
// Not promised: that a supervisor outlives what kills every process of a user or of a
// service (log out with KillUserProcesses, systemd without KillMode=process); anything
// after the disk has lost what it said it had; durable work on Windows.
package durable
