// The page that Chromium shows in browser.test.ts and in the benchmark.
import { createRoot } from "react-dom/client";
import { createEngine, type FetchOptions, fetchTransport, isLine } from "../../src/index.js";
import { EngineProvider, useExecutionLogs } from "../../src/react/index.js";
import { suite } from "../suite.js";
import { tests } from "./vitest.js";

suite("fetch", () => Promise.resolve({ transport: fetchTransport() }));

const engine = createEngine({ patienceMs: 60_000 });

/** Shows the end of a log, as a virtual list does. */
function Log({ id }: { id: string }) {
  const log = useExecutionLogs(id);
  return (
    <pre id="log" data-state={log.state} data-length={log.length + log.dropped}>
      {log.slice(-40).map((e) => (isLine(e) ? `${e.line}\n` : ""))}
    </pre>
  );
}

/** Frames that were shown since, and the longest time between two. */
function frames() {
  const seen = { frames: 0, longest: 0, began: performance.now(), stopped: false };
  let last = seen.began;
  const tick = (now: number) => {
    seen.frames++;
    seen.longest = Math.max(seen.longest, now - last);
    last = now;
    if (!seen.stopped) requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
  return seen;
}

const page = {
  names: () => [...tests.keys()],
  async run(name: string) {
    try {
      await tests.get(name)!();
      return undefined;
    } catch (error) {
      return error instanceof Error ? (error.stack ?? error.message) : String(error);
    }
  },
  show(id: string) {
    const root = document.body.appendChild(document.createElement("div"));
    createRoot(root).render(
      <EngineProvider engine={engine}>
        <Log id={id} />
      </EngineProvider>,
    );
  },
  frames,
  /** Follows to the end: whether the lines are 1, 2, 3 …, how many they are, and how long that took. */
  async follow(id: string, options: FetchOptions = {}) {
    const mine = createEngine({ ...options, patienceMs: 60_000 });
    const began = performance.now();
    let lines = 0;
    let wrong = 0;
    for await (const batch of mine.executions.get(id).logs()) {
      for (const entry of batch) if (isLine(entry) && entry.line_number !== ++lines) wrong++;
    }
    return { lines, wrong, ms: performance.now() - began };
  },
  /** Follows several, and says how long the slowest of some calls took meanwhile. */
  async crowd(ids: string[]) {
    const all = ids.map((id) => engine.executions.get(id));
    const live = all.map((e) => new Promise<void>((heard) => e.onLine(() => heard())));
    await Promise.all(live);
    let slowest = 0;
    for (let i = 0; i < 20; i++) {
      const began = performance.now();
      await all[i % all.length]!.describe();
      slowest = Math.max(slowest, performance.now() - began);
    }
    return slowest;
  },
};
export type Page = typeof page;
Object.assign(globalThis, { page });
