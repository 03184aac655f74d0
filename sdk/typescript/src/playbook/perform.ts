import type { Request } from "../types.js";
import type { Result } from "../wire.gen.js";
import { attempt, requestOfCheck, StepError } from "./attempt.js";
import { filler, type Fill } from "./actions.js";
import type { PlaybookEvent } from "./events.js";
import type { Scope } from "./references.js";
import type { StepFault } from "./report.js";
import type { Check, Step, Validation } from "./types.js";
import { validate, type Verdict } from "./validate.js";

/** What the steps of a run share. */
export interface Surroundings {
  runId: string;
  names: readonly string[];
  scope: Scope;
  /** Runs a command of a step, with what the run adds to each request. */
  execute(step: Step, request: Request): Promise<Result>;
  tell(event: PlaybookEvent): void;
  /** Waits so long, and as long as the run is paused. Rejects when it is cancelled. */
  pause(seconds: number): Promise<void>;
  /** Runs the playbook of a step, and returns the outputs of its steps. */
  nested(step: Step, fill: Fill): Promise<unknown>;
}

export interface Performed {
  attempts: number;
  output?: unknown;
  exitCode?: number;
  fault?: StepFault;
}

/** Runs a step: what has to hold before, its commands, what has to hold behind; again where it says so. */
export async function perform(step: Step, s: Surroundings): Promise<Performed> {
  const retry = step.retry_config ?? (step.failure_action === "retry" ? {} : undefined);
  const most = retry ? (retry.max_attempts ?? 3) : 1;
  for (let attempts = 1; ; attempts++) {
    try {
      return { attempts, ...(await once(step, s)) };
    } catch (error) {
      if (!(error instanceof StepError)) throw error;
      const exitCode = error.result?.exit_code;
      const failed: Performed = { attempts, fault: error.fault, ...(exitCode !== undefined && { exitCode }) };
      if (attempts >= most || !worthAnother(step, error)) return failed;
      const pauses = retry?.backoff_seconds ?? [1];
      const delaySeconds = pauses[Math.min(attempts, pauses.length) - 1] ?? 0;
      s.tell({ type: "playbook_step_retry", executionId: s.runId, stepId: step.name, attempt: attempts + 1, delaySeconds, error: error.message });
      await s.pause(delaySeconds);
    }
  }
}

/** One attempt. A retry makes the checks before it again: what they saw may have changed. */
async function once(step: Step, s: Surroundings): Promise<{ output: unknown; exitCode?: number }> {
  const fill = filler(s.names, s.scope);
  await hold(step, step.pre_validation, "pre", undefined, s, fill);
  const done = step.type === "playbook" ? { output: await s.nested(step, fill) } : await attempt(step, fill, (r) => s.execute(step, r));
  const own = filler(s.names, { ...s.scope, outputs: new Map(s.scope.outputs).set(step.name, done.output) });
  await hold(step, step.post_validation, "post", done.output, s, own);
  return done;
}

async function hold(step: Step, validation: Validation | undefined, phase: "pre" | "post", own: unknown, s: Surroundings, fill: Fill): Promise<void> {
  if (!validation) return;
  const outputOf = (of: string | number) => s.scope.outputs.get(typeof of === "number" ? (s.names[of - 1] ?? "") : of);
  const ask = (c: Check) => s.execute(step, requestOfCheck(step, c.command!, c.timeout_seconds, fill));
  const told = (c: Check, { holds, message }: Verdict, attempt: number) =>
    s.tell({ type: "playbook_check", executionId: s.runId, stepId: step.name, phase, check: c.type, holds, message, attempt });
  const wrong = await validate(validation, { fill, parameters: s.scope.parameters, outputOf, own, ask }, told, s.pause);
  if (wrong && validation.failure_action !== "ignore") {
    throw new StepError({ code: "validation", message: `${phase === "pre" ? "before it ran" : "behind it"}: ${wrong}` }, undefined, validation);
  }
}

/** Whether a failure is one that the step says may pass. */
function worthAnother(step: Step, { fault, result, validation }: StepError): boolean {
  if (fault.code === "cancelled" || fault.code === "reference" || fault.code === "refused") return false;
  if (validation) return validation.failure_action === "retry" || step.failure_action === "retry";
  const { retry_on_exit_codes: codes, retry_on_errors: patterns } = step.retry_config ?? {};
  if (!codes && !patterns) return true;
  return Boolean(
    (result && codes?.includes(result.exit_code)) || patterns?.some((p) => new RegExp(p, "mu").test(fault.raw_output ?? fault.message)),
  );
}
