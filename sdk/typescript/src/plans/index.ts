// Runs plans: many commands as one, in series, at once or as a graph. An entry of its own, so that who runs none loads none.
import type { Engine } from "../engine.js";
import type { LineListener, ResultOptions } from "../handle.js";
import type { CallOptions } from "../transport.js";
import { type Command, type ExecutionEvent, isLine, type LifeEvent, type Request } from "../types.js";
import type { ExecuteRequest, Filter, PlanFault, PlanResult, PlanStep } from "../wire.gen.js";
import type { Page } from "../executions.js";
import { PlanHandle } from "./handle.js";
import type { Plan } from "./types.js";

export interface RunPlanOptions extends ResultOptions {
  /** Hears of each step of each command, and how many are over. What these return is waited for before the next. */
  onProgress?: ((event: LifeEvent) => unknown) | undefined;
  /** Hears of whole lines of all commands; `execution_id` says of which. */
  onLine?: LineListener | undefined;
  /** Hears of everything. */
  onEvent?: ((event: ExecutionEvent) => unknown) | undefined;
  /** Whether aborting `signal` cancels the plan too. Default: true. */
  cancelOnAbort?: boolean | undefined;
}

/** What a plan would run, in an order in which it could; or all that is wrong with it. */
export interface PlanCheck {
  steps: PlanStep[];
  faults: PlanFault[];
}

/** The plans of an engine. */
export class Plans {
  readonly #engine: Engine;

  /** Use `plans(engine)`. */
  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /**
   * A dry run: it starts nothing. Whether programs and files are there is known when the plan is started; a command whose
   * JSON is not of the contract at all rejects, as `start` does.
   */
  async check(plan: Plan, options?: CallOptions): Promise<PlanCheck> {
    const { steps = [], faults = [] } = await this.#engine.call("CheckPlan", { request: asked(plan) as ExecuteRequest }, options);
    return { steps, faults: faults.map((f) => ({ ...f, path: f.path ?? "" })) };
  }

  /** Starts a plan and returns at once. All of it is checked before; one with faults rejects, and its error names them all. */
  async start(plan: Plan, options?: CallOptions): Promise<PlanHandle> {
    return new PlanHandle(this.#engine, await this.#engine.executions.start(asked(plan), options));
  }

  /** Starts a plan and waits for its end. One that fails is a result, too, unless `throwOnFailure` is set. */
  async run(plan: Plan, options: RunPlanOptions = {}): Promise<PlanResult> {
    const handle = await this.start(plan, options);
    const { onEvent, onLine, onProgress, signal } = options;
    try {
      if (onEvent || onLine) for await (const batch of handle.eventBatches({ signal })) await tell(batch, options);
      else if (onProgress) for await (const event of handle.progress({ signal })) await tell([event], options);
      return await handle.result(options);
    } catch (error) {
      if (options.cancelOnAbort !== false && error === signal?.reason) await handle.cancel();
      throw error;
    }
  }

  /** The handle of a plan, without asking whether there is one. */
  get(id: string): PlanHandle {
    return new PlanHandle(this.#engine, this.#engine.executions.get(id));
  }

  /** Plans alone, newest first; otherwise as `executions.list`. */
  list(filter: Filter = {}, options?: CallOptions): Promise<Page> {
    return this.#engine.executions.list({ ...filter, command_type: ["plan"] }, options);
  }
}

/**
 * The plans of an engine.
 *
 *     const { status, stats } = await plans(engine).run({ commands: [{ type: "shell", command: "make" }] });
 */
export const plans = (engine: Engine): Plans => new Plans(engine);

/** What a plan has in common with every request is the request's. */
function asked({ id, metadata, timeout_ms, lock, ...plan }: Plan): Request {
  const command = { type: "plan", ...plan } as unknown as Command;
  return { command, ...(id && { id }), ...(metadata && { metadata }), ...(timeout_ms && { timeout_ms }), ...(lock && { lock }) };
}

async function tell(batch: ExecutionEvent[], { onEvent, onLine, onProgress }: RunPlanOptions): Promise<void> {
  for (const event of batch) {
    await onEvent?.(event);
    if (isLine(event)) await (event.partial || onLine?.(event));
    else if (event.event_type === "progress") await onProgress?.(event as LifeEvent);
  }
}

export { PlanHandle } from "./handle.js";
export type { Plan, PlanCommand, PlanRules, Strategy } from "./types.js";
export type { PlanCommandResult, PlanFault, PlanResult, PlanState, PlanStats, PlanStep } from "../wire.gen.js";
