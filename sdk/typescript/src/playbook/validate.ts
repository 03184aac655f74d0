import type { Result } from "../wire.gen.js";
import { type Fill, jsonOf } from "./actions.js";
import { compile } from "./parameters.js";
import { dig, mapTexts, parsePath, textOf } from "./references.js";
import type { Check, Validation } from "./types.js";

/** What a check can ask. */
export interface Witness {
  fill: Fill;
  parameters: Record<string, unknown>;
  /** The output of a step that has ended, by name or number. */
  outputOf(step: string | number): unknown;
  /** The output of the step itself; only behind it. */
  own: unknown;
  /** Runs the command of a check. */
  ask(check: Check): Promise<Result>;
}

export interface Verdict {
  holds: boolean;
  /** What was found, for people. */
  message: string;
}

/** Makes a validation's checks, again and again where it polls, until all hold or the attempts are used up. */
export async function validate(
  { checks, polling }: Validation,
  witness: Witness,
  told: (check: Check, verdict: Verdict, attempt: number) => void,
  pause: (seconds: number) => Promise<void>,
): Promise<string | undefined> {
  const attempts = polling && polling.enabled !== false ? (polling.max_attempts ?? 60) : 1;
  for (let attempt = 1; ; attempt++) {
    let wrong: string | undefined;
    for (const check of checks) {
      const verdict = await verdictOf(check, witness);
      told(check, verdict, attempt);
      if (!verdict.holds) wrong ??= check.description ? `${check.description}: ${verdict.message}` : verdict.message;
      if (wrong) break;
    }
    if (!wrong || attempt >= attempts) return wrong;
    await pause(polling?.interval_seconds ?? 5);
  }
}

async function verdictOf(check: Check, w: Witness): Promise<Verdict> {
  switch (check.type) {
    case "parameter_exists":
      return said(w.parameters[check.parameter!] !== undefined, `the parameter ${check.parameter} has a value`);
    case "previous_step_output_exists":
      return said(at(w.outputOf(check.step!), check.field) !== undefined, `the step ${check.step} put out ${check.field ?? "something"}`);
    case "output_variables_exist": {
      const missing = check.fields!.filter((f) => at(w.own, f) === undefined);
      return said(missing.length === 0, missing.length ? `the output has ${missing.join(", ")}` : "the output is complete");
    }
    case "output_format":
      return format(check, at(w.own, check.field));
    case "permission_check": {
      const result = await w.ask(check);
      return said(result.success, `${check.command!.type} says that it may`, lastLine(result));
    }
    default:
      return state(check, w);
  }
}

function format({ field, pattern }: Check, value: unknown): Verdict {
  const matches = value !== undefined && (compile(pattern) as RegExp).test(textOf(value));
  return said(matches, `${field} matches ${pattern}`, value === undefined ? "it is not there" : textOf(value));
}

async function state(check: Check, w: Witness): Promise<Verdict> {
  const result = await w.ask(check);
  if (!result.success) return { holds: false, message: `could not be asked: ${lastLine(result)}` };
  const found = at(jsonOf(result.stdout), check.field);
  const filled = (v: unknown) => mapTexts(v, w.fill);
  const wanted = check.one_of ? check.one_of.map(filled) : [filled(check.equals)];
  const list = wanted.map((v) => JSON.stringify(v)).join(" or ");
  return said(wanted.some((v) => JSON.stringify(v) === JSON.stringify(found)), `${check.field} is ${list}`, `it is ${JSON.stringify(found) ?? "not there"}`);
}

function at(value: unknown, field: string | undefined): unknown {
  const path = field === undefined ? [] : parsePath(field);
  return path ? dig(value, path) : undefined;
}

function said(holds: boolean, claim: string, found?: string): Verdict {
  return { holds, message: holds ? claim : `it does not hold that ${claim}${found ? ` (${found})` : ""}` };
}

/** The last line that a command wrote about its failure. */
export function lastLine(result: Result): string {
  return (result.stderr || result.stdout).trimEnd().split("\n").at(-1) || result.error || `exit code ${result.exit_code}`;
}
