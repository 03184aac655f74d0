import { either } from "./backoff.js";
import { EngineError } from "./errors.js";
import { type CallOptions, keepAliveMs, type Transport } from "./transport.js";
import type { Error as WireError } from "./wire.gen.js";

/** An answer over HTTP, as little of it as is needed. */
export interface Answer {
  status: number;
  /** The body. Leaving the loop lets go of the connection. */
  body: AsyncIterable<Uint8Array>;
}

/** Posts a body to a path. It rejects with an EngineError `unreachable`, or with the reason of the signal. */
export type Post = (path: string, type: string, body: Uint8Array<ArrayBuffer>, signal?: AbortSignal) => Promise<Answer>;

const service = "/cloudops.v1.ExecutionService/";
const text = /* @__PURE__ */ new TextEncoder();

/** Speaks the Connect protocol in JSON over whatever posts. */
export function connectTransport(post: Post): Transport {
  return {
    async unary(method, message, options = {}) {
      const answer = await post(`${service}${method}`, "application/json", text.encode(JSON.stringify(message)), options.signal);
      const body = await whole(answer.body);
      if (answer.status !== 200) throw refusal(answer.status, body);
      return parse(body, method);
    },
    stream: (method, message, options) => stream(post, method, message, options),
  };
}

async function* stream<T>(post: Post, method: string, message: unknown, { signal }: CallOptions = {}): AsyncGenerator<T> {
  const cut = new AbortController();
  const answer = await post(`${service}${method}`, "application/connect+json", enveloped(JSON.stringify(message)), either(cut, signal));
  if (answer.status !== 200) throw refusal(answer.status, await whole(answer.body));
  const decoder = new TextDecoder();
  for await (const [flags, payload] of envelopes(attentive(answer.body, cut))) {
    const said = parse<{ error?: ConnectError }>(decoder.decode(payload), method);
    if (!(flags & 2)) yield said as T;
    else if (said.error) throw fromConnect(said.error, 0);
    else return;
  }
  throw new EngineError("unreachable", `${method}: the stream was cut`, { retryable: true });
}

/** Cuts a connection that says nothing: a machine that slept, a cable that was pulled. */
async function* attentive(body: AsyncIterable<Uint8Array>, cut: AbortController): AsyncGenerator<Uint8Array> {
  const chunks = body[Symbol.asyncIterator]();
  try {
    for (;;) {
      const silent = setTimeout(() => {
        cut.abort(new EngineError("unreachable", "the engine fell silent", { retryable: true }));
      }, 3 * keepAliveMs);
      const { done, value } = await chunks.next().finally(() => clearTimeout(silent));
      if (done) return;
      yield value;
    }
  } finally {
    await chunks.return?.();
  }
}

/** One message of a stream: five bytes of head, then its JSON. */
function enveloped(json: string): Uint8Array<ArrayBuffer> {
  const payload = text.encode(json);
  const all = new Uint8Array(5 + payload.length);
  new DataView(all.buffer).setUint32(1, payload.length);
  all.set(payload, 5);
  return all;
}

async function* envelopes(body: AsyncIterable<Uint8Array>): AsyncGenerator<[flags: number, payload: Uint8Array]> {
  let rest: Uint8Array = new Uint8Array(0);
  for await (const chunk of body) {
    rest = rest.length ? joined(rest, chunk) : chunk;
    let at = 0;
    for (;;) {
      if (rest.length - at < 5) break;
      const size = new DataView(rest.buffer, rest.byteOffset + at + 1, 4).getUint32(0);
      if (rest.length - at - 5 < size) break;
      yield [rest[at]!, rest.subarray(at + 5, at + 5 + size)];
      at += 5 + size;
    }
    rest = rest.subarray(at);
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const all = new Uint8Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}

async function whole(body: AsyncIterable<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let out = "";
  for await (const chunk of body) out += decoder.decode(chunk, { stream: true });
  return out + decoder.decode();
}

function parse<T>(json: string, method: string): T {
  try {
    return JSON.parse(json) as T;
  } catch (cause) {
    throw new EngineError("protocol", `${method}: the answer is no JSON; is this the engine's address?`, { cause });
  }
}

interface ConnectError {
  code?: string;
  message?: string;
  details?: { type?: string; debug?: Partial<WireError> }[];
}

function refusal(status: number, body: string): EngineError {
  try {
    const said = JSON.parse(body) as ConnectError;
    if (said.code) return fromConnect(said, status);
  } catch {
    // Something in between answered.
  }
  return fromConnect({ message: `HTTP status ${status}` }, status);
}

const byStatus: Record<number, string> = {
  401: "unauthenticated",
  403: "permission_denied",
  404: "unimplemented",
  429: "resource_exhausted",
};

function fromConnect(said: ConnectError, status: number): EngineError {
  const detail = said.details?.find((d) => d.type === "cloudops.v1.Error")?.debug;
  if (detail) return EngineError.fromWire(detail);
  // Without a detail it was not the engine that spoke, but its door, or something before it.
  const code = said.code ?? byStatus[status] ?? (status > 500 ? "unavailable" : "internal");
  const busy = code === "unavailable";
  return new EngineError(busy ? "unreachable" : code === "invalid_argument" ? "invalid" : code, said.message ?? code, {
    retryable: busy || code === "resource_exhausted",
  });
}
