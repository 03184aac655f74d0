import { expect, test } from "vitest";
import { createFakeEngine, settled } from "../src/testing/index.js";

const many = 30_000;

async function count(log: AsyncIterable<unknown[]>): Promise<number> {
  let n = 0;
  for await (const batch of log) n += batch.length;
  return n;
}

test("who takes nothing holds a bounded part of a log, keeps nobody from another, and has all of it in the end", async () => {
  const engine = createFakeEngine({ script: () => Array.from({ length: many }, (_, i) => ({ stdout: `${i}\n` })) });
  const [one, two] = [await engine.executions.start({ command: { type: "exec", program: "a" } }), await engine.executions.start({ command: { type: "exec", program: "b" } })];
  const slow = one.logs()[Symbol.asyncIterator]();
  const first = await slow.next();
  // Whatever comes now is in its queue, until that is full and nobody reads.
  for (let i = 0; i < 500; i++) await settled();
  expect(await count(two.logs())).toBe(many); // another joins
  expect(await count(one.logs())).toBe(many); // and one more of the same
  const second = await slow.next();
  expect((second.value as unknown[]).length).toBeLessThan(10_000);
  const rest = await count({ [Symbol.asyncIterator]: () => slow });
  expect((first.value as unknown[]).length + (second.value as unknown[]).length + rest).toBe(many);
});

test("one that is followed from behind the end of another reader gets what that one had", async () => {
  const engine = createFakeEngine({ script: () => [{ stdout: "1\n" }, { stdout: "2\n" }, { wait: 10 }, { stdout: "3\n" }] });
  const execution = await engine.executions.start({ command: { type: "exec", program: "a" } });
  const early = execution.logs()[Symbol.asyncIterator]();
  const seen = [await early.next()];
  const late = count(execution.logs());
  await engine.clock.advance(10);
  seen.push(await early.next(), await early.next());
  expect(seen.flatMap((s) => (s.value as { line: string }[] | undefined)?.map((l) => l.line) ?? "end")).toEqual(["1", "2", "3", "end"]);
  expect(await late).toBe(3);
});

test("who follows at the moment at which the stream ends misses nothing, whichever moment that is", async () => {
  const engine = createFakeEngine({ script: () => [{ stdout: "1\n" }, { stdout: "2\n" }] });
  const [one, two] = [await engine.executions.start({ command: { type: "exec", program: "a" } }), await engine.executions.start({ command: { type: "exec", program: "b" } })];
  await two.result();
  const seen: number[] = [];
  for (let turns = 0; turns < 60; turns++) {
    for await (const batch of one.eventBatches()) {
      if (batch.at(-1)!.event_type !== "completed") continue;
      for (let i = 0; i < turns; i++) await Promise.resolve();
      seen.push(await count(two.logs()));
    }
  }
  expect(seen).toEqual(Array.from({ length: 60 }, () => 2));
});
