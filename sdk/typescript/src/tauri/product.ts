import type { Engine } from "../engine.js";
import { isEngineError } from "../errors.js";
import type { ExecutionHandle } from "../handle.js";
import { runPlaybook, type PlaybookRun, type Playbook, type Step } from "../playbook/index.js";
import { type Command, isEnding, isLine, type Request } from "../types.js";
import type { Execution, Result } from "../wire.gen.js";
import { defaultProfile, profiles, validate } from "./aws.js";
import type { CommandType, ExecuteOptions, HandleStatus, ProductCommands, ProductEvents, SimplePlaybook, StartedHandle } from "./payloads.js";
import { builtInTemplates, type CommandTemplate, fillTemplate, parseTemplates } from "./templates.js";
import { words } from "./words.js";

export interface ProductOptions {
  /** More templates. One with the id of another takes its place. */
  templates?: readonly CommandTemplate[];
  /** A folder of JSON files with templates of the user's, where the engine runs. Needs a POSIX shell there. */
  templatesDir?: string;
}

/** Hears of one kind of event. */
export type ProductListener<K extends keyof ProductEvents> = (event: { event: K; payload: ProductEvents[K] }) => unknown;

/** The commands and events of the product, with the `invoke` and `listen` of @tauri-apps/api. */
export interface ProductBridge {
  invoke<K extends keyof ProductCommands>(command: K, args?: ProductCommands[K][0]): Promise<ProductCommands[K][1]>;
  listen<K extends keyof ProductEvents>(event: K, listener: ProductListener<K>): Promise<() => void>;
}

/**
 * Answers the product's Tauri commands by an engine, so that a front end that was written against them runs as it is.
 *
 *     const { invoke, listen } = productBridge(createEngine({ transport: tauriTransport(…) }));
 */
export function productBridge(engine: Engine, options: ProductOptions = {}): ProductBridge {
  const product = new Product(engine, options);
  return {
    invoke: async (command, args) => {
      try {
        const answer = (product[command] as (a: unknown) => Promise<unknown>)?.call(product, args ?? {});
        if (!answer) throw new Error(`Unknown command: ${command}`);
        return (await answer) as never;
      } catch (error) {
        throw error instanceof Error ? error.message : error; // Tauri's commands reject with texts
      }
    },
    listen: (event, listener) => {
      const set = product.listeners.get(event) ?? new Set();
      product.listeners.set(event, set.add(listener as never));
      return Promise.resolve(() => void set.delete(listener as never));
    },
  };
}

type Commands = { [K in keyof ProductCommands]: (args: NonNullable<ProductCommands[K][0]>) => Promise<ProductCommands[K][1]> };

class Product implements Commands {
  readonly listeners = new Map<keyof ProductEvents, Set<(event: unknown) => unknown>>();
  readonly #engine: Engine;
  readonly #options: ProductOptions;
  readonly #playbooks = new Map<string, PlaybookRun>();

  constructor(engine: Engine, options: ProductOptions) {
    this.#engine = engine;
    this.#options = options;
  }

  async execute_command({ command, commandType, options = {} }: ProductCommands["execute_command"][0]): Promise<StartedHandle> {
    return this.#start(commandOf(command, commandType, options), command, commandType, options);
  }

  async execute_template({ templateId, parameters, options = {} }: ProductCommands["execute_template"][0]): Promise<StartedHandle> {
    const template = (await this.#templates()).find((t) => t.id === templateId);
    if (!template) throw new Error(`Template not found: ${templateId}`);
    const argv = fillTemplate(template, parameters);
    const kind = argv[0] === "aws" ? "aws_cli" : "script";
    return this.#start(commandOfWords(argv, kind, options), argv.join(" "), kind, options);
  }

  async execute_playbook({ playbook, options = {} }: ProductCommands["execute_playbook"][0]): Promise<StartedHandle> {
    const run = runPlaybook(this.#engine, playbookOf(playbook, options), { defaults: requestOf(options) });
    this.#playbooks.set(run.id, run);
    void this.#followPlaybook(run, playbook.name, options);
    return { executionId: run.id, startedAt: now(), status: "running" };
  }

  async cancel_execution({ executionId }: { executionId: string }): Promise<boolean> {
    const run = this.#playbooks.get(executionId);
    if (run ? run.status !== "running" && run.status !== "paused" : isEnding((await this.#describe(executionId)).status)) {
      throw new Error("Execution already completed");
    }
    await (run ?? this.#engine.executions.get(executionId)).cancel();
    return true;
  }

  async get_execution_status({ executionId }: { executionId: string }): Promise<ProductCommands["get_execution_status"][1]> {
    const run = this.#playbooks.get(executionId);
    if (!run) return statusOf(await this.#describe(executionId));
    const done = run.steps.filter((s) => s.status !== "skipped").length;
    const status = run.status === "paused" ? "running" : run.status;
    const base = { executionId, status, startedAt: run.startedAt.toISOString(), progress: { currentStep: Math.min(done + 1, run.steps.length), totalSteps: run.steps.length } };
    if (status === "running") return base;
    const { completed_at, error } = await run.result;
    return { ...base, completedAt: completed_at, ...(error && { error: error.message }) };
  }

  async get_active_executions(): Promise<ProductCommands["get_active_executions"][1]> {
    const { executions } = await this.#engine.executions.list({ status: ["pending", "running"], source: "tauri", limit: 1000 });
    const running = [...this.#playbooks.values()].filter((r) => r.status === "running" || r.status === "paused");
    return [...executions.map(statusOf), ...(await Promise.all(running.map((r) => this.get_execution_status({ executionId: r.id }))))];
  }

  async get_execution_history({ filters = {}, pagination = {} }: NonNullable<ProductCommands["get_execution_history"][0]>) {
    const { page = 1, pageSize = 20 } = pagination;
    const filter = {
      source: "tauri",
      total: true,
      ...(filters.commandType && { tags: { command_type: filters.commandType } }),
      ...(filters.status && { status: [filters.status] }),
      ...(filters.startDate && { since: new Date(filters.startDate).toISOString() }),
      ...(filters.endDate && { until: new Date(filters.endDate).toISOString() }),
    };
    // The engine pages by a cursor, which neither repeats nor skips while new ones come; a page by number walks there.
    for (let at = 1, after: string | undefined; ; at++) {
      const found = await this.#engine.executions.list({ ...filter, limit: pageSize, ...(after && { after }) });
      if (at === page) return { executions: found.executions.map(historyOf), totalCount: found.total ?? 0, page, pageSize };
      if (!found.next) return { executions: [], totalCount: found.total ?? 0, page, pageSize };
      after = found.next;
    }
  }

  async get_execution_output({ executionId }: { executionId: string }) {
    await this.#describe(executionId);
    const { stdout, stderr, exit_code: exitCode, duration_ms: ms } = await this.#engine.executions.get(executionId).result();
    return { executionId, stdout, stderr, exitCode, duration: ms / 1000 };
  }

  async delete_execution_history({ executionIds }: { executionIds: string[] }): Promise<number> {
    return this.#engine.executions.delete({ ids: executionIds });
  }

  list_aws_profiles = () => profiles(this.#engine);
  get_default_aws_profile = () => defaultProfile(this.#engine);
  validate_aws_credentials = ({ profile }: { profile: string }) => validate(this.#engine, profile);

  async get_command_templates({ category }: { category?: string }): Promise<CommandTemplate[]> {
    return (await this.#templates()).filter((t) => category === undefined || t.category === category);
  }

  async #templates(): Promise<CommandTemplate[]> {
    const { templates = [], templatesDir } = this.#options;
    let own: CommandTemplate[] = [];
    if (templatesDir !== undefined) {
      const cat = 'cd "$DIR" && for f in *.json; do [ ! -f "$f" ] || { cat "$f"; printf "\\0"; }; done';
      const { stdout, stderr, success } = await this.#engine.executions.run({ command: { type: "shell", shell: "sh", command: cat }, env: { DIR: templatesDir } });
      if (!success) throw new Error(`Templates cannot be read: ${stderr.trim()}`);
      own = parseTemplates(stdout.split("\0"));
    }
    return [...new Map([...builtInTemplates, ...templates, ...own].map((t) => [t.id, t])).values()];
  }

  async #start(command: Command, line: string, commandType: CommandType, options: ExecuteOptions): Promise<StartedHandle> {
    let handle: ExecutionHandle;
    try {
      handle = await this.#engine.executions.start({ ...requestOf(options), command, metadata: { source: "tauri", tags: { command_type: commandType } } });
    } catch (error) {
      if (isEngineError(error, "program_not_found") && commandType === "aws_cli") throw new Error("AWS CLI not found");
      throw new Error(`Failed to start execution: ${(error as Error).message}`);
    }
    const startedAt = now();
    void this.#follow(handle, startedAt, { executionId: handle.id, command: line, commandType, startedAt, options });
    return { executionId: handle.id, startedAt, status: "running" };
  }

  /** Started comes first, and complete or cancelled last. */
  async #follow(handle: ExecutionHandle, startedAt: string, started: ProductEvents["execution_started"]): Promise<void> {
    this.#emit("execution_started", started);
    const executionId = handle.id;
    for await (const batch of handle.eventBatches()) {
      for (const event of batch) {
        if (isLine(event) && !event.partial) {
          this.#emit("execution_output", { executionId, output: event.line, stream: event.event_type, timestamp: event.timestamp });
        }
      }
    }
    this.#ended(await handle.result(), startedAt);
  }

  #ended(result: Result, startedAt: string): void {
    const { id: executionId, status, completed_at: completedAt, duration_ms: durationMs, exit_code: exitCode, error } = result;
    if (status === "cancelled") {
      const reason = result.cancelled_by?.name ? `by ${result.cancelled_by.name}` : "cancelled";
      return this.#emit("execution_cancelled", { executionId, cancelledAt: completedAt, reason, partialOutput: result.stdout });
    }
    const said = status === "completed" || status === "timeout" ? status : "failed";
    this.#emit("execution_complete", { executionId, status: said, startedAt, completedAt, durationMs, exitCode, ...(error && { error }) });
  }

  async #followPlaybook(run: PlaybookRun, name: string, options: ExecuteOptions): Promise<void> {
    const startedAt = run.startedAt.toISOString();
    for await (const event of run.events()) {
      if (event.type === "playbook_started") this.#emit("execution_started", { executionId: run.id, command: name, commandType: "playbook", startedAt, options });
      if (event.type === "playbook_step_start" || event.type === "playbook_step_complete") {
        const { type, ...payload } = event;
        this.#emit(type, payload as never);
      }
    }
    const report = await run.result;
    const { status, completed_at: completedAt } = report;
    if (status === "cancelled") return this.#emit("execution_cancelled", { executionId: run.id, cancelledAt: completedAt, reason: "cancelled", partialOutput: "" });
    const error = report.error?.message;
    this.#emit("execution_complete", { executionId: run.id, status, startedAt, completedAt, durationMs: Math.round(report.total_duration_seconds * 1000), ...(error && { error }) });
  }

  #emit<K extends keyof ProductEvents>(event: K, payload: ProductEvents[K]): void {
    for (const listener of this.listeners.get(event) ?? []) listener({ event, payload });
  }

  async #describe(executionId: string): Promise<Execution> {
    try {
      return await this.#engine.executions.get(executionId).describe();
    } catch (error) {
      if (isEngineError(error) && ["not_found", "expired", "invalid"].includes(error.code)) throw new Error(`Execution not found: ${executionId}`);
      throw error;
    }
  }
}

function now(): string {
  return new Date().toISOString();
}

function requestOf({ workingDir, env, timeout }: ExecuteOptions): Omit<Request, "command"> {
  return { ...(workingDir !== undefined && { working_dir: workingDir }), ...(env && { env }), ...(timeout !== undefined && { timeout_ms: Math.ceil(timeout * 1000) }) };
}

/** A command line as what runs. A script goes to the shell whole, because that is what it is. */
function commandOf(line: string, type: CommandType, options: ExecuteOptions): Command {
  if (type === "script" && line.trim()) return { type: "shell", command: line };
  let argv: string[];
  try {
    argv = words(line);
  } catch (error) {
    throw new Error(`Invalid command format: ${(error as Error).message}`);
  }
  return commandOfWords(argv, type, options);
}

function commandOfWords(argv: string[], type: CommandType, { awsProfile, awsRegion }: ExecuteOptions): Command {
  const [program, service, operation, ...args] = argv;
  if (type === "script" && program) return { type: "exec", program, args: argv.slice(1) };
  if (type !== "aws_cli" || program !== "aws" || !service || !operation) {
    throw new Error(`Invalid command format: ${type === "aws_cli" ? "an AWS command is: aws SERVICE OPERATION" : `${type} is not run so`}`);
  }
  return { type: "aws_cli", service, operation, args, ...(awsProfile && { profile: awsProfile }), ...(awsRegion && { region: awsRegion }) };
}

function playbookOf({ id, name, steps }: SimplePlaybook, options: ExecuteOptions): Playbook {
  const step = (s: SimplePlaybook["steps"][number]): Step => ({
    name: s.id,
    description: s.name,
    type: "command",
    command: escaped(commandOf(s.command, s.commandType, options)),
    continue_on_error: s.continueOnError ?? false,
  });
  return { schema_version: "2.0.0", metadata: { playbook_id: id, name }, steps: steps.map(step) };
}

/** The product's steps have no references: what looks like one is text. */
function escaped(command: Command): Command {
  if (command.type !== "aws_cli" && command.type !== "exec") return command;
  return { ...command, args: (command.args ?? []).map((a) => a.replaceAll("${", "$$$${").replaceAll("{{", "{{{{")) };
}

function handleStatus(status: string): HandleStatus {
  return status === "pending" || status === "awaiting_approval" ? "running" : ["running", "completed", "cancelled"].includes(status) ? (status as HandleStatus) : "failed";
}

function statusOf(e: Execution): ProductCommands["get_execution_status"][1] {
  return {
    executionId: e.id,
    status: handleStatus(e.status),
    startedAt: e.started_at ?? e.accepted_at,
    ...(e.completed_at !== undefined && { completedAt: e.completed_at }),
    ...(isEnding(e.status) && { exitCode: e.exit_code ?? 0 }),
  };
}

function historyOf(e: Execution) {
  const duration = e.duration_ms === undefined ? {} : { duration: e.duration_ms / 1000 };
  return { ...statusOf(e), ...duration, command: e.command, commandType: (e.metadata?.tags?.["command_type"] ?? "script") as CommandType };
}
