// Starts the engine as a child of this program: no port, no socket, and it ends with us.
import { spawn } from "node:child_process";
import { StringDecoder } from "node:string_decoder";
import { EngineError } from "../errors.js";
import { type Frame, framesTransport, type Link, type Listener } from "../frames.js";
import type { Transport } from "../transport.js";

export interface StdioOptions {
  /** The program: a path, or a name on PATH. Default: `cloudops`. */
  binary?: string;
  /** Behind `sidecar`: `--durable`, `--state-dir DIR`, `--connect URL` … */
  args?: string[];
  /** Its environment. Default: ours. */
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** Told of each line that it writes to stderr. */
  onStderr?: (line: string) => void;
}

/**
 * Runs `cloudops sidecar` and speaks with it over its pipes. It is started by the first call, and anew by the next one
 * after it died. It ends with `close()`, and when this process is gone, however that went.
 */
export function stdioTransport(options: StdioOptions = {}): Transport {
  return framesTransport((listener) => start(options, listener));
}

function start({ binary = "cloudops", args = [], env, cwd, onStderr }: StdioOptions, listener: Listener): Link {
  const child = spawn(binary, ["sidecar", "--parent-pid", String(process.pid), ...args], {
    stdio: ["pipe", "pipe", "pipe"],
    windowsHide: true,
    // Ctrl-C in a terminal goes to all of a process group: it is for the host to say what it means to what runs.
    detached: process.platform !== "win32",
    ...(env && { env }),
    ...(cwd && { cwd }),
  });
  const last: string[] = [];
  let heard = false;
  let failure: EngineError | undefined;
  readLines(child.stderr, (line) => {
    onStderr?.(line);
    last.push(line);
    if (last.length > 5) last.shift();
  });
  readLines(child.stdout, (line) => {
    heard = true;
    const frame = parse(line);
    if (frame) listener.frame(frame);
    else listener.ended((failure = notFrames(binary, line)));
  });
  child.stdin.on("error", () => undefined); // its end says it
  child.on("error", (cause) => listener.ended(missing(binary, cause)));
  const gone = new Promise<void>((resolve) => {
    child.on("error", () => resolve());
    child.on("close", (code, signal) => {
      listener.ended(failure ?? died(binary, heard, code, signal, last));
      resolve();
    });
  });
  return {
    send: (frame) => void child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...frame })}\n`),
    close() {
      child.stdin.end();
      return gone;
    },
  };
}

/** Cuts a stream into lines. Chunks of a long line are put together once, at its end. */
function readLines(stream: NodeJS.ReadableStream, take: (line: string) => void): void {
  const decoder = new StringDecoder("utf8");
  let parts: string[] = [];
  stream.on("data", (chunk: Buffer) => {
    const text = decoder.write(chunk);
    let from = 0;
    for (let to = text.indexOf("\n"); to >= 0; to = text.indexOf("\n", from)) {
      const end = text.slice(from, to);
      take(parts.length ? parts.join("") + end : end);
      if (parts.length) parts = [];
      from = to + 1;
    }
    if (from < text.length) parts.push(text.slice(from));
  });
}

function parse(line: string): Frame | undefined {
  try {
    return JSON.parse(line) as Frame;
  } catch {
    return undefined;
  }
}

const hint = "install cloudops, or give stdioTransport the path of its program as binary";

function missing(binary: string, cause: Error): EngineError {
  return new EngineError("sidecar_missing", `cannot start ${binary}: ${cause.message}`, { cause, hint });
}

function notFrames(binary: string, line: string): EngineError {
  return new EngineError("version_mismatch", `${binary} wrote what is no frame: ${line.slice(0, 200)}`, { hint });
}

function died(binary: string, heard: boolean, code: number | null, signal: string | null, last: string[]): EngineError {
  const how = signal ? `by ${signal}` : `with ${code}`;
  const text = `${binary} sidecar ended ${how}${last.length ? `: ${last.join("; ")}` : ""}`;
  if (heard) return new EngineError("unreachable", text, { retryable: true });
  return new EngineError("sidecar_failed", text, { hint: "does this version of cloudops know the command sidecar?" });
}
