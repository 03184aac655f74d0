// Package lifecycle says who owns which goroutine.
//
// A [Group] is what a type that starts goroutines keeps: it starts them, tells
// them to end, and waits until they have.
//
// Guarantees:
//
//  1. Every goroutine started by Go is waited for by Wait.
//  2. After Stop, Go starts nothing more and says so; the context that the
//     goroutines were given is done, with the cause given to Stop.
//  3. Stop twice, Stop before Go and Wait before Stop are all fine.
//
// Not promised: that a goroutine which does not heed its context ends.
package lifecycle
