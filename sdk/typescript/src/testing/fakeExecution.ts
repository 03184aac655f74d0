import { EngineError } from "../errors.js";
import { isEnding, isLine, type ExecutionEvent, type OutputLine, type Request } from "../types.js";
import type { Actor, Cause, Execution, PlanResult, Result, Status, Stream } from "../wire.gen.js";
import type { FakeClock } from "./clock.js";
import type { FakePlan } from "./fakePlan.js";
import type { Conducted, Script } from "./script.js";

const bytes = (text: string) => new TextEncoder().encode(text).length;

/** One scripted execution, and its record. */
export class FakeExecution {
  readonly id: string;
  readonly request: Request;
  readonly events: ExecutionEvent[] = [];
  /** All that was written to its stdin. */
  stdin = "";
  stdinClosed = false;
  result: Result | undefined;
  cancelledBy: Actor | undefined;
  size: { rows: number; cols: number } | undefined;

  readonly #clock: FakeClock;
  readonly #acceptedAt: string;
  readonly #woken = new Set<() => void>();
  #cursor = 0;
  #read = 0;
  #open: Record<Stream, string> = { stdout: "", stderr: "" };
  #lines: Record<Stream, number> = { stdout: 0, stderr: 0 };
  #text: Record<Stream, string> = { stdout: "", stderr: "" };

  readonly #plan: FakePlan | undefined;

  constructor(id: string, request: Request, script: Script, clock: FakeClock, plan?: FakePlan) {
    this.#plan = plan;
    this.id = id;
    this.request = request;
    this.#clock = clock;
    this.#acceptedAt = clock.timestamp;
    const steps = plan?.steps(id) ?? script(request);
    const iterator = ("next" in steps ? steps : steps[Symbol.iterator]()) as Iterator<Conducted, unknown, string | undefined>;
    this.#add({ event_type: "accepted", command: this.command });
    this.#add({ event_type: "status_changed", old_status: "pending", new_status: "running" });
    this.#add({ event_type: "started", command: this.command });
    void this.#run(iterator);
  }

  get command(): string {
    const { type, ...rest } = this.request.command;
    if (this.#plan) return type;
    return `${type} ${Object.values(rest).flat().join(" ")}`.trim();
  }

  /** Resolves at its end. */
  async ended(): Promise<void> {
    while (!this.result) await this.changed();
  }

  /** Resolves when something has changed. */
  changed(): Promise<void> {
    return new Promise((wake) => this.#woken.add(wake));
  }

  write(text: string): void {
    if (!(this.request.interactive || this.request.terminal)) throw new EngineError("no_stdin", "its stdin is not open");
    this.stdin += text;
    this.#wake();
  }

  closeStdin(): void {
    this.stdinClosed = true;
    this.#wake();
  }

  cancel(actor: Actor | undefined): void {
    if (this.result) throw new EngineError("finished", "it has ended");
    this.cancelledBy = actor;
    if (this.#plan) return this.#plan.cancel();
    this.#end("cancelled", "cancel", -1, "TERM", "cancelled");
  }

  describe(): Execution {
    const { id, command, request, result } = this;
    return {
      id,
      status: result?.status ?? "running",
      command_type: request.command.type,
      command,
      ...(request.actor && { actor: request.actor }),
      ...(request.metadata && { metadata: request.metadata }),
      accepted_at: this.#acceptedAt,
      started_at: this.#acceptedAt,
      ...(result && { completed_at: result.completed_at }),
      duration: "0s",
      duration_ms: this.#clock.now - Date.parse(this.#acceptedAt),
      exit_code: result?.exit_code ?? -1,
      cursor: this.#cursor,
    };
  }

  lines(): OutputLine[] {
    return this.events.filter((e) => isLine(e)).filter((l) => !l.partial);
  }

  async #run(steps: Iterator<Conducted, unknown, string | undefined>): Promise<void> {
    let heard: string | undefined;
    while (!this.result) {
      const { done, value } = steps.next(heard);
      if (done) return this.#exit(0);
      heard = await this.#do(value);
    }
  }

  async #do(step: Conducted): Promise<string | undefined> {
    if ("stdout" in step) this.#print("stdout", step.stdout);
    else if ("stderr" in step) this.#print("stderr", step.stderr);
    else if ("wait" in step) await this.#clock.wait(step.wait);
    else if ("gap" in step) this.#add({ event_type: "gap", stream: step.stream ?? "stdout", bytes: step.gap }, step.gap);
    else if ("until" in step) await step.until;
    else if ("progress" in step) this.#add({ ...step.progress, event_type: "progress" });
    else if ("read" in step) return this.#next();
    else if ("exit" in step) this.#exit(step.exit);
    else if ("signal" in step) this.#end("failed", "signal", -1, step.signal, `killed by signal ${step.signal}`);
    else if ("plan" in step) this.#end(step.end, step.cause, step.end === "completed" ? 0 : step.end === "failed" ? 1 : -1, undefined, step.error, step.plan);
    else this.#end(step.end, step.cause, -1, undefined, step.error ?? step.end);
    return undefined;
  }

  async #next(): Promise<string | undefined> {
    while (this.#read === this.stdin.length && !this.stdinClosed && !this.result) await this.changed();
    const text = this.stdin.slice(this.#read);
    this.#read = this.stdin.length;
    return text || undefined;
  }

  #print(stream: Stream, text: string): void {
    this.#text[stream] += text;
    const lines = (this.#open[stream] + text).split("\n");
    const before = bytes(this.#open[stream]);
    this.#open[stream] = lines.pop()!;
    lines.forEach((line, i) => this.#line(stream, line, {}, bytes(line) + 1 - (i === 0 ? before : 0)));
    const rest = this.#open[stream];
    if (rest) this.#line(stream, rest, { partial: true }, bytes(rest) - (lines.length === 0 ? before : 0));
  }

  #line(stream: Stream, line: string, more: Partial<OutputLine>, width: number): void {
    const number = this.#lines[stream] + 1;
    if (!more.partial) this.#lines[stream] = number;
    this.#add({ event_type: stream, line, line_number: number, ...more }, width);
  }

  #exit(code: number): void {
    const good = (this.request.success_codes ?? [0]).includes(code);
    this.#end(good ? "completed" : "failed", "exit", code, undefined, good ? undefined : `exit code ${code}`);
  }

  #end(status: Status, cause: Cause, code: number, signal: string | undefined, error: string | undefined, plan?: PlanResult): void {
    if (this.result || !isEnding(status)) return;
    for (const stream of ["stdout", "stderr"] as const) {
      if (this.#open[stream]) this.#line(stream, this.#open[stream], { unended: true }, 0);
    }
    this.#add({ event_type: "status_changed", old_status: "running", new_status: status });
    const { stdout, stderr } = this.#text;
    this.result = {
      id: this.id,
      status,
      success: status === "completed",
      cause,
      exit_code: code,
      ...(signal && { signal }),
      ...(error && { error }),
      ...(plan && { plan }),
      stdout,
      stderr,
      output: { stdout_bytes: bytes(stdout), stdout_lines: this.#lines.stdout, stderr_bytes: bytes(stderr), stderr_lines: this.#lines.stderr, truncated: false },
      accepted_at: this.#acceptedAt,
      started_at: this.#acceptedAt,
      completed_at: this.#clock.timestamp,
      duration: "0s",
      duration_ms: this.#clock.now - Date.parse(this.#acceptedAt),
      queued_ms: 0,
      ...(this.cancelledBy && { cancelled_by: this.cancelledBy }),
      usage: { user_ms: 0, system_ms: 0, peak_memory_bytes: 0, voluntary_switches: 0, involuntary_switches: 0, read_blocks: 0, write_blocks: 0 },
      cursor: this.#cursor + 1,
    };
    const { stdout: _out, stderr: _err, ...ending } = this.result;
    this.#add({ event_type: status as "completed", result: ending, ...(error && { error }) });
  }

  #add(event: Record<string, unknown> & { event_type: ExecutionEvent["event_type"] }, width = 1): void {
    this.#cursor += width;
    this.events.push({ execution_id: this.id, timestamp: this.#clock.timestamp, cursor: this.#cursor, ...event } as ExecutionEvent);
    this.#wake();
  }

  #wake(): void {
    const woken = [...this.#woken];
    this.#woken.clear();
    for (const wake of woken) wake();
  }
}
