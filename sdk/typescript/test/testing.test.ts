import { expect, test } from "vitest";
import { EngineError, isLine } from "../src/index.js";
import { createFakeEngine } from "../src/testing/index.js";

test("a scripted command does what its script says, when its time comes", async () => {
  const engine = createFakeEngine({ script: ({ command }) => [{ stdout: `${command.type}\n` }, { wait: 1000 }, { stderr: "late" }, { exit: 3 }] });
  const execution = await engine.executions.start({ command: { type: "exec", program: "make" } });
  const result = execution.result();
  await engine.clock.advance(999);
  expect((await execution.describe()).status).toBe("running");
  await engine.clock.advance(1);
  expect(await result).toMatchObject({ status: "failed", exit_code: 3, stdout: "exec\n", stderr: "late", duration_ms: 1000 });
});

test("a script refuses, reads, and is cancelled", async () => {
  const engine = createFakeEngine({
    script: ({ command }) => {
      if (command.type === "kubectl") throw new EngineError("denied", "not here");
      return (function* () {
        yield { stdout: "Name: " };
        const name: string | undefined = yield { read: true };
        yield { stdout: `hello ${name?.trim()}\n` };
        yield { read: true };
      })();
    },
  });
  await expect(engine.executions.run({ command: { type: "kubectl", args: ["get", "pods"] } })).rejects.toMatchObject({ code: "denied" });
  const execution = await engine.executions.start({ command: { type: "shell", command: "ask" }, interactive: true });
  const seen: string[] = [];
  for await (const event of execution.events()) {
    if (!isLine(event)) continue;
    seen.push(`${event.line}${event.partial ? "…" : ""}`);
    if (event.partial) await execution.writeStdin("Ann\n");
    else await execution.cancel();
  }
  expect(seen).toEqual(["Name: …", "Name: hello Ann"]);
  expect((await execution.result()).status).toBe("cancelled");
});

test("a cut stream is gone on with: nothing twice, nothing missing, gaps in their place", async () => {
  const engine = createFakeEngine({
    script: () => [1, 2, 3, 4].flatMap((i) => [{ stdout: `${i}\n` }, { gap: 10 * i }, { wait: 10 }]),
  });
  const execution = await engine.executions.start({ command: { type: "exec", program: "x" } });
  const states: string[] = [];
  const seen: (string | number)[] = [];
  for await (const batch of execution.logs({ onState: (s) => states.push(s) })) {
    for (const entry of batch) seen.push(isLine(entry) ? entry.line : entry.bytes);
    engine.fake.cut();
    void engine.clock.advance(10);
  }
  expect(seen).toEqual(["1", 10, "2", 20, "3", 30, "4", 40]);
  expect(new Set(states)).toEqual(new Set(["connecting", "live", "reconnecting", "ended"]));
});
