import type { Engine } from "../engine.js";
import type { ExecutionHandle } from "../handle.js";
import type { Request } from "../types.js";
import { uuid } from "../uuid.js";
import type { Actor, Metadata, Result } from "../wire.gen.js";
import { type Fill } from "./actions.js";
import { refused, StepError } from "./attempt.js";
import { PlaybookError } from "./check.js";
import { EventLog, type PlaybookEvent } from "./events.js";
import { outlineOf } from "./explain.js";
import { perform, type Performed } from "./perform.js";
import { type Prepared, prepare, type PlaybookInputs } from "./prepare.js";
import { mapTexts, type Scope } from "./references.js";
import { finishedIn, type PlaybookReport, type StepReport, type StepStatus } from "./report.js";
import { Gate } from "./gate.js";
import type { ParametersOf, Playbook, Step } from "./types.js";

export interface RunPlaybookOptions extends PlaybookInputs {
  /** A UUID. Default: a new one. */
  id?: string;
  /** Goes on where this run failed, or was cancelled: steps that ended well are not run again. */
  resume?: PlaybookReport;
  /** What every command has, unless its step says otherwise. */
  defaults?: Pick<Request, "env" | "working_dir" | "inherit_env" | "limits" | "grace_ms" | "metadata" | "actor">;
  /** More values to mask, besides those of parameters that are secret. */
  secrets?: readonly string[];
  /** Who asks. */
  actor?: Actor;
  /** Cancels the run. */
  signal?: AbortSignal;
}

/** A playbook that runs. It has been checked; its steps have begun. */
export class PlaybookRun {
  readonly id: string;
  readonly playbook: Playbook;
  /** The end. A playbook that fails is a report, too. */
  readonly result: Promise<PlaybookReport>;
  readonly #engine: Engine;
  readonly #options: RunPlaybookOptions;
  readonly #prepared: Prepared;
  readonly #scope: Scope;
  readonly #events = new EventLog();
  readonly #gate = new Gate();
  readonly #steps: StepReport[];
  readonly #running = new Set<ExecutionHandle | PlaybookRun>();
  /** When it began. */
  readonly startedAt = new Date();
  #state: "running" | "failed" | "cancelled" = "running";

  /** Use `runPlaybook`. */
  constructor(engine: Engine, playbook: Playbook, options: RunPlaybookOptions) {
    this.#prepared = prepare(playbook, options);
    this.#engine = engine;
    this.#options = options;
    this.playbook = playbook;
    this.id = options.id ?? options.resume?.execution_id ?? uuid();
    const execution = { id: this.id, timestamp: this.startedAt.toISOString() };
    const done = finishedIn(resumable(playbook, options.resume));
    this.#steps = playbook.steps.map((s, i) => done.get(s.name) ?? { step_number: i + 1, name: s.name, status: "skipped", attempts: 0, executions: [], duration_ms: 0 });
    const outputs = new Map([...done].map(([name, s]) => [name, s.output]));
    this.#scope = { parameters: this.#prepared.parameters, estate: options.estate ?? {}, execution, outputs };
    options.signal?.addEventListener("abort", () => this.cancel(), { once: true });
    if (options.signal?.aborted) this.cancel();
    this.result = this.#run(new Set(done.keys()));
  }

  /** What happens, from the first event on; ends with the last. Leaving the loop changes nothing for the run. */
  events(signal?: AbortSignal): AsyncGenerator<PlaybookEvent> {
    return this.#events.follow(signal);
  }

  /** The state of each step, now. */
  get steps(): readonly Readonly<StepReport>[] {
    return this.#steps;
  }

  get status(): "running" | "paused" | "completed" | "failed" | "cancelled" {
    if (this.#state !== "running") return this.#state;
    return this.#gate.closed ? "paused" : this.#gate.over ? "completed" : "running";
  }

  /** Starts no step, attempt or check any more, until `resume`. What runs goes on. */
  pause(): void {
    if (this.#gate.close()) this.#tell({ type: "playbook_paused", executionId: this.id });
  }

  resume(): void {
    if (this.#gate.open()) this.#tell({ type: "playbook_resumed", executionId: this.id });
  }

  /** Cancels what runs, and starts nothing more. */
  cancel(): void {
    if (this.#state === "cancelled" || this.#gate.over) return;
    this.#state = "cancelled";
    this.#gate.break();
    for (const one of this.#running) void Promise.resolve(one.cancel()).catch(() => undefined); // it has ended, or nobody answers
  }

  async #run(done: Set<string>): Promise<PlaybookReport> {
    const { steps, metadata } = this.playbook;
    await Promise.resolve(); // so that who starts it hears of the start
    this.#tell({ type: "playbook_started", executionId: this.id, playbookId: metadata.playbook_id, totalSteps: steps.length, startedAt: this.startedAt.toISOString() });
    const ended = new Set(steps.flatMap((s, i) => (done.has(s.name) ? [i] : [])));
    const begun = new Set(ended);
    const active = new Set<Promise<void>>();
    for (;;) {
      for (const i of this.#ready(begun, ended)) {
        if (active.size >= this.#prepared.maxConcurrency || this.#state !== "running") break;
        begun.add(i);
        const one: Promise<void> = this.#step(i).then((well) => void (well && ended.add(i))).finally(() => active.delete(one));
        active.add(one);
      }
      if (!active.size) break;
      await Promise.race(active);
    }
    return this.#conclude(begun);
  }

  /** The steps whose turn it is. */
  #ready(begun: ReadonlySet<number>, ended: ReadonlySet<number>): number[] {
    return this.#prepared.before.flatMap((before, i) => (!begun.has(i) && before.every((b) => ended.has(b)) ? [i] : []));
  }

  /** Runs one step, and says whether those that wait for it may go on. */
  async #step(index: number): Promise<boolean> {
    const step = this.playbook.steps[index]!;
    const report = this.#steps[index]!;
    const began = Date.now();
    const goOn = step.continue_on_error === true || step.failure_action === "ignore";
    let done: Performed;
    try {
      await this.#gate.pass();
      const command = outlineOf(step, this.#prepared);
      this.#tell({ type: "playbook_step_start", executionId: this.id, stepId: step.name, stepNumber: index + 1, totalSteps: this.#steps.length, stepName: step.name, command });
      done = await perform(step, this.#surroundings(report));
    } catch (error) {
      done = { attempts: 1, fault: faultOf(error) };
    }
    const status: StepStatus = !done.fault ? "completed" : this.#state === "cancelled" ? "cancelled" : goOn ? "ignored" : "failed";
    Object.assign(report, { status, attempts: done.attempts, duration_ms: Date.now() - began }, done.output !== undefined && { output: done.output }, done.exitCode !== undefined && { exit_code: done.exitCode }, done.fault && { error: done.fault });
    this.#scopeOutputs.set(step.name, done.output);
    if (status === "failed" && this.#state === "running") this.#state = "failed";
    this.#tell({
      type: "playbook_step_complete", executionId: this.id, stepId: step.name, stepNumber: index + 1, stepName: step.name,
      success: !done.fault, durationMs: report.duration_ms, continueOnError: goOn,
      ...(done.exitCode !== undefined && { exitCode: done.exitCode }), ...(done.fault && { error: done.fault.message }),
    });
    return status === "completed" || status === "ignored";
  }

  get #secrets(): readonly string[] {
    return [...this.#prepared.secrets, ...(this.#options.secrets ?? [])];
  }

  get #scopeOutputs() {
    return this.#scope.outputs as Map<string, unknown>;
  }

  #surroundings(report: StepReport) {
    return {
      runId: this.id,
      names: this.playbook.steps.map((s) => s.name),
      scope: this.#scope,
      execute: (step: Step, request: Request) => this.#execute(step, request, report),
      tell: (event: PlaybookEvent) => this.#tell(event),
      pause: (seconds: number) => this.#gate.wait(seconds),
      nested: (step: Step, fill: Fill) => this.#nested(step, fill, report),
    };
  }

  /** Runs a command by the engine, as a part of this run. */
  async #execute(step: Step, request: Request, report: StepReport): Promise<Result> {
    await this.#gate.pass();
    const { defaults = {}, actor } = this.#options;
    const secrets = this.#secrets.filter((s) => s.length >= 6); // shorter ones the engine does not mask
    const metadata: Metadata = {
      source: "playbook",
      ...defaults.metadata,
      tags: { ...defaults.metadata?.tags, playbook_id: this.playbook.metadata.playbook_id, playbook_run: this.id, playbook_step: step.name },
    };
    const whole: Request = { ...defaults, ...request, env: { ...defaults.env, ...request.env }, metadata, ...(actor && { actor }), ...(secrets.length && { secrets }) };
    let handle: ExecutionHandle | undefined;
    try {
      handle = await this.#engine.executions.start(whole);
      this.#running.add(handle);
      if (this.#state === "cancelled") await handle.cancel();
      report.executions.push(handle.id);
      this.#tell({ type: "playbook_step_execution", executionId: this.id, stepId: step.name, startedId: handle.id });
      return await handle.result();
    } catch (error) {
      throw refused(error, handle);
    } finally {
      if (handle) this.#running.delete(handle);
    }
  }

  async #nested(step: Step, fill: Fill, report: StepReport): Promise<unknown> {
    const { playbook: inner } = this.#prepared.nested.get(this.playbook.steps.indexOf(step))!;
    const parameters = mapTexts(step.playbook!.parameters ?? {}, fill) as Record<string, unknown>;
    const { resume: _, id: __, ...options } = this.#options;
    const before = report.playbook?.status === "failed" ? { resume: report.playbook } : {};
    const run = new PlaybookRun(this.#engine, inner, { ...options, ...before, parameters, secrets: this.#secrets });
    this.#running.add(run);
    try {
      for await (const event of run.events()) this.#tell({ type: "playbook_nested", executionId: this.id, stepId: step.name, event });
      report.playbook = await run.result;
    } finally {
      this.#running.delete(run);
    }
    const { status, error, steps_executed: steps } = report.playbook;
    if (status !== "completed") throw new StepError({ code: "playbook", message: `${inner.metadata.playbook_id} ${status}${error ? `: ${error.message}` : ""}` });
    return Object.fromEntries(steps.map((s) => [s.name, s.output]));
  }

  #conclude(begun: ReadonlySet<number>): PlaybookReport {
    const failed = this.#steps.find((s) => s.status === "failed");
    this.#steps.forEach((s, i) => {
      if (begun.has(i)) return;
      const reason = this.#state === "cancelled" ? "the playbook was cancelled" : `the step ${failed?.name} failed`;
      this.#tell({ type: "playbook_step_skipped", executionId: this.id, stepId: s.name, stepNumber: s.step_number, stepName: s.name, reason });
    });
    const { playbook_id, version } = this.playbook.metadata;
    const now = new Date();
    const report: PlaybookReport = {
      execution_id: this.id, playbook_id, ...(version !== undefined && { version }),
      status: this.#state === "running" ? "completed" : this.#state,
      started_at: this.startedAt.toISOString(), completed_at: now.toISOString(),
      total_duration_seconds: (now.getTime() - this.startedAt.getTime()) / 1000,
      ...(failed && { failed_at_step: failed.name }), ...(failed?.error && { error: failed.error }),
      steps_executed: this.#steps,
    };
    this.#gate.end();
    this.#tell({ type: "playbook_complete", executionId: this.id, report });
    return report;
  }

  #tell(event: PlaybookEvent): void {
    this.#events.add(event);
  }
}

/**
 * Runs a playbook on an engine. Everything that is wrong with it or its values is thrown at once, as a PlaybookError,
 * before anything runs.
 */
export function runPlaybook<const T extends Playbook>(
  engine: Engine,
  playbook: T,
  options: Omit<RunPlaybookOptions, "parameters"> & { parameters?: ParametersOf<T> } = {},
): PlaybookRun {
  return new PlaybookRun(engine, playbook, options as RunPlaybookOptions);
}

/** A report that fits the playbook. */
function resumable({ metadata, steps }: Playbook, report: PlaybookReport | undefined): PlaybookReport {
  const nothing = { steps_executed: [] as StepReport[] } as PlaybookReport;
  if (!report) return nothing;
  const same = report.playbook_id === metadata.playbook_id && report.version === metadata.version;
  if (!same || report.steps_executed.some((s, i) => steps[i]?.name !== s.name)) {
    throw new PlaybookError([{ pointer: "/resume", message: `the report is of ${report.playbook_id} ${report.version ?? ""}, or its steps were others` }]);
  }
  return report;
}

function faultOf(error: unknown) {
  if (error instanceof StepError) return error.fault;
  if (error instanceof PlaybookError) return { code: "playbook", message: error.message };
  return { code: "engine", message: error instanceof Error ? error.message : String(error) };
}
