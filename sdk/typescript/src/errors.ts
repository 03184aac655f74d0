import type { Result, Error as WireError } from "./wire.gen.js";

/** The stable name of what went wrong. docs/error-handling.md says when each comes, and what to do. */
export type ErrorCode =
  // of a request
  | "invalid"
  | "invalid_command"
  | "program_not_found"
  | "not_executable"
  | "script_not_found"
  | "invalid_working_dir"
  | "timeout_too_large"
  | "unsupported"
  // of the engine
  | "denied"
  | "queue_full"
  | "concurrency_limit"
  | "busy"
  | "store"
  | "closed"
  | "conflict"
  // of one execution
  | "not_found"
  | "expired"
  | "not_finished"
  | "finished"
  | "no_stdin"
  | "no_terminal"
  | "beyond_end"
  // of the way there
  | "unreachable"
  | "unauthenticated"
  | "permission_denied"
  | "resource_exhausted"
  | "unimplemented"
  | "version_mismatch"
  | "protocol"
  | "deadline_exceeded"
  | "canceled"
  | "internal"
  // of a later engine
  | (string & {});

/** What an error is made of, besides its text. */
export interface ErrorDetail {
  /** What to do about it, in a sentence for people. */
  hint?: string | undefined;
  /** The same call may succeed later without a change. */
  retryable?: boolean | undefined;
  /** All conditions that hold, `code` among them. */
  conditions?: readonly string[] | undefined;
  cause?: unknown;
}

/** The engine, or the way to it, could not do what it was asked. Tell them apart by `code`. */
export class EngineError extends Error {
  override readonly name: string = "EngineError";
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly retryable: boolean;
  readonly conditions: readonly string[];

  constructor(code: ErrorCode, message: string, detail: ErrorDetail = {}) {
    super(message, detail);
    this.code = code;
    this.hint = detail.hint;
    this.retryable = detail.retryable ?? false;
    this.conditions = detail.conditions?.length ? detail.conditions : [code];
  }

  /** Makes an error of the engine's own, whatever brought it. */
  static fromWire(wire: Partial<WireError>): EngineError {
    return new EngineError(wire.code ?? "internal", wire.message ?? "the engine said no more", wire);
  }
}

/** A command ran and did not succeed. It is thrown only where `throwOnFailure` asks for it. */
export class ExecutionFailedError extends EngineError {
  override readonly name = "ExecutionFailedError";
  readonly result: Result;

  constructor(result: Result) {
    super("execution_failed", result.error ? `${result.error}${lastLine(result)}` : `it ended as ${result.status}`);
    this.result = result;
  }

  /** −1 where there is none: a signal ended it, or it never ran. */
  get exitCode(): number {
    return this.result.exit_code;
  }
  /** The signal that ended it, such as `SEGV`. */
  get signal(): string | undefined {
    return this.result.signal;
  }
  /** The last lines that it wrote to stderr, else to stdout. */
  get tail(): string {
    return tail(this.result);
  }
}

const tail = (result: Result) => (result.stderr || result.stdout || "").trimEnd().split("\n").slice(-20).join("\n");
// Behind a colon, where there is one.
const lastLine = (result: Result) => tail(result).replace(/^[^]*\n|^(?=.)/, ": ");

/** Whether an error has a code, or is of a condition of that name. */
export function isEngineError(error: unknown, code?: ErrorCode): error is EngineError {
  // By its shape: two copies of this package may be loaded.
  const e = error as EngineError | undefined;
  return e instanceof Error && Array.isArray(e.conditions) && (code === undefined || e.conditions.includes(code));
}
