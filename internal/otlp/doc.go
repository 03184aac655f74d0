// Package otlp makes spans of executions, and sends them and counts to a collector by OTLP over HTTP.
//
// Guarantees:
//
//  1. It is off unless somebody names a collector; off, it costs nothing.
//  2. Nobody waits for a collector: what it does not take in time is dropped and counted.
//  3. The spans of an execution are made when it has ended, of what the engine kept. A
//     daemon that was replaced meanwhile loses none, and the program that ran was told the
//     span that it is in before it began.
//  4. The counts are those of a scrape: the same names and labels, read at the same moment.
//  5. What is in a span or a label is what everybody who may look is shown: secrets are masked.
//
// The spans: submit, the call that asked for it; below it execution, from its acceptance to
// its end; below that queue, run and ending, which is the time until it was kept and told.
// The exporter is the SDK's with a client of our own: that of otlptracehttp links gRPC, and
// package initialisation of what is linked is paid by each supervisor (adr 0018). For the same
// reason counts are put into messages here, and not by the SDK.
package otlp
