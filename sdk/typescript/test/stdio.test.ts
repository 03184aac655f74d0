import { execPath } from "node:process";
import { expect, test } from "vitest";
import { createEngine, type Engine } from "../src/index.js";
import { stdioTransport } from "../src/stdio/index.js";
import { binary } from "./daemon.js";
import { sh, suite } from "./suite.js";

suite("the sidecar, over stdio", () => Promise.resolve({ transport: stdioTransport({ binary: binary() }) }));

test("a program that is missing, is another, or ends at once is said, with what to do", async () => {
  const info = (binary: string, env = process.env) => createEngine({ transport: stdioTransport({ binary, env }) }).info();
  await expect(info("no-such-program")).rejects.toMatchObject({ code: "sidecar_missing", hint: expect.stringContaining("install") });
  await expect(info(execPath)).rejects.toMatchObject({ code: "sidecar_failed", message: expect.stringContaining("sidecar") });
  await expect(info("echo")).rejects.toMatchObject({ code: "version_mismatch" });
});

test("a sidecar that was killed is started anew, and what ran in it is gone", async () => {
  await using engine = createEngine({ transport: stdioTransport({ binary: binary() }) });
  const execution = await engine.executions.start(sh("echo $PPID; exec sleep 600"));
  const following = execution.result().catch((e: unknown) => e);
  for await (const line of execution.logs().lines()) {
    process.kill(await parentOf(engine, Number(line.line)), "SIGKILL");
    break;
  }
  expect(await following).toMatchObject({ code: "not_found" });
  expect((await engine.executions.run(sh("echo again"))).stdout).toBe("again\n");
});

// What runs a command may be a reaper: the sidecar is the ancestor that is our child.
async function parentOf(engine: Engine, pid: number): Promise<number> {
  const { stdout } = await engine.executions.run(sh(`p=${pid}; while :; do q=$(awk '/^PPid/{print $2}' /proc/$p/status); [ "$q" = ${process.pid} ] && break; p=$q; done; echo $p`));
  return Number(stdout);
}
