import type { Calls } from "./calls.js";
import { EngineError } from "./errors.js";
import { checked, ExecutionHandle, type LineListener, type ResultOptions } from "./handle.js";
import type { CallOptions } from "./transport.js";
import { type ExecutionEvent, isLine, type Request } from "./types.js";
import { uuid } from "./uuid.js";
import type { DeleteRequest, Execution, Filter, ListResponse, Result } from "./wire.gen.js";

export interface RunOptions extends ResultOptions {
  /** Hear of whole lines as they come. What they return is waited for before `run` resolves. */
  onStdout?: LineListener | undefined;
  onStderr?: LineListener | undefined;
  onLine?: LineListener | undefined;
  /** Hears of everything. */
  onEvent?: ((event: ExecutionEvent) => unknown) | undefined;
  /** Whether aborting `signal` cancels the execution too. Default: true. */
  cancelOnAbort?: boolean | undefined;
}

/** One page of executions, newest first. */
export interface Page extends Omit<ListResponse, "executions"> {
  executions: Execution[];
}

/** What is run, and what was. */
export class Executions {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * Starts a command and waits for its end. A command that fails is a result, too, unless `throwOnFailure` is set.
   *
   *     const { stdout } = await engine.executions.run({ command: { type: "shell", command: "df -h" } });
   */
  async run(request: Request, options: RunOptions = {}): Promise<Result> {
    const execution = await this.start(request, options);
    const { onEvent, onLine, onStdout, onStderr } = options;
    const lines = Boolean(onEvent || onLine || onStdout || onStderr);
    try {
      for await (const batch of execution.eventBatches({ ...options, lines })) await tell(batch, options);
      const { result } = await this.#calls.unary("Wait", { id: execution.id, wait_ms: 0 }, options);
      return checked(result, options);
    } catch (error) {
      if (options.cancelOnAbort !== false && error === options.signal?.reason) await execution.cancel();
      throw error;
    }
  }

  /**
   * Starts a command and returns at once. The request gets its id here, so that a start whose answer is lost is made
   * again and runs once; the same id with the same content is the same execution.
   */
  async start(request: Request, options?: CallOptions): Promise<ExecutionHandle> {
    const message = { ...request, id: request.id ?? uuid() };
    const { id } = await this.#calls.unary("Execute", message, options);
    return new ExecutionHandle(this.#calls, id, true);
  }

  /** Starts several, each on its own: one that is refused is an error in its place. */
  async startAll(requests: Request[], options?: CallOptions): Promise<(ExecutionHandle | EngineError)[]> {
    const messages = requests.map((r) => ({ ...r, id: r.id ?? uuid() }));
    const { outcomes = [] } = await this.#calls.unary("ExecuteBatch", { requests: messages }, options);
    return outcomes.map((o) => (o.id ? new ExecutionHandle(this.#calls, o.id, true) : EngineError.fromWire(o.error ?? {})));
  }

  /** The handle of an execution, without asking whether there is one. */
  get(id: string): ExecutionHandle {
    return new ExecutionHandle(this.#calls, id);
  }

  /** One page: by default 100, newest first. `next` of one page is `after` of the filter for the next. */
  async list(filter: Filter = {}, options?: CallOptions): Promise<Page> {
    const page = await this.#calls.unary("List", { filter }, options);
    return { ...page, executions: page.executions ?? [] };
  }

  /** All that match, page by page. */
  async *all(filter: Filter = {}, options?: CallOptions): AsyncGenerator<Execution> {
    for (let after = filter.after; ; ) {
      const page = await this.list(after ? { ...filter, after } : filter, options);
      yield* page.executions;
      if (!(after = page.next)) return;
    }
  }

  /** Forgets executions that have ended, and says how many. */
  async delete(selection: DeleteRequest, options?: CallOptions): Promise<number> {
    return (await this.#calls.unary("Delete", selection, options)).deleted ?? 0;
  }
}

async function tell(batch: ExecutionEvent[], { onEvent, onLine, onStdout, onStderr }: RunOptions): Promise<void> {
  for (const event of batch) {
    await onEvent?.(event);
    if (!isLine(event) || event.partial) continue;
    await onLine?.(event);
    await (event.event_type === "stdout" ? onStdout : onStderr)?.(event);
  }
}
