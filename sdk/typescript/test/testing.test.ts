import { expect, test } from "vitest";
import { EngineError, isLine } from "../src/index.js";
import { type PlanCommand, plans } from "../src/plans/index.js";
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

test("a plan runs its scripted commands in their order, and is checked and cancelled as the engine's", async () => {
  const engine = createFakeEngine({
    script: ({ command }) => [{ stdout: `${command.type}\n` }, { wait: 10 }, { exit: command.type === "kubectl" ? 1 : 0 }],
  });
  const commands = [
    { name: "a", type: "exec", program: "a" },
    { name: "b", command: { type: "kubectl", args: [] }, depends_on: ["a"] },
    { name: "c", type: "shell", command: "c", depends_on: [0] },
    { name: "d", type: "shell", command: "d", depends_on: ["b", "c"] },
  ] satisfies PlanCommand[];
  const { steps } = await plans(engine).check({ commands });
  expect(steps.map((s) => [s.name, s.wave])).toEqual([["a", 0], ["b", 1], ["c", 1], ["d", 2]]);
  expect((await plans(engine).check({ commands: [{ type: "exec", program: "x", depends_on: ["y"] }] })).faults).toMatchObject([{ path: "/commands/0/depends_on/0" }]);

  const told: string[] = [];
  const run = plans(engine).run({ commands }, {
    onProgress: (e) => void told.push(`${e.current_command} ${e.command_status} ${e.completed}/${e.total}`),
    onLine: (l) => void told.push(l.line),
  });
  await engine.clock.advance(20);
  expect(await run).toMatchObject({ status: "failed", stats: { completed: 2, failed: 1, skipped: 1 } });
  expect(told.slice(0, 3)).toEqual(["a running 0/4", "exec", "a completed 1/4"]);
  expect(told.slice(-2)).toEqual(["d skipped 3/4", "c completed 4/4"]); // it waits for nothing when one of its own has failed

  const plan = await plans(engine).start({ strategy: { type: "serial" }, commands: commands.map(({ depends_on: _, ...c }) => c as PlanCommand) });
  await engine.clock.advance(1);
  expect(await plan.status()).toMatchObject({ status: "running", stats: { running: 1, pending: 3 } });
  await plan.cancel();
  expect((await plan.result()).results.map((r) => r.status)).toEqual(["cancelled", "skipped", "skipped", "skipped"]);
});
