import type { PlaybookReport } from "./report.js";

/** What happens while a playbook runs. The names and fields of step_start and step_complete are those of the product's Tauri events. */
export type PlaybookEvent =
  | { type: "playbook_started"; executionId: string; playbookId: string; totalSteps: number; startedAt: string }
  | { type: "playbook_step_start"; executionId: string; stepId: string; stepNumber: number; totalSteps: number; stepName: string; command: string }
  /** A command of a step has started: follow its output by `engine.executions.get(startedId)`. */
  | { type: "playbook_step_execution"; executionId: string; stepId: string; startedId: string }
  | { type: "playbook_step_retry"; executionId: string; stepId: string; attempt: number; delaySeconds: number; error: string }
  | { type: "playbook_check"; executionId: string; stepId: string; phase: "pre" | "post"; check: string; holds: boolean; message: string; attempt: number }
  | {
      type: "playbook_step_complete";
      executionId: string;
      stepId: string;
      stepNumber: number;
      stepName: string;
      success: boolean;
      exitCode?: number;
      durationMs: number;
      error?: string;
      continueOnError: boolean;
    }
  | { type: "playbook_step_skipped"; executionId: string; stepId: string; stepNumber: number; stepName: string; reason: string }
  | { type: "playbook_nested"; executionId: string; stepId: string; event: PlaybookEvent }
  | { type: "playbook_paused" | "playbook_resumed"; executionId: string }
  | { type: "playbook_complete"; executionId: string; report: PlaybookReport };

/** Keeps what happened, so that who comes late hears all of it. */
export class EventLog {
  readonly #events: PlaybookEvent[] = [];
  #ended = false;
  #wake: (() => void)[] = [];

  add(event: PlaybookEvent): void {
    this.#events.push(event);
    this.#ended ||= event.type === "playbook_complete";
    for (const wake of this.#wake.splice(0)) wake();
  }

  /** All events from the first on, up to the last. */
  async *follow(signal?: AbortSignal): AsyncGenerator<PlaybookEvent> {
    for (let i = 0; ; i++) {
      while (i === this.#events.length) {
        if (this.#ended) return;
        await this.#more(signal);
      }
      yield this.#events[i]!;
    }
  }

  #more(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const abort = () => reject(signal?.reason as Error);
      signal?.addEventListener("abort", abort, { once: true });
      this.#wake.push(() => {
        signal?.removeEventListener("abort", abort);
        resolve();
      });
    });
  }
}
