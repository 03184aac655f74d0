import { actionsOf, knownFiller, surroundings } from "./actions.js";
import { shown } from "./attempt.js";
import { type Prepared, prepare, type PlaybookInputs } from "./prepare.js";
import type { Explanation, Playbook, Step } from "./types.js";

/** What a playbook would do. */
export interface PlaybookOutline {
  playbook_id: string;
  name: string;
  version?: string;
  explanation?: Explanation;
  steps: StepOutline[];
}

export interface StepOutline {
  step_number: number;
  name: string;
  description?: string;
  type: Step["type"];
  /** The names of the steps that have to end before. */
  after: string[];
  /** What runs, secrets masked; what is not known before is shown as its reference. */
  commands: string[];
  env?: Record<string, string>;
  working_dir?: string;
  continue_on_error: boolean;
  max_attempts: number;
  /** Of a nested playbook. */
  playbook?: PlaybookOutline;
}

const mask = "[REDACTED]";

/**
 * Says what a playbook would run with these values, and runs nothing. Everything that is wrong is thrown at once, as
 * `runPlaybook` does: it is a dry run as well.
 */
export function explainPlaybook(playbook: Playbook, inputs: PlaybookInputs = {}): PlaybookOutline {
  return outline(prepare(playbook, inputs), inputs.estate);
}

function outline(prepared: Prepared, estate: Record<string, unknown> | undefined): PlaybookOutline {
  const { playbook, before, nested } = prepared;
  const { playbook_id, name, version } = playbook.metadata;
  const steps = playbook.steps.map((step, i): StepOutline => {
    const inner = nested.get(i);
    return {
      step_number: i + 1,
      name: step.name,
      ...(step.description !== undefined && { description: step.description }),
      type: step.type,
      after: before[i]!.map((b) => playbook.steps[b]!.name),
      ...visible(step, prepared, estate),
      continue_on_error: step.continue_on_error === true || step.failure_action === "ignore",
      max_attempts: step.retry_config || step.failure_action === "retry" ? (step.retry_config?.max_attempts ?? 3) : 1,
      ...(inner && { playbook: outline(inner, estate) }),
    };
  });
  return { playbook_id, name, ...(version !== undefined && { version }), ...(playbook.explain && { explanation: playbook.explain }), steps };
}

/** What a step runs, in a line. */
export function outlineOf(step: Step, prepared: Prepared): string {
  return visible(step, prepared, undefined).commands.join(" && ");
}

function visible(step: Step, prepared: Prepared, estate: Record<string, unknown> = {}): Pick<StepOutline, "commands" | "env" | "working_dir"> {
  const names = prepared.playbook.steps.map((s) => s.name);
  const fill = knownFiller(names, { parameters: prepared.parameters, estate, execution: { id: "", timestamp: "" }, outputs: new Map() });
  const masked = (text: string) => prepared.secrets.reduce((t, s) => (s ? t.replaceAll(s, mask) : t), text);
  const around = surroundings(step, fill);
  const commands = step.type === "playbook" ? [`playbook ${step.playbook!.playbook_id}`] : actionsOf(step, fill).map((a) => masked(shown(a.command)));
  return {
    commands,
    ...(around.env && { env: Object.fromEntries(Object.entries(around.env).map(([k, v]) => [k, masked(v)])) }),
    ...(around.working_dir !== undefined && { working_dir: masked(around.working_dir) }),
  };
}
