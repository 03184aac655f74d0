import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, expect, test } from "vitest";
import { binary } from "./daemon.js";

const dir = mkdtempSync(join(tmpdir(), "cloudops-"));
const bridge = join(dir, "bridge.mjs");
await build({
  entryPoints: [fileURLToPath(new URL("../../../examples/node-bridge/bridge.js", import.meta.url))],
  bundle: true,
  platform: "node",
  format: "esm",
  outfile: bridge,
  alias: { "@cloudops/engine": fileURLToPath(new URL("../src", import.meta.url)) },
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const env = () => ({ ...process.env, CLOUDOPS_BINARY: binary() });
const run = (...args: string[]) => spawnSync(process.execPath, [bridge, ...args], { env: env(), encoding: "utf8" });

test("examples/node-bridge prints the lines of a command, and ends as it does", () => {
  const { stdout, stderr, status } = run("sh", "-c", "echo out; echo err >&2; exit 3");
  expect(stdout).toBe("out\n");
  expect(stderr).toMatch(/^err\nfailed, exit code 3, after \d+ ms\n$/);
  expect(status).toBe(3);
  expect(run("no-such-program")).toMatchObject({ status: 1, stderr: expect.stringMatching(/^program not found: no-such-program \(PATH is/) });
});

// A terminal sends the signal of Ctrl-C to the host and to all that it has started in its group.
test.each(["the host", "all of its group"])("Ctrl-C to %s: the command is cancelled, and what it says of that is printed", async (whom) => {
  const command = "trap 'echo ending; exit 0' TERM; for i in 1 2 3; do echo $i; done; while :; do sleep 0.05; done";
  const child = spawn(process.execPath, [bridge, "sh", "-c", command], { env: env(), detached: true, stdio: ["ignore", "pipe", "ignore"] });
  const exit = once(child, "exit");
  const lines: string[] = [];
  for await (const line of createInterface(child.stdout)) {
    lines.push(line);
    if (line === "3") process.kill(whom === "the host" ? child.pid! : -child.pid!, "SIGINT");
  }
  expect(await exit).toEqual([130, null]);
  expect(lines).toEqual(["1", "2", "3", "ending"]);
});

test("three lines of the original's bridge protocol are answered in its form", () => {
  const ids = ["5f0c8d9e-3b1a-4c2d-8e7f-a1b2c3d4e5f6", "5f0c8d9e-3b1a-4c2d-8e7f-a1b2c3d4e5f7", "5f0c8d9e-3b1a-4c2d-8e7f-a1b2c3d4e5f8"];
  const commands = [
    { type: "exec", program: "echo", args: ["hi"] },
    { type: "shell", shell: "sh", command: "echo a; echo b >&2; exit 3" },
    { type: "exec", program: "no-such-program" },
  ];
  const input = commands.map((command, i) => `${JSON.stringify({ id: ids[i], command })}\n`).join("");
  const answered = execFileSync(binary(), ["sidecar", "--no-hello"], { input, encoding: "utf8" });
  const said = answered.trim().split("\n").map((line) => JSON.parse(line) as { type: string; payload: Record<string, unknown> });
  const of = (id: string) => said.filter((s) => (s.payload["execution_id"] ?? s.payload["id"]) === id);
  const kinds = (id: string) => of(id).map((s) => [s.type, s.payload["event_type"] ?? s.payload["status"] ?? s.payload["code"]].join(" "));

  const begun = ["event status_changed", "event started"];
  expect(kinds(ids[0]!)).toEqual([...begun, "event stdout", "event status_changed", "event completed", "result completed"]);
  expect(of(ids[0]!).at(-1)!.payload).toMatchObject({ success: true, exit_code: 0, stdout: "hi\n", stderr: "" });
  expect(kinds(ids[1]!).sort()).toEqual([...begun, "event stdout", "event stderr", "event status_changed", "event failed", "result failed"].sort());
  expect(of(ids[1]!).at(-1)).toMatchObject({ type: "result", payload: { success: false, exit_code: 3, stdout: "a\n", stderr: "b\n" } });
  expect(kinds(ids[2]!)).toEqual(["error program_not_found"]);
});
