/** Time that passes when a test says so. */
export class FakeClock {
  /** Milliseconds since the epoch. */
  now = Date.parse("2026-01-01T00:00:00Z");
  #waiting: { at: number; wake: () => void }[] = [];

  /** Resolves when so much time has passed. */
  wait(ms: number): Promise<void> {
    return new Promise((wake) => {
      this.#waiting.push({ at: this.now + ms, wake });
      this.#waiting.sort((a, b) => a.at - b.at);
    });
  }

  /** Lets time pass: who waits is woken in order, each with what it leads to done before the next. */
  async advance(ms: number): Promise<void> {
    const until = this.now + ms;
    for (await settled(); this.#waiting[0] && this.#waiting[0].at <= until; await settled()) {
      const { at, wake } = this.#waiting.shift()!;
      this.now = at;
      wake();
    }
    this.now = until;
  }

  /** Now, as events have it. */
  get timestamp(): string {
    return new Date(this.now).toISOString();
  }
}

/** Lets everything run that waits for nothing but its turn. */
export const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));
