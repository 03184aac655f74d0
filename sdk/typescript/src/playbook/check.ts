import type { Schema } from "./schema.js";

/** One thing that is wrong with a playbook or its values. */
export interface Fault {
  /** Where: a JSON pointer (RFC 6901) into the playbook, or into `{parameters}` for values. */
  pointer: string;
  message: string;
}

/** A playbook, or what was given for it, is refused. Nothing has run. */
export class PlaybookError extends Error {
  override readonly name = "PlaybookError";
  readonly code = "invalid_playbook";
  /** All that is wrong, in the order of the document. */
  readonly faults: readonly Fault[];

  constructor(faults: readonly Fault[]) {
    super(faults.map((f) => `${f.pointer || "/"}: ${f.message}`).join("\n"));
    this.faults = faults;
  }
}

/** Collects faults, so that whoever wrote the playbook sees all of them at once. */
export class Faults {
  readonly list: Fault[] = [];

  add(pointer: string, message: string): void {
    this.list.push({ pointer, message });
  }

  /** Refuses what has any. */
  throw(): void {
    if (this.list.length) throw new PlaybookError(this.list);
  }
}

/** A pointer one step deeper. */
export function at(pointer: string, key: string | number): string {
  return `${pointer}/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

/** Checks a value against a schema, by the rules of JSON Schema 2020-12. */
export function checkShape(value: unknown, schema: Schema, root: { $defs: Record<string, Schema> }, faults: Faults, pointer = ""): void {
  if (schema.$ref) schema = root.$defs[schema.$ref.slice("#/$defs/".length)] ?? schema;
  const wrong = fault(value, schema);
  if (wrong) return faults.add(pointer, wrong);
  if (Array.isArray(value)) {
    const { items } = schema;
    if (items) value.forEach((v, i) => checkShape(v, items, root, faults, at(pointer, i)));
  } else if (isObject(value)) {
    checkFields(value, schema, root, faults, pointer);
  }
}

function checkFields(value: Record<string, unknown>, schema: Schema, root: { $defs: Record<string, Schema> }, faults: Faults, pointer: string) {
  for (const key of schema.required ?? []) {
    if (value[key] === undefined) faults.add(at(pointer, key), "is required");
  }
  for (const [key, field] of Object.entries(value)) {
    const known = schema.properties && Object.hasOwn(schema.properties, key) ? schema.properties[key] : schema.additionalProperties;
    if (known === false) faults.add(at(pointer, key), `there is no such field${nearest(key, Object.keys(schema.properties ?? {}))}`);
    else if (known && field !== undefined) checkShape(field, known, root, faults, at(pointer, key));
  }
}

/** What is wrong with the value itself, apart from what is in it. */
function fault(value: unknown, s: Schema): string | undefined {
  if (s.type && !isType(value, s.type)) return `has to be ${/^[aeio]/.test(s.type) ? "an" : "a"} ${s.type}, and is ${kindOf(value)}`;
  if (s.const !== undefined && value !== s.const) return `has to be ${JSON.stringify(s.const)}`;
  if (s.enum && !s.enum.includes(value)) return `has to be one of ${s.enum.join(", ")}`;
  if (typeof value === "string") {
    if (value.length < (s.minLength ?? 0)) return "is empty";
    if (s.pattern && !new RegExp(s.pattern, "u").test(value)) return `does not match ${s.pattern}`;
  }
  if (typeof value === "number") {
    if (value < (s.minimum ?? -Infinity)) return `is below ${s.minimum}`;
    if (value > (s.maximum ?? Infinity)) return `is above ${s.maximum}`;
  }
  if (Array.isArray(value)) {
    if (value.length < (s.minItems ?? 0)) return `needs at least ${s.minItems}`;
    if (value.length > (s.maxItems ?? Infinity)) return `may have at most ${s.maxItems}`;
  }
  return undefined;
}

/** Whether a value is of a type of JSON Schema. */
export function isType(value: unknown, type: NonNullable<Schema["type"]>): boolean {
  switch (type) {
    case "object":
      return isObject(value);
    case "array":
      return Array.isArray(value);
    case "integer":
      return Number.isInteger(value);
    case "number":
      return Number.isFinite(value);
    default:
      return typeof value === type;
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What a value is, for people. */
export function kindOf(value: unknown): string {
  return value === null ? "null" : Array.isArray(value) ? "an array" : typeof value === "object" ? "an object" : JSON.stringify(value);
}

/** ": did you mean …?", where one of the names is close to what was written. */
export function nearest(written: string, names: readonly string[]): string {
  const plain = (s: string) => s.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
  const close = names.find((n) => plain(n) === plain(written)) ?? names.find((n) => distance(n, written) <= (written.length > 4 ? 2 : 1) && written.length > 2);
  return close ? `: did you mean ${close}?` : "";
}

/** How many letters are to be changed (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length]!;
}
