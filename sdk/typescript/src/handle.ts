import { either } from "./backoff.js";
import type { Calls } from "./calls.js";
import { EngineError, ExecutionFailedError, isEngineError } from "./errors.js";
import type { FollowOptions } from "./follower.js";
import { linesOf, type LogOptions, type LogStream, readLogs } from "./logs.js";
import type { CallOptions } from "./transport.js";
import { type ExecutionEvent, isEnding, isLine, type OutputLine } from "./types.js";
import type { Actor, Execution, LineQuery, Result, Stream, TerminalSize } from "./wire.gen.js";

export interface ResultOptions extends CallOptions {
  /** Reject with an ExecutionFailedError unless it is a success. */
  throwOnFailure?: boolean | undefined;
}

export interface CancelOptions extends CallOptions {
  /** KILL at once, instead of the stop signal and its grace. */
  force?: boolean | undefined;
  /** Who cancels. */
  actor?: Actor | undefined;
}

/** Hears of lines. What it returns is waited for before the next. */
export type LineListener = (line: OutputLine) => unknown;

/** One execution. To have a handle costs nothing: it does no I/O until it is asked for something. */
export class ExecutionHandle {
  readonly id: string;
  readonly #calls: Calls;
  readonly #mine: boolean;
  #detached = new AbortController();

  /** Use `executions.start` and `executions.get`. `mine`: leaving its `await using` cancels it. */
  constructor(calls: Calls, id: string, mine = false) {
    this.#calls = calls;
    this.id = id;
    this.#mine = mine;
  }

  /** What is known of it now, without its output. */
  async describe(options?: CallOptions): Promise<Execution> {
    return (await this.#calls.unary("Get", { id: this.id }, options)).execution;
  }

  /** Waits for its end, however long. */
  async result(options: ResultOptions = {}): Promise<Result> {
    let result = await this.#now(options);
    if (!result) {
      const { cursor } = await this.describe(options);
      for await (const batch of this.#follow({ ...options, after: cursor, lines: false })) void batch;
      result = await this.#now(options);
    }
    return checked(result, options);
  }

  /** Its output in batches, replayed and then live. Where the connection is cut it goes on, without a gap or a double. */
  logs(options: LogOptions = {}): LogStream {
    return readLogs(this.#calls, this.id, this.#until(options));
  }

  /** Lines that there are now, by number, time or text. */
  async *search(query: LineQuery, options: CallOptions = {}): AsyncGenerator<OutputLine> {
    for await (const batch of linesOf(this.#calls, this.id, { ...options, query })) yield* batch;
  }

  /** All that happens to it, lines included, up to its last event, which has its result. */
  async *events(options: FollowOptions = {}): AsyncGenerator<ExecutionEvent> {
    for await (const batch of this.#follow(options)) yield* batch;
  }

  /** The same in batches. */
  eventBatches(options: FollowOptions = {}): AsyncIterableIterator<ExecutionEvent[]> {
    return this.#follow(options);
  }

  /** Hears of each whole line of stdout, from the first on. Call what it returns to stop hearing. */
  onStdout(listener: LineListener, options?: FollowOptions): () => void {
    return this.#listen(listener, options, "stdout");
  }
  onStderr(listener: LineListener, options?: FollowOptions): () => void {
    return this.#listen(listener, options, "stderr");
  }
  onLine(listener: LineListener, options?: FollowOptions): () => void {
    return this.#listen(listener, options);
  }

  /** Asks it to end, and does not wait for that. One that has ended already is no error. */
  async cancel({ force, actor, signal }: CancelOptions = {}): Promise<void> {
    try {
      await this.#calls.unary("Cancel", { id: this.id, ...(force && { force }), ...(actor && { actor }) }, { signal });
    } catch (error) {
      if (!isEngineError(error, "finished")) throw error;
    }
  }

  /** KILLs all of it at once. */
  kill(options?: CallOptions): Promise<void> {
    return this.cancel({ ...options, force: true });
  }

  /** Writes to its stdin, all of it, however long it takes to read. The request has to be `interactive`. */
  async writeStdin(data: string | Uint8Array, options?: CallOptions): Promise<void> {
    let rest = typeof data === "string" ? new TextEncoder().encode(data) : data;
    while (rest.length) {
      const part = rest.subarray(0, 1 << 20);
      const { written = 0 } = await this.#calls.unary("WriteStdin", { id: this.id, data: base64(part) }, options);
      rest = rest.subarray(written);
    }
  }

  /** Ends its stdin, behind what was written before. */
  async closeStdin(options?: CallOptions): Promise<void> {
    await this.#calls.unary("CloseStdin", { id: this.id }, options);
  }

  /** Changes the size of its terminal. */
  async resize({ rows, cols }: TerminalSize, options?: CallOptions): Promise<void> {
    await this.#calls.unary("Resize", { id: this.id, rows: rows ?? 24, cols: cols ?? 80 }, options);
  }

  /** Gives it more time, and says when its timeout ends it now. */
  async extendDeadline(byMs: number, options?: CallOptions): Promise<string | undefined> {
    return (await this.#calls.unary("ExtendDeadline", { id: this.id, by_ms: byMs }, options)).deadline;
  }

  /** Has values masked from now on. */
  async addSecrets(secrets: string[], options?: CallOptions): Promise<void> {
    await this.#calls.unary("AddSecrets", { id: this.id, secrets }, options);
  }

  /** Ends all follows of this handle. The execution goes on, also behind an `await using`. */
  detach(): void {
    this.#detached.abort(new EngineError("detached", `the handle of ${this.id} was detached`));
  }

  /** Leaves it. One that was started here and has not been detached is cancelled. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#detached.signal.aborted) return;
    this.detach();
    if (this.#mine) await this.cancel();
  }

  async #now(options: CallOptions): Promise<Result | undefined> {
    return (await this.#calls.unary("Wait", { id: this.id, wait_ms: 0 }, options)).result;
  }

  #follow(options: FollowOptions) {
    return this.#calls.watch.follow(this.id, this.#until(options));
  }

  #until<T extends CallOptions>(options: T): T {
    return { ...options, signal: either(this.#detached, options.signal) };
  }

  #listen(listener: LineListener, options: FollowOptions = {}, stream?: Stream): () => void {
    const stop = new AbortController();
    const signal = either(stop, options.signal);
    const heard = async () => {
      for await (const line of this.logs({ ...options, stream, signal }).lines()) await listener(line);
    };
    // Nobody awaits this: an error of the listener, or of the follow, is one of the program.
    heard().catch((error: unknown) => {
      if (!signal.aborted && !this.#detached.signal.aborted) queueMicrotask(() => { throw error; });
    });
    return () => stop.abort();
  }
}

/** What a result means to who asked. */
export function checked(result: Result | undefined, options: ResultOptions): Result {
  if (!result) throw new EngineError("internal", "it ended without a result");
  result.stdout ??= "";
  result.stderr ??= "";
  if (options.throwOnFailure && !result.success) throw new ExecutionFailedError(result);
  return result;
}

const base64 = (bytes: Uint8Array) => btoa(bytes.reduce((text, byte) => text + String.fromCharCode(byte), ""));

export { isEnding, isLine };
