// Reaches a daemon from Node over its socket, which needs no port and no token.
import { request } from "node:http";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { connectTransport } from "../connect.js";
import { EngineError } from "../errors.js";
import { unreachable } from "../fetch.js";
import type { Transport } from "../transport.js";

/** Reaches a daemon at its unix socket. Absent: see defaultSocket. */
export function socketTransport(path: string = defaultSocket()): Transport {
  const socketPath = path.replace(/^unix:\/\//, "");
  return connectTransport(
    (path, type, body, signal) =>
      new Promise((resolve, reject) => {
        const failed = (cause: unknown) => reject(unreachable(cause, socketPath, signal) as Error);
        const options = { socketPath, path, method: "POST", headers: { "Content-Type": type, "Content-Length": body.length, Host: "localhost" } };
        const asked = request(options, (answer) => {
          resolve({ status: answer.statusCode ?? 0, body: chunks(answer, socketPath, signal) });
        });
        const abort = () => asked.destroy();
        if (signal?.aborted) abort();
        signal?.addEventListener("abort", abort, { once: true });
        asked.on("close", () => signal?.removeEventListener("abort", abort));
        asked.on("error", failed);
        asked.end(body);
      }),
  );
}

async function* chunks(answer: AsyncIterable<Buffer>, path: string, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  try {
    yield* answer;
  } catch (cause) {
    throw unreachable(cause, path, signal);
  }
}

/**
 * Where `cloudops serve` listens unless it is told otherwise, or what CLOUDOPS_HOST names. A Windows daemon has a socket
 * that Node cannot open: use `@cloudops/engine/stdio` there.
 */
export function defaultSocket(env: NodeJS.ProcessEnv = process.env): string {
  const { CLOUDOPS_HOST: host, CLOUDOPS_STATE_DIR: named, XDG_RUNTIME_DIR: runtime, XDG_STATE_HOME: state } = env;
  if (host?.startsWith("unix://")) return host;
  if (host) throw new EngineError("invalid", `CLOUDOPS_HOST is ${host}, which is no socket`, { hint: "give createEngine its baseUrl" });
  if (named) return join(named, socketName);
  if (runtime && isAbsolute(runtime)) return join(runtime, "cloudops", socketName);
  return join(state && isAbsolute(state) ? state : join(homedir(), ".local", "state"), "cloudops", socketName);
}

const socketName = "cloudops.sock";
