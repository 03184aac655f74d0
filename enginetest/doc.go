// Package enginetest holds what proves an engine: a scripted Runner, and suites
// that hold for everything that satisfies a seam of package engine.
//
// [Runner] plays a [Script] instead of starting a process, in the time of the
// test that runs it. Inside a testing/synctest bubble an execution of an hour
// takes no time at all:
//
//	synctest.Test(t, func(t *testing.T) {
//		r := &enginetest.Runner{Scripts: enginetest.Scripts{"slow": {Runs: time.Hour}}}
//		e, err := engine.New(engine.Config{Runner: r})
//		id, err := e.Execute(t.Context(), engine.Request{Command: enginetest.Command("slow")})
//		…
//	})
//
// [TestEngine] and [TestRunner] are suites for those who write an engine or a
// runner: a new one is done when its suite passes. They start real processes,
// and need sh on PATH. A case that fails says what it is about.
//
// Guarantees:
//
//  1. A scripted execution keeps the contract of engine.Runner: Started before
//     its first byte, Ended once and after its last, limits and stops as the
//     Launch has them.
//  2. The order in which a Runner was asked, and the most it ran at once, can be
//     read from it at any time.
//  3. The suites wait for what happens, never for time to pass, and leave
//     nothing running.
//
// Not promised: that a Runner masks a secret that is cut by two prints, or that a
// suite finds every fault. What is particular to one engine needs tests beside.
package enginetest
