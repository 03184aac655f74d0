// Package client is an engine behind a wire: a [Client] has the methods of the engine and
// returns its errors, and what stands above an engine takes either.
//
//	c, err := client.New("unix:///run/user/1000/cloudops.sock", client.Config{})
//	defer c.Shutdown(ctx) // closes the client; what runs goes on
//	id, err := c.Execute(ctx, engine.Request{Command: engine.Shell("make deploy")})
//	for ev, err := range c.Watch(ctx, id, 0) {
//
// Guarantees:
//
//  1. errors.Is, engine.ErrorCode, engine.Retryable and engine.Hint say of an error what
//     they would say in the program of the engine. What the engine did not say, because it
//     could not be reached, is [ErrUnreachable].
//  2. Watch, WatchAll, Output and Wait go on where they were when a connection is cut, or the daemon
//     is replaced: nothing is lost and nothing comes twice.
//  3. What may be asked twice without harm is asked again when a connection is cut. Execute
//     is among it: a request without an id is given one first, so that it runs once.
//  4. A stream that says nothing for three keep-alives is taken for cut.
//
// Not promised: that a write to stdin which is cut between two answers says how much was
// taken; that two clients which write more than a megabyte, or wait, do not come between
// each other. Calls of one client do not.
package client
