// References are values, and never text of a program: they stand in fields that become an argument, a variable, a file
// name or stdin. What a shell or an interpreter reads is left as it is.
//
//   ${playbook.x}  {{x}}      a parameter              ${estate.a.b}          what is known of the estate
//   ${step2.output.a[0].b}    the output of a step     ${execution.id}        this run
//   ${name.output.a}          the same by its name     ${execution.timestamp} when it began, RFC 3339
//   $${  {{{{                 the characters ${ and {{

import { at } from "./check.js";

/** What a reference is resolved with. */
export interface Scope {
  parameters: Record<string, unknown>;
  estate: Record<string, unknown>;
  execution: { id: string; timestamp: string };
  /** By the names of steps. One that is not there is not known yet. */
  outputs: ReadonlyMap<string, unknown>;
}

/** Where a value comes from. */
export type Source = { kind: "parameter"; name: string } | { kind: "estate" } | { kind: "execution" } | { kind: "output"; step: string };

export interface Reference {
  /** As it was written. */
  text: string;
  source: Source;
  path: readonly (string | number)[];
}

/** A text in which references may stand. */
export type Template = readonly (string | Reference)[];

const pattern = /\$\$\{|\{\{\{\{|\$\{([^{}]*)\}|\{\{\s*([A-Za-z_][A-Za-z0-9_-]*)\s*\}\}/g;

/** Takes a text apart. What looks like a reference and is none is told to `wrong`. */
export function parseTemplate(text: string, steps: readonly string[], wrong: (message: string) => void): Template {
  const parts: (string | Reference)[] = [];
  let from = 0;
  for (const match of text.matchAll(pattern)) {
    if (match.index > from) parts.push(text.slice(from, match.index));
    from = match.index + match[0].length;
    const reference = match[0] === "$${" ? "${" : match[0] === "{{{{" ? "{{" : parseReference(match, steps);
    if (reference) parts.push(reference);
    else wrong(`${match[0]} refers to nothing: there are playbook.NAME, STEP.output.FIELD, estate.FIELD, execution.id and execution.timestamp; write $\${ for the characters`);
  }
  if (from < text.length || parts.length === 0) parts.push(text.slice(from));
  return parts;
}

function parseReference([text, inside, parameter]: RegExpMatchArray, steps: readonly string[]): Reference | undefined {
  if (parameter !== undefined) return { text: text!, source: { kind: "parameter", name: parameter }, path: [] };
  const path = parsePath(inside ?? "");
  const [root, second] = path ?? [];
  if (!path || typeof root !== "string") return undefined;
  if ((root === "playbook" || root === "parent") && typeof second === "string") {
    return { text: text!, source: { kind: "parameter", name: second }, path: path.slice(2) };
  }
  if (root === "estate" && path.length > 1) return { text: text!, source: { kind: "estate" }, path: path.slice(1) };
  if (root === "execution" && path.length === 2 && (second === "id" || second === "timestamp")) {
    return { text: text!, source: { kind: "execution" }, path: path.slice(1) };
  }
  const step = second === "output" ? stepNamed(root, steps) : undefined;
  return step === undefined ? undefined : { text: text!, source: { kind: "output", step }, path: path.slice(2) };
}

/** The step of a name, or of "step" and a number. */
function stepNamed(name: string, steps: readonly string[]): string | undefined {
  return steps.includes(name) ? name : steps[Number(/^step(\d+)$/.exec(name)?.[1] ?? 0) - 1];
}

/** `a.b[0].c` as its parts. */
export function parsePath(text: string): (string | number)[] | undefined {
  if (!/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_:-]+|\[\d+\])*$/.test(text)) return undefined;
  return [...text.matchAll(/([A-Za-z0-9_:-]+)|\[(\d+)\]/g)].map(([, key, index]) => (key === undefined ? Number(index) : key));
}

/** What is at a path of a value; undefined where there is nothing. */
export function dig(value: unknown, path: readonly (string | number)[]): unknown {
  for (const key of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string | number, unknown>)[key];
  }
  return value;
}

/** A reference has no value. The step that needs it is not run. */
export class UnresolvedError extends Error {
  override readonly name = "UnresolvedError";
}

/** The value of a template: of a lone reference the value itself, else text. */
export function resolveTemplate(template: Template, scope: Scope): unknown {
  const [only] = template;
  if (template.length === 1 && typeof only === "object") return valueOf(only, scope);
  return template.map((part) => (typeof part === "string" ? part : textOf(valueOf(part, scope)))).join("");
}

function valueOf(reference: Reference, scope: Scope): unknown {
  const value = dig(origin(reference.source, scope), reference.path);
  if (value === undefined || value === null) throw new UnresolvedError(`${reference.text} has no value`);
  return value;
}

function origin(source: Source, scope: Scope): unknown {
  switch (source.kind) {
    case "parameter":
      return scope.parameters[source.name];
    case "estate":
      return scope.estate;
    case "execution":
      return scope.execution;
    case "output":
      return scope.outputs.get(source.step);
  }
}

/** A value as one argument: text as it is, what has parts as JSON. */
export function textOf(value: unknown): string {
  return typeof value === "string" ? value : typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** A copy of a value with `change` made of every text in it. */
export function mapTexts(value: unknown, change: (text: string, pointer: string) => unknown, pointer = ""): unknown {
  if (typeof value === "string") return change(value, pointer);
  if (Array.isArray(value)) return value.map((v, i) => mapTexts(v, change, `${pointer}/${i}`));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, mapTexts(v, change, at(pointer, k))]));
}
