import { Attempts, isCut } from "./backoff.js";
import { EngineError } from "./errors.js";
import { Follower, type FollowOptions } from "./follower.js";
import { unpacked } from "./packed.js";
import { keepAliveMs, type Transport } from "./transport.js";
import type { Position, WatchResponse } from "./wire.gen.js";

const mostWatched = 1000;

/**
 * The one stream of an engine. Everything that is followed goes through it, because a browser has six connections
 * for an origin and a stream keeps one. When the set of what is followed changes it is opened anew, each execution
 * at the cursor of the follower that has seen least of it; a follower passes over what it has seen.
 */
export class Watch {
  readonly #transport: Transport;
  readonly #patienceMs: number;
  readonly #followers = new Map<string, Set<Follower>>();
  #running = false;
  /** The stream that is open no longer has what it should. */
  #stale = false;
  #scheduled = false;
  #stream = new AbortController();
  #room: (() => void) | undefined;
  #closed: unknown;

  constructor(transport: Transport, patienceMs: number) {
    this.#transport = transport;
    this.#patienceMs = patienceMs;
  }

  /** Follows an execution from a cursor. */
  follow(id: string, options: FollowOptions): Follower {
    const follower = new Follower(id, options, this.#left, this.#drained);
    if (follower.ended) return follower;
    if (this.#closed) follower.fail(this.#closed);
    else {
      const set = this.#followers.get(id) ?? new Set();
      this.#followers.set(id, set.add(follower));
      follower.state("connecting");
      this.#renew();
    }
    return follower;
  }

  /** Ends all follows with an error. */
  close(error: unknown): void {
    this.#closed = error;
    this.#failAll(error);
    this.#stream.abort(error);
    this.#room?.();
  }

  #left = (f: Follower) => {
    const set = this.#followers.get(f.id);
    if (!set?.delete(f)) return;
    if (set.size === 0) this.#followers.delete(f.id);
    this.#room?.();
    // Nobody wants what comes of it, or not the lines.
    if (![...set].some((other) => other.lines || !f.lines) && !this.#delivering) this.#renew();
  };

  #drained = (f: Follower) => {
    this.#room?.();
    if (!f.behind) return;
    f.behind = false;
    this.#renew();
  };

  // Together with what else changes now: twenty rows of a page are one stream.
  #renew(): void {
    if (this.#scheduled || this.#closed) return;
    // At once: a stream that ends meanwhile is no end for who has just come.
    this.#scheduled = this.#stale = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#stale = true;
      this.#stream.abort();
      this.#room?.();
      if (!this.#running) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#running = true;
    const attempts = new Attempts(this.#patienceMs);
    while (this.#followers.size && !this.#closed) {
      this.#stale = false;
      this.#stream = new AbortController();
      const positions = this.#positions();
      // All are behind: who drains begins anew.
      if (!positions.length) break;
      try {
        await this.#read(positions, attempts);
        // It ends behind the last event of all: who is here yet has begun there.
        if (!this.#stale) this.#each((f) => f.behind || f.finish());
      } catch (error) {
        if (!this.#stale) await this.#again(error, attempts);
      }
    }
    this.#running = false;
  }

  async #again(error: unknown, attempts: Attempts): Promise<void> {
    try {
      if (!isCut(error)) throw error;
      this.#each((f) => f.state("reconnecting"));
      await attempts.next(error, this.#stream.signal);
    } catch (e) {
      if (!this.#stale) this.#failAll(e);
    }
  }

  async #read(executions: Position[], attempts: Attempts): Promise<void> {
    const message = { executions, without_output: true, packed: true, keep_alive_ms: keepAliveMs };
    for await (const said of this.#transport.stream("Watch", message, { signal: this.#stream.signal })) {
      if (this.#stale) return;
      attempts.succeeded();
      this.#deliver(said);
      if (this.#crowded()) {
        await new Promise<void>((room) => (this.#room = room));
        this.#room = undefined;
      }
      if (this.#stale) return;
    }
  }

  #delivering = false;

  #deliver({ events, failures }: WatchResponse): void {
    this.#delivering = true;
    this.#each((f) => f.state("live"));
    let id = "";
    let set: Iterable<Follower> = [];
    for (const message of events ?? []) {
      if (message.execution_id !== id) set = this.#followers.get((id = message.execution_id)) ?? [];
      for (const event of unpacked(message)) for (const f of set) f.take(event);
    }
    for (const { execution_id, error } of failures ?? []) {
      for (const f of this.#followers.get(execution_id) ?? []) f.fail(EngineError.fromWire(error));
    }
    this.#delivering = false;
    this.#each((f) => f.flush());
  }

  // Where all are full nobody reads. Where some are, they fall behind and the others go on.
  #crowded(): boolean {
    let full = 0;
    let all = 0;
    this.#each((f) => {
      if (f.behind) return;
      all++;
      if (f.full) full++;
    });
    if (!full) return false;
    if (full === all) return true;
    this.#each((f) => (f.behind ||= f.full));
    return false;
  }

  #positions(): Position[] {
    const all: Position[] = [];
    for (const [id, set] of this.#followers) {
      const taking = [...set].filter((f) => !f.behind);
      if (!taking.length) continue;
      all.push({ id, from: Math.min(...taking.map((f) => f.at)), without_lines: !taking.some((f) => f.lines) });
    }
    return all.slice(0, mostWatched);
  }

  #each(tell: (f: Follower) => void): void {
    for (const set of this.#followers.values()) for (const f of set) tell(f);
  }

  #failAll(error: unknown): void {
    this.#each((f) => f.fail(error));
  }
}
