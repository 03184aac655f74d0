/** How a step ended. ignored: it failed, and that stops nothing. */
export type StepStatus = "completed" | "failed" | "ignored" | "skipped" | "cancelled";

export interface StepReport {
  step_number: number;
  name: string;
  status: StepStatus;
  /** How often it was tried. */
  attempts: number;
  /** The executions of the engine, in the order of their start. */
  executions: string[];
  duration_ms: number;
  exit_code?: number;
  error?: StepFault;
  /** The JSON that it printed; of a nested playbook, the outputs of its steps by their names. */
  output?: unknown;
  /** Of a nested playbook. */
  playbook?: PlaybookReport;
}

export interface StepFault {
  /** exit, timeout, cancelled, refused, validation, output, reference or engine. */
  code: string;
  message: string;
  command_failed?: string;
  /** The end of stderr, or of stdout where there is none. */
  raw_output?: string;
}

/** What became of a playbook. It is JSON; `resume` takes it. */
export interface PlaybookReport {
  execution_id: string;
  playbook_id: string;
  version?: string;
  status: "completed" | "failed" | "cancelled";
  started_at: string;
  completed_at: string;
  total_duration_seconds: number;
  /** The first that failed and stopped it. */
  failed_at_step?: string;
  error?: StepFault;
  /** All steps in their order. */
  steps_executed: StepReport[];
}

/** The steps of a report that need not run again, with what they put out. */
export function finishedIn(report: PlaybookReport): Map<string, StepReport> {
  return new Map(report.steps_executed.filter((s) => s.status === "completed" || s.status === "ignored").map((s) => [s.name, s]));
}
