import type { Actor, Event, EventType, ExecuteRequest, Metadata, Result, Stream, TerminalSize } from "./wire.gen.js";

/** What to run: one flat object with its kind in `type`. docs/types.md says what each field means. */
export type Command =
  | { type: "exec"; program: string; args?: string[] }
  | { type: "shell"; command: string; shell?: string }
  | ({ type: "script"; interpreter?: string; args?: string[] } & (
      | { path: string; content?: never; name?: never }
      | { content: string; name?: string; path?: never }
    ))
  | { type: "aws_cli"; service: string; operation: string; args?: string[]; profile?: string; region?: string; output?: string }
  | {
      type: "gcloud";
      args: string[];
      project?: string;
      account?: string;
      configuration?: string;
      region?: string;
      zone?: string;
      format?: string;
    }
  | { type: "az"; args: string[]; subscription?: string; output?: string }
  | { type: "kubectl"; args: string[]; context?: string; namespace?: string; kubeconfig?: string; output?: string }
  | {
      type: "terraform";
      subcommand: string;
      args?: string[];
      dir?: string;
      variables?: Record<string, string>;
      var_files?: string[];
      output?: string;
      auto_approve?: boolean;
      color?: boolean;
    };

/** What asks for one execution. Absent means the default; docs/types.md lists the fields. */
export interface Request extends Omit<ExecuteRequest, "command" | "terminal" | "actor" | "metadata"> {
  command: Command;
  terminal?: TerminalSize;
  actor?: Actor;
  metadata?: Metadata;
}

/** A line of output, as it comes. */
export interface OutputLine {
  event_type: Stream;
  execution_id: string;
  /** When its first byte was read, RFC 3339. */
  timestamp: string;
  /** Where a reader goes on that has seen this line: pass it as `after`. */
  cursor: number;
  /** Without its newline. U+FFFD stands where it is not UTF-8. */
  line: string;
  /** Its bytes in base64, where `line` is not exact. */
  line_base64?: string;
  /** Counted from 1 in its stream. */
  line_number: number;
  /** It has no end yet, and comes again, whole, with the same number: a prompt, for example. */
  partial?: boolean;
  /** The next of the same number goes on where it stops. */
  continues?: boolean;
  /** No newline ends it. */
  unended?: boolean;
}

/** Output that is no longer there, in the place where it was. */
export interface OutputGap {
  event_type: "gap";
  execution_id: string;
  timestamp: string;
  cursor: number;
  stream: Stream;
  /** How many bytes are missing. One hole may come as several gaps. */
  bytes: number;
}

/** What a log has: lines, and the gaps between them. */
export type LogEntry = OutputLine | OutputGap;

/** How an execution ended, without what it wrote: what the last event has. */
export type Ending = Omit<Result, "stdout" | "stderr" | "stdout_base64" | "stderr_base64">;

/** One thing that happened to an execution. `event_type` says which fields mean something. */
export type ExecutionEvent = OutputLine | OutputGap | LifeEvent;

/** A step in the life of an execution. */
export interface LifeEvent extends Omit<Event, "event_type" | "result" | "lines_base64"> {
  event_type: Exclude<EventType, Stream | "gap">;
  /** Of the last event. */
  result?: Ending;
}

const endings = /^(?:completed|failed|cancelled|timeout|rejected|lost)$/;

/** Whether a status, or the type of an event, is one after which nothing comes. */
export function isEnding(status: string): boolean {
  return endings.test(status);
}

/** Whether an event is a line of output. */
export function isLine(event: ExecutionEvent): event is OutputLine {
  return event.event_type === "stdout" || event.event_type === "stderr";
}
