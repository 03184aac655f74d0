import type { Request } from "../types.js";
import type { Cause, Event, PlanResult, Status, Stream } from "../wire.gen.js";

/** One thing that a scripted command does. A text without a newline at its end is a prompt. */
export type Step =
  | { stdout: string }
  | { stderr: string }
  /** Waits until the clock was advanced by so much. */
  | { wait: number }
  /** Waits for the next text that is written to its stdin, or its end. */
  | { read: boolean }
  /** Output that is no longer there. */
  | { gap: number; stream?: Stream }
  /** Ends it. Without one it exits 0 behind its last step. */
  | { exit: number }
  | { signal: string }
  | { end: Status; cause: Cause; error?: string };

/**
 * What a command does: its steps. An EngineError that it throws at once refuses the request. A generator is given what
 * was read by `yield { read: true }`: the text, or undefined at the end of stdin.
 */
export type Script = (request: Request) => Iterable<Step> | Iterator<Step, unknown, string | undefined>;

/** What a plan does besides: it tells of its commands, waits for one of them, and ends with all of theirs. */
export type Conducted = Step | { progress: Partial<Event> } | { until: Promise<unknown> } | { end: Status; cause: Cause; error?: string; plan: PlanResult };
