import { EngineError } from "./errors.js";
import type { CallOptions, Transport } from "./transport.js";
import type { Error as WireError } from "./wire.gen.js";

/** A frame of JSON-RPC 2.0, as docs/sidecar.md has them. */
export interface Frame {
  id?: number | string | null;
  method?: string;
  params?: Record<string, unknown> | undefined;
  result?: unknown;
  error?: { message?: string; data?: Partial<WireError> } | undefined;
}

/** A pipe for frames, in both directions, that keeps their order. */
export interface Link {
  send(frame: Frame): void;
  close(): void | Promise<void>;
}

/** What a link tells of. */
export interface Listener {
  frame(frame: Frame): void;
  /** Nothing comes any more. */
  ended(error: EngineError): void;
}

/** Opens a link. It is called again when a call is made after the last one has ended. */
export type Dial = (listener: Listener) => Link | Promise<Link>;

export const protocol = 1;
const helloMs = 15_000;

/** Speaks the protocol of the sidecar over whatever carries frames. */
export function framesTransport(dial: Dial): Transport {
  let session: Promise<Session> | undefined;
  let closed: EngineError | undefined;
  const current = (): Promise<Session> => {
    if (closed) return Promise.reject(closed);
    session ??= Session.open(dial, () => (session = undefined));
    return session;
  };
  return {
    unary: async (method, message, options) => (await current()).call(method, message, options),
    async *stream(method, message, options) {
      yield* (await current()).subscribe(method, message, options);
    },
    async close() {
      closed = new EngineError("closed", "the transport was closed");
      const open = session;
      await (await open?.catch(() => undefined))?.close(closed);
    },
  };
}

interface Pending {
  resolve(result: unknown): void;
  reject(error: unknown): void;
  subscription?: Subscription | undefined;
}

/** One life of the other side, from its hello to its end. */
class Session implements Listener {
  #link!: Link;
  #ended: EngineError | undefined;
  #next = 1;
  #window = 16;
  readonly #calls = new Map<number, Pending>();
  readonly #subscriptions = new Map<number, Subscription>();
  readonly #gone: () => void;
  #greet!: { resolve(): void; reject(error: unknown): void };
  readonly #greeted = new Promise<void>((resolve, reject) => (this.#greet = { resolve, reject }));

  constructor(gone: () => void) {
    this.#gone = gone;
    this.#greeted.catch(() => undefined); // whoever opens it hears of it
  }

  static async open(dial: Dial, gone: () => void): Promise<Session> {
    const session = new Session(gone);
    const late = setTimeout(() => {
      session.ended(new EngineError("version_mismatch", `no hello within ${helloMs} ms`, { hint: "is this program cloudops, and does it know the command sidecar?" }));
    }, helloMs);
    try {
      session.#link = await dial(session);
      await session.#greeted;
      return session;
    } catch (error) {
      session.ended(error as EngineError);
      await session.#link?.close();
      throw error;
    } finally {
      clearTimeout(late);
    }
  }

  call<T>(method: string, params: unknown, { signal }: CallOptions = {}, subscription?: Subscription): Promise<T> {
    if (this.#ended) return Promise.reject(this.#ended);
    if (signal?.aborted) return Promise.reject(signal.reason as Error);
    const id = this.#next++;
    return new Promise<T>((resolve, reject) => {
      const abort = () => {
        // The answer to what has a subscription still comes, and ends it.
        if (!subscription) this.#calls.delete(id);
        this.#link.send({ method: "abort", params: { id } });
        reject(signal!.reason as Error);
      };
      const done = () => signal?.removeEventListener("abort", abort);
      this.#calls.set(id, {
        resolve: (result) => (done(), resolve(result as T)),
        reject: (error) => (done(), reject(error as Error)),
        subscription,
      });
      signal?.addEventListener("abort", abort, { once: true });
      this.#link.send({ id, method, params: params as Record<string, unknown> });
    });
  }

  async *subscribe<T>(method: string, params: unknown, options: CallOptions = {}): AsyncGenerator<T> {
    const subscription = new Subscription(this.#window);
    const { signal } = options;
    const abort = () => subscription.fail(signal!.reason);
    try {
      await this.call(method, params, options, subscription);
      signal?.addEventListener("abort", abort, { once: true });
      yield {} as T; // it is heard
      for (;;) {
        const body = await subscription.next();
        if (body === undefined) return;
        yield body as T;
        const batch = subscription.done();
        if (batch) this.#link.send({ method: "ack", params: { subscription: subscription.number, batch } });
      }
    } finally {
      signal?.removeEventListener("abort", abort);
      this.#drop(subscription);
    }
  }

  frame(frame: Frame): void {
    const { id, method, params } = frame;
    if (method === undefined) {
      if (typeof id === "number") this.#answer(id, frame);
    } else if (method === "hello") this.#hello(params ?? {});
    else this.#notified(method, (params ?? {}) as unknown as Note);
  }

  ended(error: EngineError): void {
    if (this.#ended) return;
    this.#ended = error;
    this.#greet.reject(error);
    this.#gone();
    for (const call of this.#calls.values()) call.reject(error);
    for (const s of this.#subscriptions.values()) s.fail(error);
    this.#calls.clear();
    this.#subscriptions.clear();
  }

  async close(error: EngineError): Promise<void> {
    this.ended(error);
    await this.#link.close();
  }

  #hello(params: { protocol?: number; version?: string; limits?: { window?: number } }): void {
    if (params.protocol === protocol) {
      this.#window = params.limits?.window ?? this.#window;
      return this.#greet.resolve();
    }
    const text = `the engine (version ${params.version}) speaks protocol ${params.protocol}, this package ${protocol}`;
    this.ended(new EngineError("version_mismatch", text, { hint: "install the version of one that goes with the other" }));
  }

  // A subscription is known from the answer on: its first batch may come with it.
  #answer(id: number, { result, error }: Frame): void {
    const call = this.#calls.get(id);
    if (!call) return;
    this.#calls.delete(id);
    if (error) return call.reject(EngineError.fromWire({ ...error.data, message: error.data?.message ?? error.message ?? "" }));
    const { subscription } = call;
    if (subscription) {
      subscription.number = (result as { subscription: number }).subscription;
      if (subscription.left) this.#unwatch(subscription);
      else this.#subscriptions.set(subscription.number, subscription);
    }
    call.resolve(result);
  }

  #notified(method: string, { subscription, batch, body, error }: Note): void {
    const s = this.#subscriptions.get(subscription);
    if (!s) return;
    if (method !== "end") return s.take(batch, body);
    this.#subscriptions.delete(subscription);
    s.end(error && EngineError.fromWire(error));
  }

  #drop(s: Subscription): void {
    s.left = true;
    if (this.#subscriptions.delete(s.number)) this.#unwatch(s);
  }

  #unwatch(s: Subscription): void {
    if (!this.#ended) this.#link.send({ method: "Unwatch", params: { subscription: s.number } });
  }
}

interface Note {
  subscription: number;
  batch: number;
  body: unknown;
  error?: Partial<WireError>;
}

/** The batches of one stream that are here and were not taken: at most a window of them. */
class Subscription {
  number = 0;
  left = false;
  #batches: [number: number, body: unknown][] = [];
  #over: { error: unknown } | undefined;
  #wake: (() => void) | undefined;
  #taken = 0;
  #acked = 0;
  readonly #half: number;

  constructor(window: number) {
    this.#half = Math.max(1, window >> 1);
  }

  take(batch: number, body: unknown): void {
    this.#batches.push([batch, body]);
    this.#wake?.();
  }
  end(error: unknown): void {
    this.#over ??= { error };
    this.#wake?.();
  }
  /** What has not been taken is let go. */
  fail(error: unknown): void {
    this.#batches = [];
    this.end(error);
  }

  async next(): Promise<unknown> {
    for (;;) {
      const first = this.#batches.shift();
      if (first) {
        this.#taken = first[0];
        return first[1];
      }
      if (this.#over?.error) throw this.#over.error;
      if (this.#over) return undefined;
      await new Promise<void>((wake) => (this.#wake = wake));
      this.#wake = undefined;
    }
  }

  /** The number to acknowledge, when there is one. */
  done(): number | undefined {
    if (this.#taken - this.#acked < this.#half) return undefined;
    return (this.#acked = this.#taken);
  }
}
