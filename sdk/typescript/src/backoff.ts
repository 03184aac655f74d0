import { isEngineError } from "./errors.js";

/** Resolves after a time, and rejects with the reason of a signal that is aborted before. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal!.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    if (signal?.aborted) return stop();
    signal?.addEventListener("abort", stop, { once: true });
  });
}

/** What aborts when one of both does. */
export const either = ({ signal }: AbortController, other?: AbortSignal): AbortSignal => (other ? AbortSignal.any([other, signal]) : signal);

/** Whether nobody heard, or might not have: who comes next may answer. */
export const isCut = (error: unknown): boolean => isEngineError(error, "unreachable") || isEngineError(error, "closed");

/** How long a caller tries again: with growing, jittered pauses, and not for ever. */
export class Attempts {
  #failed = 0;
  #since = 0;
  readonly #patienceMs: number;

  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs;
  }

  /** Somebody answered: patience begins anew. */
  succeeded(): void {
    this.#failed = 0;
  }

  /** Waits before the next attempt, or rejects with the error when patience has ended. */
  async next(error: unknown, signal?: AbortSignal): Promise<void> {
    const now = Date.now();
    if (this.#failed++ === 0) this.#since = now;
    const left = this.#since + this.#patienceMs - now;
    if (left <= 0) throw error;
    const step = Math.min(5_000, 50 * 2 ** Math.min(this.#failed - 1, 10));
    // Half of it is chance, so that a hundred clients of one daemon do not come back at once.
    await pause(Math.min(left, step / 2 + (Math.random() * step) / 2), signal);
  }
}
