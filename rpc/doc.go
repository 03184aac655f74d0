// Package rpc is the door of an engine: one http.Handler that answers the contract in
// proto/ in Connect, gRPC and gRPC-Web, in protobuf and in JSON, over HTTP/1.1 and HTTP/2
// without TLS, and beside it logs for those who have no library. Package client is its
// mirror.
//
//	h := rpc.New(e, rpc.Config{})
//	server := rpc.NewServer(h)
//	err := server.Serve(listener)
//	…
//	h.Close()             // ends streams, so that there is nothing to wait for
//	server.Shutdown(ctx)
//
// Guarantees:
//
//  1. A stream holds 128 events and 64 KiB at most, and one event more for each execution
//     that it follows, however slow its reader is. No execution and no other reader waits
//     for it: who is behind reads the record, or gets a gap for what a limit let go.
//  2. What happens is on its way within 25 ms, and at once where nothing went shortly
//     before.
//  3. A stream says something at least as often as its keep-alive. It ends with its
//     request, with Close, and with the last event of what it follows; its goroutines have
//     ended when it has.
//  4. No call waits for ever: Wait and WriteStdin are bounded, and are to be asked again.
//  5. Nothing has an effect by GET.
//
// Not here: who may do what. There is no lock on this door: [Config.Options] takes gates
// and interceptors, and who serves it wraps the handler, which has the name of the
// procedure in its path.
package rpc
