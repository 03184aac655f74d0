// The Execution Manager: runs playbooks on an engine, by its public API alone.
export { type Fault, PlaybookError } from "./check.js";
export type { PlaybookEvent } from "./events.js";
export { explainPlaybook, type PlaybookOutline, type StepOutline } from "./explain.js";
export { checkPlaybook, maxDepth, type PlaybookInputs } from "./prepare.js";
export type { PlaybookReport, StepFault, StepReport, StepStatus } from "./report.js";
export { PlaybookRun, runPlaybook, type RunPlaybookOptions } from "./run.js";
export { playbookSchema } from "./schema.js";
export type * from "./types.js";

import { PlaybookError } from "./check.js";
import { checkPlaybook } from "./prepare.js";
import type { Playbook } from "./types.js";

/** A playbook in code: checked when it is defined, and its parameters have types. */
export function definePlaybook<const T extends Playbook>(playbook: T, playbooks?: readonly Playbook[]): T {
  checkPlaybook(playbook, playbooks);
  return playbook;
}

/** Reads the text of a playbook.json, and throws a PlaybookError with all that is wrong with it. */
export function parsePlaybook(text: string, playbooks?: readonly Playbook[]): Playbook {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new PlaybookError([{ pointer: "", message: `is no JSON: ${(error as Error).message}` }]);
  }
  checkPlaybook(value, playbooks);
  return value;
}
