import { EngineError } from "../errors.js";
import type { Plan, PlanCommand } from "../plans/types.js";
import type { Command, Request } from "../types.js";
import { uuid } from "../uuid.js";
import type { PlanCommandResult, PlanFault, PlanResult, PlanStats, PlanStep, Status } from "../wire.gen.js";
import type { FakeExecution } from "./fakeExecution.js";
import type { Conducted } from "./script.js";

/** A command of a plan, and what became of it. */
interface Part {
  request: Request;
  after: number[];
  goesOn: boolean;
  result: PlanCommandResult;
  execution?: FakeExecution;
}

/** Runs a plan in a fake engine: in series, at once or as a graph; it knows no matrices, conditions and retries. */
export class FakePlan {
  readonly #parts: Part[];
  readonly #atOnce: number;
  readonly #stops: boolean;
  readonly #start: (request: Request) => FakeExecution;
  #cancelled = false;
  #halted = false;

  constructor({ strategy, commands, metadata }: Plan, start: (request: Request) => FakeExecution) {
    const names = namesOf(commands);
    const kind = strategy?.type ?? (commands.some((c) => c.depends_on) ? "dependency_graph" : "serial");
    const bound = strategy && "max_concurrency" in strategy ? strategy.max_concurrency : undefined;
    this.#atOnce = kind === "serial" ? 1 : (bound ?? Infinity);
    this.#stops = kind === "serial" && (strategy as { stop_on_error?: boolean } | undefined)?.stop_on_error !== false;
    this.#start = start;
    this.#parts = commands.map((command, index) => {
      if (command.matrix || command.when || command.retry) throw new EngineError("unsupported", "the fake engine knows no matrix, when and retry of a plan");
      return {
        request: { ...requestOf(command), metadata: { ...metadata, ...command.metadata } },
        after: (command.depends_on ?? []).map((d) => names.indexOf(nameOf(d, names))),
        goesOn: command.continue_on_error === true,
        result: { index, of_plan: index, name: names[index]!, status: "pending", success: false, exit_code: -1 },
      };
    });
  }

  /** What runs is cancelled, the rest skipped. */
  cancel(): void {
    this.#cancelled = this.#halted = true;
    for (const { execution } of this.#parts) if (execution && !execution.result) execution.cancel(undefined);
  }

  /** The steps of the execution that the plan is. */
  *steps(id: string): Generator<Conducted> {
    for (;;) {
      for (const part of this.#parts) yield* this.#begin(part, id);
      const running = this.#parts.filter((p) => p.result.status === "running");
      if (!running.length && !this.#parts.some((p) => p.result.status === "pending")) break;
      if (running.length) yield { until: Promise.race(running.map((p) => p.execution!.ended())) };
      for (const part of running) if (part.execution!.result) yield this.#end(part, id);
    }
    const failed = this.#parts.filter((p) => !p.result.success && !p.goesOn && p.result.status !== "skipped");
    const status: Status = this.#cancelled ? "cancelled" : failed.length ? "failed" : "completed";
    const error = status === "failed" ? `${failed.length} of ${this.#parts.length} commands failed: ${failed.map((p) => p.result.name).join(", ")}` : undefined;
    yield { end: status, cause: this.#cancelled ? "cancel" : "commands", ...(error && { error }), plan: this.#outcome(id, status) };
  }

  *#begin(part: Part, id: string): Generator<Conducted> {
    if (part.result.status !== "pending") return;
    const before = part.after.map((i) => this.#parts[i]!);
    const isOver = (p: Part) => p.result.status !== "pending" && p.result.status !== "running";
    if (this.#halted || before.some((p) => isOver(p) && !p.result.success && !p.goesOn)) {
      part.result.status = "skipped";
      yield this.#progress(part, id);
    } else if (before.every(isOver) && this.#parts.filter((p) => p.result.status === "running").length < this.#atOnce) {
      const tags = { ...part.request.metadata?.tags, plan_id: id, plan_command: part.result.name, plan_attempt: "1" };
      part.execution = this.#start({ ...part.request, id: uuid(), metadata: { ...part.request.metadata, tags } });
      Object.assign(part.result, { status: "running", id: part.execution.id, attempts: 1 });
      yield this.#progress(part, id);
    }
  }

  #end(part: Part, id: string): Conducted {
    const { status, success, exit_code, error } = part.execution!.result!;
    Object.assign(part.result, { status, success, exit_code, ...(error && { error }) });
    if (!success && !part.goesOn && this.#stops) this.#halted = true;
    return this.#progress(part, id);
  }

  #progress({ result }: Part, plan_id: string): Conducted {
    const over = this.#parts.filter((p) => !["pending", "running"].includes(p.result.status)).length;
    return {
      progress: {
        plan_id, completed: over, total: this.#parts.length, current_command: result.name, command_index: result.index,
        command_status: result.status, ...(result.id && { command_id: result.id, command_attempt: 1 }),
      },
    };
  }

  #outcome(plan_id: string, status: Status): PlanResult {
    const stats: PlanStats = { total: this.#parts.length, completed: 0, failed: 0, cancelled: 0, timeout: 0, rejected: 0, lost: 0, skipped: 0, passed: 0, running: 0, pending: 0, attempts: 0 };
    for (const { result } of this.#parts) {
      stats[result.status as "completed"]++;
      stats.attempts += result.attempts ?? 0;
    }
    return { plan_id, status, results: this.#parts.map((p) => p.result), stats, total_duration: "0s", total_duration_ms: 0 };
  }
}

/** What a plan would run, or what its dependencies have wrong. */
export function checkPlan({ commands }: Plan): { steps: PlanStep[]; faults: PlanFault[] } {
  const names = namesOf(commands);
  const faults: PlanFault[] = commands.length ? [] : [{ path: "/commands", message: "has none" }];
  const steps: PlanStep[] = [];
  commands.forEach((command, index) => {
    const after = (command.depends_on ?? []).map((d) => nameOf(d, names));
    after.forEach((name, i) => {
      if (!names.includes(name)) faults.push({ path: `/commands/${index}/depends_on/${i}`, message: `is "${name}": there is no such command` });
    });
    const { type, ...rest } = requestOf(command).command;
    const wave = Math.max(0, ...steps.filter((s) => after.includes(s.name)).map((s) => s.wave + 1));
    steps.push({ index, of_plan: index, name: names[index]!, wave, after, command_type: type, command: Object.values(rest).flat().join(" ") });
  });
  return faults.length ? { steps: [], faults } : { steps, faults };
}

const namesOf = (commands: PlanCommand[]) => commands.map((c, i) => c.name ?? `command-${i}`);
const nameOf = (of: string | number, names: string[]) => (typeof of === "number" ? (names[of] ?? String(of)) : of);

/** The request of a command: where it has a type, the fields of its command stand among its own. */
function requestOf(command: PlanCommand): Request {
  const { name: _name, depends_on: _depends, continue_on_error: _goesOn, ...request } = command as PlanCommand & { type?: string };
  return (request.type ? { command: request as Command } : request) as Request;
}
