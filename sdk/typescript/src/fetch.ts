import { connectTransport } from "./connect.js";
import { EngineError } from "./errors.js";
import type { Transport } from "./transport.js";

/** What says who asks: a text, or what gives it anew for each call. */
export type Token = string | (() => string | Promise<string>);

export interface FetchOptions {
  /** Where the daemon is, such as `https://build.example:7443`. Absent or "": the origin of the page. */
  baseUrl?: string;
  /** For `Authorization: Bearer`. A daemon on a port asks for one: `cloudops token create`. */
  token?: Token;
  /** Sent along with each call. */
  headers?: Record<string, string>;
  /** Instead of the global one. */
  fetch?: typeof globalThis.fetch;
}

/** Reaches a daemon by fetch: in browsers, Node, workers and web views. */
export function fetchTransport(options: FetchOptions = {}): Transport {
  const base = (options.baseUrl ?? "").replace(/\/+$/, "");
  return connectTransport(async (path, type, body, signal) => {
    const { token } = options;
    const headers: Record<string, string> = { ...options.headers, "Content-Type": type };
    if (token) headers["Authorization"] = `Bearer ${typeof token === "string" ? token : await token()}`;
    const doing = options.fetch ?? globalThis.fetch;
    try {
      const answer = await doing(base + path, { method: "POST", headers, body, signal: signal ?? null });
      return { status: answer.status, body: chunks(answer.body, signal) };
    } catch (cause) {
      throw unreachable(cause, base || "this page's origin", signal);
    }
  });
}

/** What a failed connection is: the caller's own doing, or nobody there. */
export function unreachable(cause: unknown, where: string, signal?: AbortSignal): unknown {
  if (signal?.aborted) return signal.reason;
  if (cause instanceof EngineError) return cause;
  const text = cause instanceof Error ? ((cause.cause as Error | undefined)?.message ?? cause.message) : String(cause);
  return new EngineError("unreachable", `no engine answers at ${where}: ${text}`, {
    cause,
    retryable: true,
    hint: "is the daemon (cloudops serve) running there?",
  });
}

// By a reader: not every browser can iterate a body.
async function* chunks(body: ReadableStream<Uint8Array> | null, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  if (!body) return;
  const reader = body.getReader();
  let ended = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if ((ended = done)) return;
      yield value;
    }
  } catch (cause) {
    ended = true;
    throw unreachable(cause, "the other end any more", signal);
  } finally {
    if (!ended) await reader.cancel().catch(() => undefined);
  }
}
