import { mapFields, wideFields } from "./wire.gen.js";

/**
 * Makes numbers of the 64-bit fields of a message, in place. They are counts, milliseconds and cursors, all of them
 * below 2^53.
 */
export function decode<T>(message: T): T {
  if (typeof message !== "object" || message === null) return message;
  const fields = message as Record<string, unknown>;
  for (const name in fields) {
    const value = fields[name];
    if (typeof value === "string") {
      if (wideFields.test(name)) fields[name] = Number(value);
    } else if (typeof value === "object" && !mapFields.has(name)) decode(value);
  }
  return message;
}
