import { decode } from "./decode.js";
import type { ExecutionEvent, OutputLine } from "./types.js";
import type { Event } from "./wire.gen.js";

const text = /* @__PURE__ */ new TextDecoder("utf-8", { ignoreBOM: true });
const notAscii = /[\x80-\xff]/;

/**
 * The events of a message: one, or the lines that are packed in it. Nearly all of what comes is packed: to cut one
 * text is a quarter of the work of parsing each line as an object of its own.
 */
export function unpacked(message: Event): ExecutionEvent[] {
  const { lines_base64: packed, event_type, execution_id, timestamp } = decode(message);
  if (packed === undefined) return [message as ExecutionEvent];
  const bytes = atob(packed); // a character for each byte
  const plain = !notAscii.test(bytes);
  const lines: OutputLine[] = [];
  let cursor = message.cursor - bytes.length;
  let line_number = message.line_number!;
  for (let from = 0, to; (to = bytes.indexOf("\n", from)) >= 0; from = to + 1) {
    const line = bytes.slice(from, to);
    cursor += to + 1 - from;
    const made = { event_type, execution_id, timestamp, cursor, line, line_number: line_number++ } as OutputLine;
    lines.push(plain ? made : read(made));
  }
  return lines;
}

/** Makes text of the bytes of a line. */
function read(line: OutputLine): OutputLine {
  const bytes = line.line;
  line.line = text.decode(Uint8Array.from(bytes, (c) => c.charCodeAt(0)));
  if (line.line.includes("\ufffd")) line.line_base64 = btoa(bytes);
  return line;
}
