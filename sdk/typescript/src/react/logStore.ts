import type { Engine } from "../engine.js";
import type { FollowState } from "../follower.js";
import { isLine, type LogEntry } from "../types.js";
import type { Stream } from "../wire.gen.js";

export interface LogStoreOptions {
  /** Go on with what comes. Default: true. */
  follow?: boolean | undefined;
  stream?: Stream | undefined;
  /** Begin with the last so many lines. */
  tail?: number | undefined;
  /** How many entries are held, the last ones. Default: 100,000. */
  capacity?: number | undefined;
}

/** What is held of a log at one moment. It is a new object with each change, and changes once a frame at most. */
export interface LogView {
  /** How many entries there are. */
  readonly length: number;
  /** How many were let go in front of them, because there is no more room. */
  readonly dropped: number;
  /** One entry; 0 is the oldest that is held. */
  at(index: number): LogEntry | undefined;
  /** Some of them, as Array.slice has it: a window `slice(first, last + 1)`, the end `slice(-40)`. */
  slice(from?: number, to?: number): LogEntry[];
  readonly state: FollowState | "failed";
  readonly error: unknown;
}

/** An index as Array.slice takes it: from the end where it is below 0. */
const within = (index: number, length: number) => (index < 0 ? Math.max(0, length + index) : Math.min(index, length));

type Frame = (flush: () => void) => void;

// A page that is hidden has no frames.
const nextFrame: Frame = (flush) =>
  typeof requestAnimationFrame === "function" && !(typeof document === "object" && document.hidden)
    ? requestAnimationFrame(flush)
    : setTimeout(flush, 50);

/**
 * A log outside React. It follows while somebody looks, and goes on at its cursor when somebody looks again. What comes
 * is put in once a frame, so that a thousand lines a second are sixty updates.
 */
export class LogStore {
  readonly #engine: Engine;
  readonly #id: string;
  readonly #options: LogStoreOptions;
  readonly #capacity: number;
  readonly #listeners = new Set<() => void>();
  #entries: LogEntry[] = [];
  #head = 0;
  #dropped = 0;
  #pending: LogEntry[] = [];
  /** Where the unended line of a stream stands: it is replaced by its next form. */
  #open = new Map<Stream, number>();
  #state: FollowState | "failed" = "connecting";
  #error: unknown;
  #view: LogView;
  #scheduled = false;
  #after: number | undefined;
  #follow: AbortController | undefined;

  constructor(engine: Engine, id: string, options: LogStoreOptions = {}) {
    this.#engine = engine;
    this.#id = id;
    this.#options = options;
    this.#capacity = options.capacity ?? 100_000;
    this.#view = this.#look();
  }

  view = (): LogView => this.#view;

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    if (!this.#follow && this.#state !== "ended") void this.#read((this.#follow = new AbortController()));
    return () => {
      this.#listeners.delete(listener);
      // React takes a component out and puts it back in development: that is no reason to leave.
      queueMicrotask(() => {
        if (this.#listeners.size) return;
        this.#follow?.abort();
        this.#follow = undefined;
      });
    };
  };

  /** Tries again after it failed. */
  retry = (): void => {
    if (this.#state === "failed") void this.#read((this.#follow = new AbortController()));
  };

  async #read(stop: AbortController): Promise<void> {
    const { follow, stream, tail } = this.#options;
    const onState = (state: FollowState) => !stop.signal.aborted && this.#tell(state);
    const from = this.#after === undefined ? { tail } : { after: this.#after };
    try {
      for await (const batch of this.#engine.executions.get(this.#id).logs({ ...from, follow, stream, onState, signal: stop.signal })) {
        for (const entry of batch) this.#pending.push(entry);
        this.#after = batch[batch.length - 1]!.cursor;
        this.#schedule();
      }
      this.#tell("ended");
    } catch (error) {
      if (!stop.signal.aborted) this.#tell("failed", error);
    }
  }

  #tell(state: FollowState | "failed", error?: unknown): void {
    this.#state = state;
    this.#error = error;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    nextFrame(this.#flush);
  }

  #flush = (): void => {
    this.#scheduled = false;
    for (const entry of this.#pending) this.#put(entry);
    this.#pending = [];
    const over = this.#entries.length - this.#head - this.#capacity;
    if (over > 0) {
      this.#head += over;
      this.#dropped += over;
      if (this.#head > this.#capacity) this.#compact();
    }
    this.#view = this.#look();
    for (const listener of this.#listeners) listener();
  };

  #put(entry: LogEntry): void {
    if (isLine(entry)) {
      const at = this.#open.get(entry.event_type);
      const open = at === undefined ? undefined : this.#entries[at];
      this.#open.delete(entry.event_type);
      const same = open && isLine(open) && open.line_number === entry.line_number;
      if (entry.partial) this.#open.set(entry.event_type, same ? at! : this.#entries.length);
      if (same) {
        this.#entries[at!] = entry;
        return;
      }
    }
    this.#entries.push(entry);
  }

  // Moving the rest costs as much as what was put in since.
  #compact(): void {
    this.#entries = this.#entries.slice(this.#head);
    for (const [stream, at] of this.#open) {
      if (at < this.#head) this.#open.delete(stream);
      else this.#open.set(stream, at - this.#head);
    }
    this.#head = 0;
  }

  #look(): LogView {
    const entries = this.#entries;
    const head = this.#head;
    const length = entries.length - head;
    return {
      length,
      dropped: this.#dropped,
      state: this.#state,
      error: this.#error,
      at: (index) => entries[head + index],
      slice: (from = 0, to = length) => entries.slice(head + within(from, length), head + within(to, length)),
    };
  }
}
