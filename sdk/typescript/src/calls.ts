import { Attempts, isCut } from "./backoff.js";
import { decode } from "./decode.js";
import { EngineError } from "./errors.js";
import type { CallOptions, Transport } from "./transport.js";
import { Watch } from "./watch.js";
import type { UnaryMethods } from "./wire.gen.js";

// Asked twice these would do something twice, or say that it was done.
const once: ReadonlySet<string> = /* @__PURE__ */ new Set(["WriteStdin", "CloseStdin", "ExtendDeadline", "Delete"]);

/** What an engine and its executions share: the way there, how often it is tried, and the one stream. */
export class Calls {
  readonly transport: Transport;
  readonly watch: Watch;
  readonly #patienceMs: number;
  #met = false;
  #closed: EngineError | undefined;

  constructor(transport: Transport, patienceMs: number) {
    this.transport = transport;
    this.#patienceMs = patienceMs;
    this.watch = new Watch(transport, patienceMs);
  }

  /** Asks, and asks again what may be asked twice, of an engine that was there before. */
  async unary<M extends keyof UnaryMethods>(method: M, message: UnaryMethods[M][0], options?: CallOptions): Promise<UnaryMethods[M][1]> {
    const attempts = new Attempts(this.#patienceMs);
    for (;;) {
      options?.signal?.throwIfAborted();
      if (this.#closed) throw this.#closed;
      try {
        const answer = await this.transport.unary(method, message, options);
        this.#met = true;
        return decode(answer);
      } catch (error) {
        options?.signal?.throwIfAborted();
        if (!isCut(error) || !this.#met || once.has(method)) throw error;
        await attempts.next(error, options?.signal);
      }
    }
  }

  async close(): Promise<void> {
    this.#closed ??= new EngineError("closed", "this engine was closed here");
    this.watch.close(this.#closed);
    await this.transport.close?.();
  }
}
