// Runs the sidecar from the front end of a Tauri v2 app, by its shell plugin.
import { EngineError } from "../errors.js";
import { type Frame, framesTransport, type Link, type Listener } from "../frames.js";
import type { Transport } from "../transport.js";

/** What is needed of the `Command` of @tauri-apps/plugin-shell. */
export interface TauriCommand {
  readonly stdout: { on(event: "data", listener: (line: string) => void): unknown };
  readonly stderr: { on(event: "data", listener: (line: string) => void): unknown };
  on(event: "close", listener: (payload: { code: number | null; signal: number | null }) => void): unknown;
  on(event: "error", listener: (error: string) => void): unknown;
  spawn(): Promise<TauriChild>;
}

/** What is needed of its `Child`. */
export interface TauriChild {
  write(data: string): Promise<void>;
  kill(): Promise<void>;
}

/**
 * Speaks with the sidecar that a command starts. It is started by the first call, and anew by the next one after it died.
 *
 *     import { Command } from "@tauri-apps/plugin-shell";
 *     const transport = tauriTransport(() => Command.sidecar("binaries/cloudops", ["sidecar"]));
 */
export function tauriTransport(command: () => TauriCommand): Transport {
  return framesTransport((listener) => start(command(), listener));
}

async function start(command: TauriCommand, listener: Listener): Promise<Link> {
  const last: string[] = [];
  let begun = "";
  let heard = false;
  // The plugin makes an event of each line, and cuts at \r too: no frame has one inside, but a line may come in parts.
  command.stdout.on("data", (text) => {
    const frame = parse((begun += text));
    if (!frame) return;
    begun = "";
    heard = true;
    listener.frame(frame);
  });
  command.stderr.on("data", (text) => {
    last.push(text.trim());
    if (last.length > 5) last.shift();
  });
  const gone = new Promise<void>((resolve) => {
    command.on("close", ({ code, signal }) => {
      const text = `the sidecar ended with ${signal ? `signal ${signal}` : code}${last.length ? `: ${last.join("; ")}` : ""}`;
      listener.ended(new EngineError(heard ? "unreachable" : "sidecar_failed", text, { retryable: heard }));
      resolve();
    });
    command.on("error", (text) => listener.ended(new EngineError("unreachable", `the sidecar: ${text}`, { retryable: true })));
  });
  const child = await command.spawn().catch((cause: unknown) => {
    throw new EngineError("sidecar_missing", `cannot start the sidecar: ${String(cause)}`, {
      cause,
      hint: "is it in externalBin of tauri.conf.json, and may the capability shell:allow-spawn start it?",
    });
  });
  // One invoke after the other: frames of two at once might be mixed.
  let written = Promise.resolve();
  const write = (text: string) => {
    written = written.then(() => child.write(text)).catch(() => undefined); // its end says it
  };
  return {
    send: (frame) => write(`${JSON.stringify({ jsonrpc: "2.0", ...frame })}\n`),
    async close() {
      // The plugin cannot close stdin: the sidecar is killed, which ends what runs in it (docs/sidecar.md).
      await written;
      await child.kill().catch(() => undefined);
      await gone;
    },
  };
}

function parse(text: string): Frame | undefined {
  if (!/}\s*$/.test(text)) return undefined;
  try {
    return JSON.parse(text) as Frame;
  } catch {
    return undefined;
  }
}

export type * from "./payloads.js";
export { productBridge, type ProductBridge, type ProductListener, type ProductOptions } from "./product.js";
export { builtInTemplates, type CommandTemplate, type TemplateParameter } from "./templates.js";
