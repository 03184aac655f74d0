import type { Engine } from "../engine.js";
import { isEngineError } from "../errors.js";
import type { FollowOptions } from "../follower.js";
import type { ExecutionHandle } from "../handle.js";
import type { ExecutionEvent, LifeEvent } from "../types.js";

/** The events of a plan and of its commands, as one stream. Leaving the loop ends all of it. */
export async function* planEvents(engine: Engine, plan: ExecutionHandle, options: FollowOptions = {}): AsyncGenerator<ExecutionEvent[]> {
  const left = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, left.signal]) : left.signal;
  const merged = new Merged();
  const commands = new Map<string, Promise<void>>();
  const follow = async (id: string) => {
    try {
      for await (const batch of engine.executions.get(id).eventBatches({ signal, lines: options.lines })) await merged.put(batch);
    } catch (error) {
      // One whose record is not kept any more has no events: its ending is in the plan's.
      if (!isEngineError(error, "not_found") && !isEngineError(error, "expired")) throw error;
    }
  };
  const run = async () => {
    for await (const batch of plan.eventBatches({ ...options, after: undefined, signal })) {
      for (const event of batch) {
        const { command_id: id, command_status: status } = event as LifeEvent;
        // Before it is told that a command is over, or tried again, all of it is told.
        if (id && status !== "running") await commands.get(id);
        await merged.put([event]);
        if (!id) continue;
        if (status !== "running") commands.delete(id);
        else if (!commands.has(id)) {
          const told = follow(id);
          told.catch((error: unknown) => merged.end({ error }));
          commands.set(id, told);
        }
      }
    }
  };
  run().then(() => merged.end(), (error: unknown) => merged.end({ error }));
  try {
    yield* merged.batches();
  } finally {
    left.abort();
    merged.end();
  }
}

/** Batches from several, one at a time: who puts one in waits until it was taken. */
class Merged {
  #batch: ExecutionEvent[] | undefined;
  #over: { error?: unknown } | undefined;
  #changed = new Set<() => void>();

  async put(batch: ExecutionEvent[]): Promise<void> {
    while (this.#batch && !this.#over) await this.#change();
    if (this.#over) return;
    this.#batch = batch;
    this.#tell();
  }

  /** Nothing comes behind what was put in. The first one counts. */
  end(over: { error?: unknown } = {}): void {
    this.#over ??= over;
    this.#tell();
  }

  async *batches(): AsyncGenerator<ExecutionEvent[]> {
    for (;;) {
      const batch = this.#batch;
      if (batch) {
        this.#batch = undefined;
        this.#tell();
        yield batch;
      } else if (this.#over) {
        if ("error" in this.#over) throw this.#over.error;
        return;
      } else await this.#change();
    }
  }

  #change(): Promise<void> {
    return new Promise((wake) => this.#changed.add(wake));
  }

  #tell(): void {
    const woken = this.#changed;
    this.#changed = new Set();
    for (const wake of woken) wake();
  }
}
