// An engine for tests of what uses one: scripted, in memory, with time that passes when a test says so.
import { createEngine, type Engine } from "../engine.js";
import { FakeClock } from "./clock.js";
import { FakeTransport } from "./fakeTransport.js";
import type { Script } from "./script.js";

/** An engine whose commands do what a script says. */
export interface FakeEngine extends Engine {
  readonly clock: FakeClock;
  /** What it was asked, and what it keeps; `cut()` cuts its streams. */
  readonly fake: FakeTransport;
}

/**
 * Makes an engine for tests. Its commands do what the script says of their request; time passes by `clock.advance`.
 *
 *     const engine = createFakeEngine({ script: () => [{ stdout: "hi\n" }, { wait: 1000 }, { exit: 3 }] });
 */
export function createFakeEngine({ script = () => [] }: { script?: Script } = {}): FakeEngine {
  const clock = new FakeClock();
  const fake = new FakeTransport(script, clock);
  return Object.assign(createEngine({ transport: fake }), { clock, fake });
}

export { FakeClock, settled } from "./clock.js";
export { FakeExecution } from "./fakeExecution.js";
export { FakeTransport } from "./fakeTransport.js";
export type { Script, Step } from "./script.js";
