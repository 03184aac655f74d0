import { EngineError } from "../errors.js";
import type { CallOptions, Transport } from "../transport.js";
import { isLine, type OutputLine, type Request } from "../types.js";
import type { Plan } from "../plans/types.js";
import { uuid } from "../uuid.js";
import type { Execution, Filter, LineQuery, StreamMethods, UnaryMethods } from "../wire.gen.js";
import type { FakeClock } from "./clock.js";
import { FakeExecution } from "./fakeExecution.js";
import { checkPlan, FakePlan } from "./fakePlan.js";
import type { Script } from "./script.js";

type Answers = { [M in keyof UnaryMethods]?: (m: UnaryMethods[M][0]) => UnaryMethods[M][1] };

/** An engine in memory, at the place where a transport is. */
export class FakeTransport implements Transport {
  /** What was started, in order. */
  readonly executions: FakeExecution[] = [];
  readonly #script: Script;
  readonly #clock: FakeClock;
  readonly #streams = new Set<(error: EngineError) => void>();

  constructor(script: Script, clock: FakeClock) {
    this.#script = script;
    this.#clock = clock;
  }

  async unary<M extends keyof UnaryMethods>(method: M, message: UnaryMethods[M][0], { signal }: CallOptions = {}): Promise<UnaryMethods[M][1]> {
    await Promise.resolve();
    signal?.throwIfAborted();
    const answer = this.#answers[method];
    if (!answer) throw new EngineError("unimplemented", `the fake engine does not know ${method}`);
    return structuredClone(answer(message));
  }

  async *stream<M extends keyof StreamMethods>(method: M, message: StreamMethods[M][0], { signal }: CallOptions = {}): AsyncGenerator<StreamMethods[M][1]> {
    let cut!: (error: unknown) => void;
    const broken = new Promise<never>((_, reject) => (cut = reject));
    broken.catch(() => undefined);
    const abort = () => cut(signal!.reason);
    if (signal?.aborted) abort();
    signal?.addEventListener("abort", abort, { once: true });
    this.#streams.add(cut);
    try {
      const said = method === "Watch" ? this.#watch(message as StreamMethods["Watch"][0]) : this.#read(message as StreamMethods["ReadOutput"][0]);
      for (;;) {
        const { done, value } = await Promise.race([said.next(), broken]);
        if (done) return;
        yield structuredClone(value) as StreamMethods[M][1];
      }
    } finally {
      this.#streams.delete(cut);
      signal?.removeEventListener("abort", abort);
    }
  }

  /** Cuts every open stream, as a network does. The engine comes back to it. */
  cut(): void {
    for (const cut of this.#streams) cut(new EngineError("unreachable", "the connection was cut", { retryable: true }));
  }

  find(id: string): FakeExecution {
    const found = this.executions.find((x) => x.id === id);
    if (!found) throw new EngineError("not_found", `execution not found: ${id}`);
    return found;
  }

  readonly #answers: Answers = {
    Execute: (m) => ({ id: this.#execute(m as Request).id }),
    ExecuteBatch: ({ requests = [] }) => ({
      outcomes: requests.map((r) => {
        try {
          return { id: this.#execute(r as Request).id };
        } catch (error) {
          const { code, message } = error as EngineError;
          return { error: { code, message } };
        }
      }),
    }),
    CheckPlan: ({ request }) => checkPlan(planOf(request as Request)),
    Get: ({ id }) => ({ execution: this.find(id).describe() }),
    List: ({ filter = {} }) => this.#list(filter),
    Wait: ({ id }) => {
      const { result } = this.find(id);
      return result ? { result } : {};
    },
    Cancel: ({ id, actor }) => (this.find(id).cancel(actor), {}),
    WriteStdin: ({ id, data }) => {
      const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
      this.find(id).write(new TextDecoder().decode(bytes));
      return { written: bytes.length };
    },
    CloseStdin: ({ id }) => (this.find(id).closeStdin(), {}),
    Resize: ({ id, rows, cols }) => ((this.find(id).size = { rows, cols }), {}),
    ExtendDeadline: ({ by_ms }) => ({ deadline: new Date(this.#clock.now + by_ms).toISOString() }),
    AddSecrets: ({ id }) => (this.find(id), {}),
    Delete: ({ ids = [] }) => {
      const gone = this.executions.filter((x) => ids.includes(x.id) && x.result);
      for (const x of gone) this.executions.splice(this.executions.indexOf(x), 1);
      return { deleted: gone.length };
    },
    Info: () => ({ version: "fake", platform: "fake/fake" }),
  };

  #execute(request: Request): FakeExecution {
    const id = request.id ?? uuid();
    const known = this.executions.find((x) => x.id === id);
    if (known && JSON.stringify(known.request) !== JSON.stringify(request)) throw new EngineError("conflict", `${id} has other content`);
    if (known) return known;
    const made = new FakeExecution(id, structuredClone(request), this.#script, this.#clock, this.#planned(request));
    this.executions.push(made);
    return made;
  }

  #planned(request: Request): FakePlan | undefined {
    if ((request.command.type as string) !== "plan") return undefined;
    const plan = planOf(request);
    const { faults } = checkPlan(plan);
    if (faults.length) throw new EngineError("invalid", faults.map((f) => `${f.path}: ${f.message}`).join("\n"));
    return new FakePlan(plan, (command) => this.#execute(command));
  }

  #list({ status, command_type, tags = {}, limit = 100, oldest, text = "" }: Filter): { executions: Execution[] } {
    const all = this.executions
      .map((x) => x.describe())
      .filter((x) => (!status?.length || status.includes(x.status)) && x.command.includes(text))
      .filter((x) => !command_type?.length || command_type.includes(x.command_type))
      .filter((x) => Object.entries(tags).every(([k, v]) => x.metadata?.tags?.[k] === v));
    return { executions: (oldest ? all : all.reverse()).slice(0, limit) };
  }

  async *#watch({ executions }: StreamMethods["Watch"][0]): AsyncGenerator<StreamMethods["Watch"][1]> {
    yield {};
    const open = new Map<FakeExecution, number>();
    const quiet = new Set(executions.filter((p) => p.without_lines).map((p) => p.id));
    for (const { id, from = 0 } of executions) {
      const x = this.executions.find((e) => e.id === id);
      if (x) open.set(x, x.events.filter((e) => e.cursor <= from && !("unended" in e && e.cursor === from)).length);
      else yield { failures: [{ execution_id: id, error: { code: "not_found", message: `execution not found: ${id}` } }] };
    }
    while (open.size) {
      for (const [x, seen] of open) {
        const some = x.events.slice(seen, seen + 128);
        open.set(x, seen + some.length);
        const events = quiet.has(x.id) ? some.filter((e) => !isLine(e) && e.event_type !== "gap") : some;
        if (events.length) yield { events } as StreamMethods["Watch"][1];
        if (x.result && seen + some.length === x.events.length) open.delete(x);
      }
      const waiting = [...open].filter(([x, seen]) => seen === x.events.length);
      if (open.size && waiting.length === open.size) await Promise.race(waiting.map(([x]) => x.changed()));
    }
  }

  async *#read({ id, lines: query = {} }: StreamMethods["ReadOutput"][0]): AsyncGenerator<StreamMethods["ReadOutput"][1]> {
    const lines = chosen(this.find(id).lines(), query);
    await Promise.resolve();
    if (lines.length) yield { lines: lines.map(({ event_type, execution_id: _, ...line }) => ({ ...line, stream: event_type })) };
  }
}

/** The plan that a request has, with what it has of the request. */
const planOf = ({ command, metadata }: Request): Plan => ({ ...(command as unknown as Plan), ...(metadata && { metadata }) });

function chosen(all: OutputLine[], { streams, from = 0, last, contains, match, limit }: LineQuery): OutputLine[] {
  let lines = all.filter((l) => (!streams?.length || streams.includes(l.event_type)) && l.cursor > from);
  if (last) lines = lines.slice(-last);
  if (contains) lines = lines.filter((l) => l.line.includes(contains));
  if (match) lines = lines.filter((l) => new RegExp(match).test(l.line));
  return limit ? lines.slice(0, limit) : lines;
}
