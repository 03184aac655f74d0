// What the commands and events of the product carry, by the names that its documents have.

import type { PlaybookEvent } from "../playbook/index.js";

export type CommandType = "aws_cli" | "script" | "playbook";
export type HandleStatus = "running" | "completed" | "failed" | "cancelled";

export interface ExecuteOptions {
  workingDir?: string;
  env?: Record<string, string>;
  /** Seconds. */
  timeout?: number;
  awsProfile?: string;
  awsRegion?: string;
}

export interface StartedHandle {
  executionId: string;
  startedAt: string;
  status: HandleStatus;
}

export interface SimplePlaybook {
  id: string;
  name: string;
  steps: { id: string; name: string; command: string; commandType: CommandType; continueOnError?: boolean }[];
}

export interface ExecutionStatus extends StartedHandle {
  completedAt?: string;
  exitCode?: number;
  error?: string;
  progress?: { currentStep: number; totalSteps: number };
}

export interface HistoryEntry {
  executionId: string;
  command: string;
  commandType: CommandType;
  status: HandleStatus;
  startedAt: string;
  completedAt?: string;
  /** Seconds. */
  duration?: number;
  exitCode?: number;
  error?: string;
}

export interface HistoryPage {
  executions: HistoryEntry[];
  totalCount: number;
  page: number;
  pageSize: number;
}

/** The commands: what goes in, what comes back. Each rejects with a text. */
export interface ProductCommands {
  execute_command: [{ command: string; commandType: CommandType; options?: ExecuteOptions }, StartedHandle];
  execute_playbook: [{ playbook: SimplePlaybook; options?: ExecuteOptions }, StartedHandle];
  cancel_execution: [{ executionId: string }, boolean];
  get_execution_status: [{ executionId: string }, ExecutionStatus];
  get_active_executions: [Record<string, never> | undefined, ExecutionStatus[]];
  get_execution_history: [
    {
      filters?: { commandType?: CommandType; status?: HandleStatus | "timeout"; startDate?: string; endDate?: string };
      pagination?: { page?: number; pageSize?: number };
    } | undefined,
    HistoryPage,
  ];
  get_execution_output: [{ executionId: string }, { executionId: string; stdout: string; stderr: string; exitCode: number; duration: number }];
  delete_execution_history: [{ executionIds: string[] }, number];
  list_aws_profiles: [Record<string, never> | undefined, { name: string; region?: string; accountId?: string }[]];
  get_default_aws_profile: [Record<string, never> | undefined, string];
  validate_aws_credentials: [{ profile: string }, { valid: boolean; accountId?: string; error?: string; expiresAt?: string }];
  get_command_templates: [{ category?: string } | undefined, import("./templates.js").CommandTemplate[]];
  execute_template: [{ templateId: string; parameters: Record<string, unknown>; options?: ExecuteOptions }, StartedHandle];
}

/** What the Execution Manager says of a step is what the product's event carries. */
type StepPayload<T extends PlaybookEvent["type"]> = Omit<Extract<PlaybookEvent, { type: T }>, "type">;

/** The events, and their payloads. */
export interface ProductEvents {
  execution_started: { executionId: string; command: string; commandType: CommandType; startedAt: string; options: ExecuteOptions };
  execution_output: { executionId: string; output: string; stream: "stdout" | "stderr"; timestamp: string };
  execution_complete: {
    executionId: string;
    status: "completed" | "failed" | "timeout" | "cancelled";
    startedAt: string;
    completedAt: string;
    durationMs: number;
    exitCode?: number;
    error?: string;
  };
  execution_cancelled: { executionId: string; cancelledAt: string; reason: string; partialOutput: string };
  playbook_step_start: StepPayload<"playbook_step_start">;
  playbook_step_complete: StepPayload<"playbook_step_complete">;
}
