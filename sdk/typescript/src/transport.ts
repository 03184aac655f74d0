import type { StreamMethods, UnaryMethods } from "./wire.gen.js";

/** What every call takes. */
export interface CallOptions {
  /** Breaks the call off, and nothing else: an execution goes on. */
  signal?: AbortSignal | undefined;
}

/**
 * The way to an engine. A message is the JSON of proto/, parsed and otherwise as it came: 64-bit numbers may be text.
 *
 * A call that the engine refuses rejects with an EngineError; one that did not get there, or whose stream was cut,
 * with one of code `unreachable`; one whose signal was aborted with the signal's reason.
 */
export interface Transport {
  /** Asks once. */
  unary<M extends keyof UnaryMethods>(method: M, message: UnaryMethods[M][0], options?: CallOptions): Promise<UnaryMethods[M][1]>;
  /** Yields what comes until the engine ends it. Leaving the loop ends it too. */
  stream<M extends keyof StreamMethods>(
    method: M,
    message: StreamMethods[M][0],
    options?: CallOptions,
  ): AsyncIterable<StreamMethods[M][1]>;
  /** Lets go of what it holds: a process, a port, a socket. */
  close?(): void | Promise<void>;
}

/** The engine says something on a stream at least so often. */
export const keepAliveMs = 15_000;
