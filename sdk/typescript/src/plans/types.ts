import type { Command, Request } from "../types.js";
import type { Metadata, PlanState } from "../wire.gen.js";

/** Many commands as one. docs/plans.md says what each field means. */
export interface Plan {
  /** A UUID: the same id with the same content is the same execution. Absent: made here. */
  id?: string;
  description?: string;
  /** Absent: `dependency_graph` where a command has `depends_on`, else `serial`. */
  strategy?: Strategy;
  commands: PlanCommand[];
  metadata?: Metadata;
  halt?: { failures?: number; percent?: number; mode?: "soon" | "now" };
  /** The longest that the whole may take. */
  timeout_ms?: number;
  lock?: string;
}

export type Strategy =
  | { type: "serial"; stop_on_error?: boolean }
  | { type: "parallel"; max_concurrency?: number }
  | { type: "dependency_graph"; dependencies?: number[][]; max_concurrency?: number };

/** A command of a plan: a request, whose command may stand among its fields, and when it runs. */
export type PlanCommand = Omit<Request, "id" | "command"> & (Command | { type?: never; command: Command }) & PlanRules;

export interface PlanRules {
  /** Unique. Absent: `command-` and its index. */
  name?: string;
  /** Those that must have ended well, by name or by index. */
  depends_on?: (string | number)[];
  /** What must hold of others; else it is passed over. */
  when?: { command: string | number; status?: PlanState[]; exit_codes?: number[] }[];
  continue_on_error?: boolean;
  retry?: { attempts: number; backoff_ms?: number; max_backoff_ms?: number; exit_codes?: number[]; stderr?: string[]; timeouts?: boolean };
  /** Once for each combination of the values. */
  matrix?: { axes: Record<string, string[]>; max_concurrency?: number };
}
