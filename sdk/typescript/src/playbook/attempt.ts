import { isEngineError } from "../errors.js";
import type { ExecutionHandle } from "../handle.js";
import type { Command, Request } from "../types.js";
import type { Result } from "../wire.gen.js";
import { type Action, actionsOf, commandOf, type Fill, jsonOf, surroundings } from "./actions.js";
import { isType } from "./check.js";
import { UnresolvedError } from "./references.js";
import type { StepFault } from "./report.js";
import type { Step, Validation } from "./types.js";
import { lastLine } from "./validate.js";

/** Why a step, or an attempt at it, did not end well. */
export class StepError extends Error {
  override readonly name = "StepError";
  readonly fault: StepFault;
  readonly result: Result | undefined;
  /** The validation that did not hold, if it was one. */
  readonly validation: Validation | undefined;

  constructor(fault: StepFault, result?: Result, validation?: Validation) {
    super(fault.message);
    this.fault = fault;
    this.result = result;
    this.validation = validation;
  }
}

/** Starts a command and waits for its end. */
export type Execute = (request: Request) => Promise<Result>;

/** The commands of one attempt at a step, one after the other; what the step puts out. */
export async function attempt(step: Step, fill: Fill, execute: Execute): Promise<{ output: unknown; exitCode?: number }> {
  const common = resolved(() => surroundings(step, fill));
  let last: { output: unknown; exitCode?: number } = { output: undefined };
  for (const action of resolved(() => actionsOf(step, fill))) {
    const result = succeeded(await execute({ ...common, command: action.command }), action.command);
    last = { output: outputOf(action, result), exitCode: result.exit_code };
  }
  checkOutputs(step, last.output);
  return last;
}

/** The command of a check, with the surroundings of its step. */
export function requestOfCheck(step: Step, command: Command, seconds: number | undefined, fill: Fill): Request {
  return resolved(() => {
    const { stdin: _, ...common } = surroundings({ ...step, timeout_seconds: seconds ?? 60 }, fill);
    return { ...common, command: commandOf(command, fill) };
  });
}

/** Makes what refers to something that is not there a fault of the step. */
function resolved<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (error instanceof UnresolvedError) throw new StepError({ code: "reference", message: error.message });
    throw error;
  }
}

function succeeded(result: Result, command: Command): Result {
  if (result.success) return result;
  const code = result.status === "timeout" ? "timeout" : result.status === "cancelled" ? "cancelled" : "exit";
  const why = code === "exit" ? `exit code ${result.exit_code}` : code === "timeout" ? `no end after ${result.duration_ms} ms` : "cancelled";
  throw new StepError(
    { code, message: `${why}: ${lastLine(result)}`, command_failed: shown(command), raw_output: (result.stderr || result.stdout).slice(-4096) },
    result,
  );
}

function outputOf(action: Action, result: Result): unknown {
  try {
    return action.output ? action.output(result.stdout) : jsonOf(result.stdout);
  } catch (error) {
    throw new StepError({ code: "output", message: `its output could not be read: ${String(error)}`, command_failed: shown(action.command) }, result);
  }
}

function checkOutputs(step: Step, output: unknown): void {
  for (const { name, type } of step.outputs ?? []) {
    const value = (output as Record<string, unknown> | undefined)?.[name];
    if (value === undefined) throw new StepError({ code: "output", message: `it did not put out ${name}: print a JSON object that has it` });
    if (type && !isType(value, type)) throw new StepError({ code: "output", message: `it put out ${name} as something else than a ${type}` });
  }
}

/** What a command is, for people: its words. */
export function shown(command: Command): string {
  const words = (...w: (string | undefined)[]) => w.filter((x) => x !== undefined && x !== "").join(" ");
  switch (command.type) {
    case "exec":
      return words(command.program, ...(command.args ?? []));
    case "shell":
      return command.command;
    case "script":
      return words(command.interpreter, command.path ?? command.name ?? "script", ...(command.args ?? []));
    case "aws_cli":
      return words("aws", command.service, command.operation, ...(command.args ?? []));
    case "terraform":
      return words("terraform", command.subcommand, ...(command.args ?? []), command.dir);
    default:
      return words(command.type, ...(command.args ?? []));
  }
}

/** What the engine's refusal to start a command means to a step. */
export function refused(error: unknown, handle: ExecutionHandle | undefined): unknown {
  return isEngineError(error) ? new StepError({ code: handle ? "engine" : "refused", message: `${error.code}: ${error.message}` }) : error;
}
