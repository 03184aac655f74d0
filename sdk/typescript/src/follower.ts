import { type ExecutionEvent, isEnding, isLine } from "./types.js";

/** How a follow gets on. `ended` is no error: the execution is over, and all of it was seen. */
export type FollowState = "connecting" | "live" | "reconnecting" | "ended";

export interface FollowOptions {
  /** The cursor of what was seen last. 0 or absent: from the beginning. */
  after?: number | undefined;
  /** Lines, and gaps between them. Default: true. Without them: the steps of its life, however much it writes. */
  lines?: boolean | undefined;
  /** Ends the follow, and nothing else: the execution goes on. */
  signal?: AbortSignal | undefined;
  /** Told of each change of state. */
  onState?: ((state: FollowState) => void) | undefined;
}

// What a follower holds at most: who is slower reads it again from the engine.
const mostEvents = 8192;
const mostChars = 8 << 20;

/** One reader of the events of one execution: how far it is, and what it has not taken yet. */
export class Follower implements AsyncIterableIterator<ExecutionEvent[]> {
  readonly id: string;
  readonly lines: boolean;
  /** What it has seen, or will: where a new stream goes on. */
  at: number;
  /** It was full while others were not: it is not in the stream now. */
  behind = false;
  ended = false;

  #queue: ExecutionEvent[] = [];
  #chars = 0;
  /** Lines without an end at this cursor: a new stream says them again. */
  #open = new Set<string>();
  #wake: (() => void) | undefined;
  #failure: { error: unknown } | undefined;
  #state: FollowState | undefined;
  readonly #options: FollowOptions;
  readonly #leave: (f: Follower) => void;
  readonly #drained: (f: Follower) => void;

  constructor(id: string, options: FollowOptions, leave: (f: Follower) => void, drained: (f: Follower) => void) {
    this.id = id;
    this.lines = options.lines ?? true;
    this.at = options.after ?? 0;
    this.#options = options;
    this.#leave = leave;
    this.#drained = drained;
    const { signal } = options;
    if (signal?.aborted) this.fail(signal.reason);
    else signal?.addEventListener("abort", this.#aborted, { once: true });
  }

  get full(): boolean {
    return this.#queue.length >= mostEvents || this.#chars >= mostChars;
  }

  /** Takes an event, unless it was seen before. */
  take(event: ExecutionEvent): void {
    if (this.behind || this.ended || event.cursor < this.at) return;
    const line = isLine(event);
    const open = line && (event.unended || event.partial) ? `${event.event_type}${event.line_number}${event.partial ? "p" : ""}` : "";
    if (event.cursor > this.at) {
      this.at = event.cursor;
      if (this.#open.size) this.#open.clear();
    } else if (!open || this.#open.has(open)) return;
    if (open) this.#open.add(open);
    if (!this.lines && (line || event.event_type === "gap")) return;
    this.#queue.push(event);
    if (line) this.#chars += event.line.length;
    else if (isEnding(event.event_type)) this.finish();
  }

  /** There is nothing more than what has come. */
  finish(): void {
    this.#end();
    this.state("ended");
  }

  /** Tells who waits that there is something. */
  flush(): void {
    if (this.#queue.length) this.#wake?.();
  }

  fail(error: unknown): void {
    if (this.ended) return;
    this.#failure = { error };
    this.#end();
  }

  state(state: FollowState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#options.onState?.(state);
  }

  /** Everything that has come, as one batch. */
  async next(): Promise<IteratorResult<ExecutionEvent[]>> {
    while (!this.#queue.length) {
      if (this.#failure) throw this.#failure.error;
      if (this.ended) return { done: true, value: undefined };
      await new Promise<void>((wake) => (this.#wake = wake));
      this.#wake = undefined;
    }
    const value = this.#queue;
    this.#queue = [];
    this.#chars = 0;
    this.#drained(this);
    return { done: false, value };
  }

  /** Leaves: what has not been taken is let go. */
  async return(): Promise<IteratorResult<ExecutionEvent[]>> {
    this.#queue = [];
    this.#end();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #aborted = () => {
    this.#queue = [];
    this.fail(this.#options.signal!.reason);
  };

  #end(): void {
    if (this.ended) return;
    this.ended = true;
    this.#options.signal?.removeEventListener("abort", this.#aborted);
    this.#leave(this);
    this.#wake?.();
  }
}
