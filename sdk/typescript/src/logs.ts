import type { Calls } from "./calls.js";
import { decode } from "./decode.js";
import { EngineError } from "./errors.js";
import type { FollowOptions } from "./follower.js";
import { isEnding, isLine, type LogEntry, type OutputLine } from "./types.js";
import type { LineQuery, Stream } from "./wire.gen.js";

/** Which part of a log is wanted. */
export interface LogOptions extends FollowOptions {
  /** One stream alone. Absent: both. */
  stream?: Stream | undefined;
  /** Go on with what comes, up to the end. Default: true. Without it: the whole lines that there are now. */
  follow?: boolean | undefined;
  /** Begin with the last so many lines instead of all. */
  tail?: number | undefined;
}

/** A log in batches, as they come. */
export interface LogStream extends AsyncIterable<LogEntry[]> {
  /** One whole line after the other. Gaps and lines without an end are left out: batches have them. */
  lines(): AsyncIterableIterator<OutputLine>;
}

/** Reads the output of an execution. */
export function readLogs(calls: Calls, id: string, options: LogOptions = {}): LogStream {
  const batches = () => (options.follow === false ? linesOf(calls, id, options) : followed(calls, id, options));
  return {
    [Symbol.asyncIterator]: batches,
    async *lines() {
      for await (const batch of batches()) {
        for (const entry of batch) if (isLine(entry) && !entry.partial) yield entry;
      }
    },
  };
}

async function* followed(calls: Calls, id: string, options: LogOptions): AsyncGenerator<LogEntry[]> {
  const { stream, tail } = options;
  let { after } = options;
  const seen = { stdout: 0, stderr: 0 };
  if (tail !== undefined) {
    // The cursor first: a line that comes between the two calls is in both, and passed over below.
    const { execution } = await calls.unary("Get", { id }, options);
    after = 0;
    for await (const batch of linesOf(calls, id, options)) {
      for (const line of batch) if (!line.partial) seen[line.event_type] = line.line_number;
      after = Math.max(after, batch.at(-1)!.cursor);
      yield batch;
    }
    after ||= execution.cursor;
    if (isEnding(execution.status)) return;
  }
  for await (const batch of calls.watch.follow(id, { ...options, after })) {
    const entries = batch.filter((e): e is LogEntry => {
      if (e.event_type === "gap") return !stream || e.stream === stream;
      return isLine(e) && (!stream || e.event_type === stream) && (e.line_number > seen[e.event_type] || e.continues === true);
    });
    if (entries.length) yield entries;
  }
}

/** What a query chooses of the lines that there are now. It is not resumed: one that is cut rejects. */
export async function* linesOf(calls: Calls, id: string, options: LogOptions & { query?: LineQuery }): AsyncGenerator<OutputLine[]> {
  const lines: LineQuery = { ...options.query };
  if (options.after) lines.from = options.after;
  if (options.stream) lines.streams = [options.stream];
  if (options.tail !== undefined) {
    if (!(options.tail > 0)) throw new EngineError("invalid", "tail: has to be above 0");
    lines.last = options.tail;
  }
  for await (const said of calls.transport.stream("ReadOutput", { id, lines }, options)) {
    const batch = (said.lines ?? []).map(({ stream, ...line }): OutputLine => decode({ ...line, event_type: stream, execution_id: id }));
    if (batch.length) yield batch;
  }
}
