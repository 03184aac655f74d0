// Package wire turns the engine's nouns into messages of the contract and back, and its
// errors into details of Connect errors and back: each in one place, read both ways.
//
// Guarantees:
//
//  1. What is encoded and decoded again is the same, but for what no message holds: a
//     Request's reader and Tee, and fractions of a millisecond where JSON has none.
//  2. An error that is decoded has the conditions, the text, the hint and the
//     retryability of the one that was encoded: errors.Is holds across the wire.
//  3. A request is read as strictly as [engine.ParseRequest] reads JSON, whatever it came
//     in: a field that this program does not know is an ErrInvalid, and not left out.
//  4. Bytes of output are bytes. Where text is not UTF-8, it has U+FFFD, and the bytes
//     stand beside it.
//
// Encode… makes a message, Decode… a noun. All of them are safe for concurrent use.
package wire
