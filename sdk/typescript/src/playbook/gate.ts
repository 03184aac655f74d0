import { StepError } from "./attempt.js";

/** Where a run may be held, and broken off. */
export class Gate {
  #opened: Promise<void> | undefined;
  #open: (() => void) | undefined;
  #broken = new AbortController();
  #over = false;

  get closed(): boolean {
    return this.#opened !== undefined;
  }

  get over(): boolean {
    return this.#over;
  }

  /** Whether this closed it. */
  close(): boolean {
    if (this.#opened || this.#over || this.#broken.signal.aborted) return false;
    this.#opened = new Promise((resolve) => (this.#open = resolve));
    return true;
  }

  /** Whether this opened it. */
  open(): boolean {
    const was = this.#opened !== undefined;
    this.#opened = undefined;
    this.#open?.();
    return was;
  }

  /** Nobody passes any more. */
  break(): void {
    this.#broken.abort(new StepError({ code: "cancelled", message: "the playbook was cancelled" }));
    this.open();
  }

  /** There is nobody left to pass. */
  end(): void {
    this.open();
    this.#over = true;
  }

  /** Waits while it is closed. Rejects once it is broken. */
  async pass(): Promise<void> {
    while (this.#opened) await this.#opened;
    this.#broken.signal.throwIfAborted();
  }

  /** Waits so long, and then until it is open. */
  async wait(seconds: number): Promise<void> {
    const { signal } = this.#broken;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, seconds * 1000);
      signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
    });
    await this.pass();
  }
}
