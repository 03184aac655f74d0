import type { Engine } from "../engine.js";
import { EngineError } from "../errors.js";
import type { FollowOptions } from "../follower.js";
import type { CancelOptions, ExecutionHandle, ResultOptions } from "../handle.js";
import type { CallOptions } from "../transport.js";
import { type ExecutionEvent, isEnding } from "../types.js";
import type { PlanResult } from "../wire.gen.js";
import { planSoFar } from "./status.js";
import { planEvents } from "./watch.js";

/** One plan. To have a handle costs nothing: it does no I/O until it is asked for something. */
export class PlanHandle {
  readonly id: string;
  /** The plan as an execution: its deadline, its record, what it was asked. */
  readonly execution: ExecutionHandle;
  readonly #engine: Engine;

  /** Use `plans(engine).start` and `plans(engine).get`. */
  constructor(engine: Engine, execution: ExecutionHandle) {
    this.#engine = engine;
    this.execution = execution;
    this.id = execution.id;
  }

  /** How far it is, or how it ended: of each of its commands of which there was something to tell. */
  async status(options?: CallOptions): Promise<PlanResult> {
    const now = await this.execution.describe(options);
    if (now.command_type !== "plan") throw new EngineError("invalid", `execution ${this.id} is no plan`);
    return isEnding(now.status) ? this.result(options) : planSoFar(now, this.execution, options);
  }

  /** Waits for its end, however long. What its commands wrote is with their executions: `results[].id`. */
  async result(options?: ResultOptions): Promise<PlanResult> {
    const { plan } = await this.execution.result(options);
    if (!plan) throw new EngineError("invalid", `execution ${this.id} is no plan`);
    plan.results ??= [];
    return plan;
  }

  /** Its own events alone: `progress`, one for each step of each command, and its life. */
  progress(options?: FollowOptions): AsyncGenerator<ExecutionEvent> {
    return this.execution.events(options);
  }

  /**
   * Its events and those of all its commands, in batches, from the first to the last. Those of a command are in their
   * order, behind the progress that it runs and before the one that it is over; of commands that run at once as they come.
   */
  eventBatches(options?: Omit<FollowOptions, "after">): AsyncGenerator<ExecutionEvent[]> {
    return planEvents(this.#engine, this.execution, options);
  }

  /** The same one by one. */
  async *events(options?: Omit<FollowOptions, "after">): AsyncGenerator<ExecutionEvent> {
    for await (const batch of this.eventBatches(options)) yield* batch;
  }

  /** Asks it to end: it starts nothing more, and what runs of it is cancelled. One that has ended is no error. */
  cancel(options?: CancelOptions): Promise<void> {
    return this.execution.cancel(options);
  }

  /** Leaves it. One that was started here and has not been detached is cancelled. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.execution[Symbol.asyncDispose]();
  }

  /** Ends all follows of this handle. The plan goes on, also behind an `await using`. */
  detach(): void {
    this.execution.detach();
  }
}
