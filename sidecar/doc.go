// Package sidecar is an engine over a pipe: JSON-RPC 2.0, one JSON object a line, for
// desktop shells and whoever else starts a program and talks to it. docs/sidecar.md is what
// it speaks.
//
//	h := rpc.New(e, rpc.Config{Version: version})
//	err := sidecar.Serve(ctx, os.Stdin, os.Stdout, sidecar.Config{Engine: e, Service: h.Service(), Streams: h})
//	h.Close()
//	e.Shutdown(ctx)
//
// Guarantees:
//
//  1. Whatever comes in is answered, or is a notification: a frame that is no JSON, too
//     long or of a method that is not there has an error, and the next one is read.
//  2. What a host that does not read costs is bounded: one frame for each subscription, and
//     one for each call that may be unanswered; of answers with output there is one at a
//     time. What is not on its way yet is read from the record when it can be.
//  3. Frames are whole lines, written by one goroutine. Those of subscriptions take turns,
//     and answers take every other turn.
//  4. Writes to the stdin of one execution are done in the order in which they came.
//  5. When Serve returns, what was started here has ended, or goes on without us, as
//     [Config.OnExit] says.
//
// A library for JSON-RPC would have to be bent for each of these: those that there are write
// under the lock that they dispatch with, so that a host which does not read stops all calls,
// and read lines without a bound.
package sidecar
