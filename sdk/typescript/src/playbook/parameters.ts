import { at, type Faults, isObject, isType, kindOf, nearest } from "./check.js";
import type { Parameter, Playbook } from "./types.js";

/** Checks the values given for a playbook's parameters, and fills in the defaults. `later` are those whose value is not known yet. */
export function bind(playbook: Playbook, given: Record<string, unknown>, faults: Faults, later: ReadonlySet<string> = new Set(), pointer = "/parameters") {
  const known = playbook.parameters ?? [];
  const names = known.map((p) => p.name);
  for (const name of Object.keys(given)) {
    if (!names.includes(name)) faults.add(at(pointer, name), `the playbook has no such parameter${nearest(name, names)}`);
  }
  const values: Record<string, unknown> = {};
  for (const parameter of known) {
    if (later.has(parameter.name)) continue;
    const value = Object.hasOwn(given, parameter.name) ? given[parameter.name] : undefined;
    const bound = value === undefined || value === null ? parameter.default : value;
    if (bound === undefined || bound === null) {
      if (parameter.required) faults.add(at(pointer, parameter.name), `is required${parameter.prompt ? `: ${parameter.prompt}` : ""}`);
      continue;
    }
    const wrong = faultOf(parameter, bound);
    if (wrong) faults.add(at(pointer, parameter.name), wrong);
    values[parameter.name] = bound;
  }
  return values;
}

/** The values that are not to be seen. */
export function secretsOf(playbook: Playbook, values: Record<string, unknown>): string[] {
  const texts = (v: unknown): string[] =>
    typeof v === "string" ? [v] : Array.isArray(v) || isObject(v) ? Object.values(v).flatMap(texts) : v === undefined ? [] : [String(v)];
  return (playbook.parameters ?? []).filter((p) => p.secret).flatMap((p) => texts(values[p.name]));
}

/** Checks what the playbook says of its parameters themselves. */
export function checkParameters(playbook: Playbook, faults: Faults): void {
  const seen = new Set<string>();
  playbook.parameters?.forEach((parameter, i) => {
    const pointer = `/parameters/${i}`;
    if (seen.has(parameter.name)) faults.add(at(pointer, "name"), `there are two parameters ${parameter.name}`);
    seen.add(parameter.name);
    if ((parameter.type === "select") !== (parameter.options !== undefined)) {
      faults.add(at(pointer, "options"), parameter.options ? "belong to a parameter of type select" : "a select needs options");
    }
    const pattern = compile(parameter.validation?.pattern);
    if (pattern instanceof Error) faults.add(`${pointer}/validation/pattern`, pattern.message);
    else if (parameter.default !== undefined) {
      const wrong = faultOf(parameter, parameter.default);
      if (wrong) faults.add(at(pointer, "default"), wrong);
    }
  });
}

/** A regular expression, or why it is none. */
export function compile(pattern: string | undefined): RegExp | Error | undefined {
  try {
    return pattern === undefined ? undefined : new RegExp(pattern, "u");
  } catch (error) {
    return error as Error;
  }
}

function faultOf({ type = "string", options = [], validation: v = {} }: Parameter, value: unknown): string | undefined {
  if (type === "select") {
    return options.includes(value) ? undefined : `has to be one of ${options.map((o) => JSON.stringify(o)).join(", ")}`;
  }
  if (!isType(value, type)) return `has to be of type ${type}, and is ${kindOf(value)}`;
  const size = typeof value === "string" || Array.isArray(value) ? value.length : undefined;
  if (size !== undefined && size < (v.min_length ?? 0)) return `is shorter than ${v.min_length}`;
  if (size !== undefined && size > (v.max_length ?? Infinity)) return `is longer than ${v.max_length}`;
  if (typeof value === "number" && value < (v.minimum ?? -Infinity)) return `is below ${v.minimum}`;
  if (typeof value === "number" && value > (v.maximum ?? Infinity)) return `is above ${v.maximum}`;
  if (typeof value === "string" && v.pattern && !new RegExp(v.pattern, "u").test(value)) return `does not match ${v.pattern}`;
  return undefined;
}
