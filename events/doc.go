// Package events has ready-made event handlers for engine.Config.Handler: for a
// terminal, a file, a receiver elsewhere, and for what stands between an engine
// and several of them.
//
//	log, err := events.JSONLinesFile("audit.jsonl")
//	fan := events.FanOut(
//		events.Console(os.Stderr, events.ConsoleOptions{}),
//		events.Buffer(log, events.BufferOptions{Policy: events.Block}),
//	)
//	e, err := engine.New(engine.Config{Handler: fan})
//	…
//	err = errors.Join(e.Shutdown(ctx), fan.Close(ctx), log.Close())
//
// # The handlers
//
//	Console         lines for people
//	JSONLines       one event a line, in the original's JSON, to a writer
//	JSONLinesFile   the same, at the end of a file
//	Metrics         counts, a gauge and histograms, for Prometheus
//	Post            each ending to a URL
//
//	Filter          what is between: events of some kinds, of some executions
//	FilterTags      events of the executions that have these tags
//	Buffer          a handler that may be slow, without those before it waiting
//	FanOut          several handlers, none of which holds up another
//
// # Guarantees
//
//  1. Each hands on the events of one execution in the order in which it got
//     them, and changes none of them, but for the output in a result where Buffer and
//     Post say so.
//  2. Buffer and FanOut never drop an ending, whatever their policy.
//  3. What they drop is counted, and told to the handler behind as an
//     engine.EventsMissed event, in the place of what is missing.
//  4. A handler behind Buffer or FanOut may be slow or panic: those before it go on.
//  5. What waits is bounded, in events and in bytes.
//  6. After Close returned nil, all that waited was handed on, or posted or given up,
//     and no goroutine is left.
//
// # Closing
//
// Shut the engine down first, then close from the engine outwards: each handler
// before those behind it. Close does not close the handlers behind, save those of
// FanOut that are buffers.
//
// # Not promised
//
// What waits in a Buffer, a FanOut or a Post is gone when the program dies. A handler
// that never returns keeps its goroutine, though Close returns when its context is
// done. Nothing here is masked: the engine has done that before anything is an
// event.
package events
