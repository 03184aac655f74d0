import type { ExecutionHandle } from "../handle.js";
import type { CallOptions } from "../transport.js";
import { isEnding, type LifeEvent } from "../types.js";
import type { Execution, PlanCommandResult, PlanResult, PlanState, PlanStats } from "../wire.gen.js";

/** How far a plan is that runs: by its events up to now. */
export async function planSoFar(now: Execution, execution: ExecutionHandle, { signal }: CallOptions = {}): Promise<PlanResult> {
  const results = new Map<number, PlanCommandResult>();
  let total = 0;
  for await (const event of execution.events({ signal, lines: false })) {
    if (event.event_type === "progress") {
      total = event.total ?? total;
      take(results, event as LifeEvent);
    }
    if (event.cursor >= now.cursor) break;
  }
  const sorted = [...results.values()].sort((a, b) => a.index - b.index);
  return {
    plan_id: execution.id,
    status: now.status,
    results: sorted,
    stats: stats(sorted, total),
    total_duration: now.duration,
    total_duration_ms: now.duration_ms,
  };
}

function take(results: Map<number, PlanCommandResult>, event: LifeEvent): void {
  const { command_index: index = 0, command_status: status = "pending", command_id: id, command_attempt, current_command } = event;
  const known = results.get(index) ?? { index, of_plan: -1, name: current_command ?? "", success: false, exit_code: -1, status };
  results.set(index, known);
  Object.assign(known, { status, success: status === "completed", ...(id && { id }), ...(command_attempt && { attempts: command_attempt }) });
  if (status === "running") known.started_at ??= event.timestamp;
  else if (isOver(status)) known.completed_at = event.timestamp;
}

/** Whether nothing more becomes of a command. */
export const isOver = (state: PlanState): boolean => state === "skipped" || state === "passed" || isEnding(state);

/** Counts commands by how they ended; those of which nothing was told are pending. */
function stats(results: PlanCommandResult[], total: number): PlanStats {
  const counts: PlanStats = {
    total: Math.max(total, results.length),
    completed: 0, failed: 0, cancelled: 0, timeout: 0, rejected: 0, lost: 0, skipped: 0, passed: 0,
    running: 0, pending: 0, attempts: 0,
  };
  for (const { status, attempts = 0 } of results) {
    counts.attempts += attempts;
    if (status === "retrying") counts.running++;
    else counts[status === "awaiting_approval" ? "pending" : status]++;
  }
  counts.pending += counts.total - results.length;
  return counts;
}
