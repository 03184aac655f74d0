import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** The program under test. */
export const binary = (): string => process.env["CLOUDOPS_BINARY"]!;

/** A daemon of one's own. */
export interface Daemon extends AsyncDisposable {
  socket: string;
  url: string;
  token: string;
}

/** Starts `cloudops serve` at a socket and at a port, and waits until it listens. */
export async function serve(mode: string[] = ["--ephemeral"]): Promise<Daemon> {
  const dir = mkdtempSync(join(tmpdir(), "cloudops-"));
  const state = join(dir, "state");
  const token = execFileSync(binary(), ["token", "create", "--role", "admin", "--expires", "1d", "--name", "sdk", "--state-dir", state], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  }).trim();
  const socket = join(dir, "socket");
  const args = ["serve", ...mode, "--state-dir", state, "--socket", socket, "--listen", "127.0.0.1:0"];
  const child = spawn(binary(), args, { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  child.stderr.on("data", (text) => (said += text));
  let url = "";
  for await (const line of createInterface(child.stdout)) {
    url = /http:\S+/.exec(line)?.[0] ?? "";
    if (url) break;
  }
  if (!url) throw new Error(`cloudops serve: ${said}`);
  return {
    socket,
    url,
    token,
    async [Symbol.asyncDispose]() {
      const gone = once(child, "exit");
      // A second one has what runs end at once. Two in a row may be one: it is sent until it was heard.
      child.kill("SIGTERM");
      const again = setInterval(() => child.kill("SIGTERM"), 50);
      await gone;
      clearInterval(again);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
