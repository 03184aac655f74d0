import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  createEngine,
  type Engine,
  type ExecutionEvent,
  ExecutionFailedError,
  type FollowState,
  isEngineError,
  isLine,
  type OutputLine,
  type Request,
  type Transport,
  uuid,
} from "../src/index.js";
import { type Plan, plans } from "../src/plans/index.js";

/** A command of sh. */
export const sh = (command: string, more: Partial<Request> = {}): Request => ({ command: { type: "shell", shell: "sh", command }, ...more });

/** Four commands, of which the last is never run. */
const night: Plan = {
  commands: [
    { name: "one", type: "shell", shell: "sh", command: "echo hi" },
    { name: "two", ...sh("echo bye ${matrix.x}; exit 3"), depends_on: ["one"], matrix: { axes: { x: ["a", "b"] } } },
    { name: "three", type: "shell", command: "echo never", depends_on: ["two"] },
  ],
};

/** A way to an engine, and what lets go of what is behind it. */
export interface Way {
  transport: Transport;
  end?: () => PromiseLike<void> | void;
}

async function collect<T>(from: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of from) all.push(item);
  return all;
}

const codeOf = (doing: Promise<unknown>): Promise<unknown> =>
  doing.then(() => "no error", (error: unknown) => (isEngineError(error) ? error.code : error));

/** What holds whatever the transport. */
export function suite(name: string, open: () => Promise<Way>): void {
  describe(name, () => {
    let way: Way;
    let engine: Engine;
    let streams = 0;

    beforeAll(async () => {
      way = await open();
      const { transport } = way;
      engine = createEngine({
        transport: {
          unary: (...call) => transport.unary(...call),
          stream: (...call) => (streams++, transport.stream(...call)),
        },
      });
    });
    afterAll(async () => {
      await way?.transport.close?.();
      await way?.end?.();
    });

    test("run waits, and gives the result, whose numbers are numbers", async () => {
      const result = await engine.executions.run(sh("echo hi; echo oh >&2; exit 3"));
      expect(result).toMatchObject({ status: "failed", success: false, cause: "exit", exit_code: 3, stdout: "hi\n", stderr: "oh\n" });
      expect(result.output.stdout_bytes).toBe(3);
      expect(result.cursor).toBeGreaterThan(6);
      expect((await engine.info()).platform).toContain("/");
      expect((await engine.stats()).accepted).toBeGreaterThan(0);
    });

    test("run tells of lines as they come, and has told of all when it returns", async () => {
      const id = uuid();
      const heard: string[] = [];
      const tell = (prefix: string) => async (line: OutputLine) => {
        await Promise.resolve();
        heard.push(prefix + line.line);
        if (line.line !== "3") await engine.executions.get(id).writeStdin("go on\n");
      };
      const command = sh("echo 1; read x; echo 2 >&2; read x; echo 3", { id, interactive: true });
      await engine.executions.run(command, { onStdout: tell("out "), onStderr: tell("err ") });
      expect(heard).toEqual(["out 1", "err 2", "out 3"]);
    });

    test("a failure is a result, and an error where that is asked for", async () => {
      const failed = engine.executions.run(sh("echo no such bucket >&2; exit 4"), { throwOnFailure: true });
      const error = await failed.catch((e: unknown) => e as ExecutionFailedError);
      expect(error).toBeInstanceOf(ExecutionFailedError);
      expect(error).toMatchObject({ exitCode: 4, tail: "no such bucket", message: "exit code 4: no such bucket" });
    });

    test("a refusal has a code and a hint", async () => {
      const error = await engine.executions.start({ command: { type: "exec", program: "no-such-program" } }).catch((e: unknown) => e);
      expect(error).toMatchObject({ code: "program_not_found", retryable: false });
      expect((error as { hint: string }).hint).toContain("PATH");
      expect(isEngineError(error, "invalid")).toBe(true);
      const handle = engine.executions.get(uuid());
      expect(await codeOf(handle.describe())).toBe("not_found");
      expect(await codeOf(collect(handle.logs()))).toBe("not_found");
      expect(await codeOf(handle.result())).toBe("not_found");
    });

    test("logs are followed, replayed, and gone on with at a cursor", async () => {
      const execution = await engine.executions.start(sh("seq 1 20000; echo end >&2"));
      const live = await collect(execution.logs({ stream: "stdout" }).lines());
      expect(live.map((l) => l.line)).toEqual(Array.from({ length: 20000 }, (_, i) => String(i + 1)));
      const middle = live[9999]!;
      // Two pipes: which is read first nobody promises, so that "end" may be anywhere.
      const rest = (await collect(execution.logs({ after: middle.cursor }).lines())).filter((l) => l.event_type === "stdout");
      expect(rest.map((l) => l.line)).toEqual(live.slice(10000).map((l) => l.line));
      expect(rest[0]).toMatchObject({ event_type: "stdout", line_number: 10001, execution_id: execution.id });
      expect((await collect(execution.logs({ tail: 3, stream: "stdout" }).lines())).map((l) => l.line)).toEqual(["19998", "19999", "20000"]);
      expect((await collect(execution.logs({ follow: false, stream: "stderr" }))).flat()).toMatchObject([{ line: "end" }]);
      expect((await collect(execution.search({ match: "^1999.$", limit: 2 }))).map((l) => l.line)).toEqual(["19990", "19991"]);
    });

    test("lines that come packed are those that were written, and one goes on behind each", async () => {
      const execution = await engine.executions.start(sh("seq 1 300; printf 'gr\\303\\274n\\n\\n\\r\\n\\357\\273\\277x\\n\\377y\\n'; seq 306 600"));
      await execution.result();
      const lines = await collect(execution.logs().lines());
      const want = Array.from({ length: 600 }, (_, i) => String(i + 1));
      want.splice(300, 5, "grün", "", "\r", "\ufeffx", "\ufffdy");
      expect(lines.map((l) => l.line)).toEqual(want);
      expect(lines.map((l) => l.line_number)).toEqual(want.map((_, i) => i + 1));
      expect(lines.flatMap((l) => l.line_base64 ?? [])).toEqual([btoa("\xffy")]);
      for (const i of [0, 299, 300, 303, 304, 598]) {
        const [next] = await collect(execution.logs({ after: lines[i]!.cursor }).lines());
        expect(next).toEqual(lines[i + 1]);
      }
    });

    test("who wants no lines hears of the life alone, also beside one who does", async () => {
      const execution = await engine.executions.start(sh("seq 1 500; exec sleep 600"));
      const quiet = collect(execution.events({ lines: false }));
      for await (const line of execution.logs().lines()) if (line.line === "500") break;
      await execution.cancel();
      const kinds = (await quiet).map((e) => e.event_type);
      expect(kinds).not.toContain("stdout");
      expect([kinds[0], kinds.at(-1)]).toEqual(["accepted", "cancelled"]);
    });

    test("a last line without its end, a prompt, and bytes that are no text", async () => {
      const execution = await engine.executions.start(sh("printf Password:; read x; printf 'caf\\351'; printf 'x\\ry' >&2", { interactive: true }));
      for await (const event of execution.events()) {
        if (isLine(event) && event.partial) {
          expect(event.line).toBe("Password:");
          break;
        }
      }
      await execution.writeStdin("secret\n");
      expect(await execution.result()).toMatchObject({ stdout: "Password:caf\ufffd", stderr: "x\ry" });
      const lines = await collect(execution.logs().lines());
      expect(lines.find((l) => l.event_type === "stdout")).toMatchObject({ line: "Password:caf\ufffd", line_base64: "UGFzc3dvcmQ6Y2Fm6Q==", unended: true });
      expect(lines.find((l) => l.event_type === "stderr")?.line).toBe("x\ry");
    });

    test("aborting a follow leaves the execution, aborting run cancels it", async () => {
      const execution = await engine.executions.start(sh("echo on; exec sleep 600"));
      const looked = new AbortController();
      const error = await collect(
        (async function* () {
          for await (const batch of execution.logs({ signal: looked.signal })) {
            yield batch;
            looked.abort();
          }
        })(),
      ).catch((e: unknown) => e);
      expect(error).toMatchObject({ name: "AbortError" });
      expect((await execution.describe()).status).toBe("running");
      await execution.cancel({ actor: { kind: "human", name: "ann" } });
      const { status, cancelled_by: by } = await execution.result();
      // Who knows its callers takes what they say of themselves for a claim.
      expect([status, by?.on_behalf_of ?? `${by?.kind}:${by?.name}`]).toEqual(["cancelled", "human:ann"]);
      await execution.cancel(); // it has ended: no error

      const tags = { of: uuid() };
      const ran = new AbortController();
      const run = engine.executions.run(sh("echo up; exec sleep 600", { metadata: { tags } }), { signal: ran.signal, onLine: () => ran.abort() });
      await expect(run).rejects.toMatchObject({ name: "AbortError" });
      const { executions } = await engine.executions.list({ tags });
      expect((await engine.executions.get(executions[0]!.id).result()).status).toBe("cancelled");
    });

    test("stdin is written whole, and ended", async () => {
      const text = "x".repeat(3 << 20);
      const execution = await engine.executions.start(sh("wc -c", { interactive: true }));
      await execution.writeStdin(text);
      await execution.closeStdin();
      expect((await execution.result()).stdout.trim()).toBe(String(text.length));
      expect(await codeOf(execution.writeStdin("x"))).toBe("finished");
    });

    test("a terminal has a size, and gets another", async () => {
      const execution = await engine.executions.start(sh("stty size; read x; stty size", { terminal: { rows: 10, cols: 20 } }));
      const sizes: string[] = [];
      for await (const line of execution.logs().lines()) {
        const size = line.line.trim();
        if (!/^\d+ \d+$/.test(size)) continue;
        sizes.push(size);
        if (sizes.length > 1) continue;
        await execution.resize({ rows: 30, cols: 90 });
        await execution.writeStdin("go\n");
      }
      expect(sizes).toEqual(["10 20", "30 90"]);
    });

    test("a deadline is extended", async () => {
      const execution = await engine.executions.start(sh("echo on; exec sleep 600", { timeout_ms: 100_000 }));
      for await (const _ of execution.logs()) break; // it runs
      const before = Date.parse((await execution.describe()).deadline!);
      expect(Date.parse((await execution.extendDeadline(60_000))!) - before).toBe(60_000);
      await execution.kill();
      expect(await execution.result()).toMatchObject({ status: "cancelled" });
    });

    test("a list is filtered and paged, and labels stay as they were given", async () => {
      const tags = { run: uuid(), cursor: "12" };
      const started = await engine.executions.startAll([1, 2, 3].map((i) => sh(`echo ${i}`, { metadata: { tags } })));
      for (const handle of started) if (!(handle instanceof Error)) await handle.result();
      const all = await collect(engine.executions.all({ tags, limit: 2 }));
      expect(all.map((x) => x.metadata?.tags)).toEqual([tags, tags, tags]);
      expect((await engine.executions.list({ tags, total: true, limit: 1 })).total).toBe(3);
    });

    test("the same id is started once", async () => {
      const request = sh("echo once", { id: uuid() });
      const [one, two] = await Promise.all([engine.executions.start(request), engine.executions.start(request)]);
      expect(one.id).toBe(two.id);
      expect(await codeOf(engine.executions.start(sh("echo other", { id: request.id! })))).toBe("conflict");
      await one.result();
    });

    test("twenty are followed through one stream, and a slow reader holds up none", async () => {
      const execution = await engine.executions.start(sh("seq 1 30000"));
      await execution.result();
      const slow = execution.logs()[Symbol.asyncIterator]();
      await slow.next(); // and takes no more for now
      const others = await Promise.all(Array.from({ length: 20 }, (_, i) => engine.executions.start(sh(`seq ${i} 3000`))));
      streams = 0;
      const read = await Promise.all(others.map((o) => collect(o.logs().lines())));
      expect(read.map((lines) => lines.length)).toEqual(others.map((_, i) => 3001 - i));
      expect(streams).toBeLessThan(10);
      let last: OutputLine | undefined;
      let lines = 0;
      for (let next = await slow.next(); !next.done; next = await slow.next()) {
        for (const entry of next.value) if (isLine(entry)) (last = entry), lines++;
      }
      expect(last?.line).toBe("30000");
      expect(lines).toBeLessThanOrEqual(30000);
    });

    test("leaving an await using cancels what was started, unless it was detached", async () => {
      let kept: string, dropped: string;
      {
        await using one = await engine.executions.start(sh("exec sleep 600"));
        await using two = await engine.executions.start(sh("exec sleep 600"));
        [dropped, kept] = [one.id, two.id];
        two.detach();
      }
      expect((await engine.executions.get(dropped).result()).status).toBe("cancelled");
      await using again = engine.executions.get(kept);
      expect((await again.describe()).completed_at).toBeUndefined();
      await again.kill();
    });

    test("a plan is checked: what it would run, or all that is wrong with it, and nothing runs", async () => {
      const { accepted } = await engine.stats();
      const good = await plans(engine).check(night);
      expect(good.faults).toEqual([]);
      expect(good.steps.map((s) => [s.wave, s.name, s.after ?? []])).toEqual([
        [0, "one", []],
        [1, "two[a]", ["one"]],
        [1, "two[b]", ["one"]],
        [2, "three", ["two"]],
      ]);
      const bad = await plans(engine).check({ commands: [{ type: "shell", command: "true", depends_on: ["x"] }, { type: "shell", command: "true", depends_on: ["y"] }] });
      expect(bad.faults.map((f) => f.path)).toEqual(["/commands/0/depends_on/0", "/commands/1/depends_on/0"]);
      const refused = await plans(engine).start({ commands: [] }).catch((e: unknown) => e);
      expect(isEngineError(refused, "invalid") && refused.message).toContain("/commands");
      expect((await engine.stats()).accepted).toBe(accepted);
    });

    test("a plan runs, tells of its commands in order, and fails where one of them does", async () => {
      const told: string[] = [];
      const at: Record<string, string[]> = {};
      const result = await plans(engine).run(night, {
        onProgress: (e) => void (e.command_status === "running" && told.push(e.current_command!)),
        onLine: (l) => void (at[l.line] ??= []).push(...told),
      });
      expect(result).toMatchObject({ status: "failed", stats: { total: 4, completed: 1, failed: 2, skipped: 1, pending: 0 } });
      expect(result.results.map((r) => [r.name, r.status, r.exit_code])).toEqual([
        ["one", "completed", 0],
        ["two[a]", "failed", 3],
        ["two[b]", "failed", 3],
        ["three", "skipped", -1],
      ]);
      expect(at["hi"]).toEqual(["one"]); // a line comes behind the word that its command runs, and before its end
      expect(at["bye a"]).toContain("two[a]");
      expect((await engine.executions.get(result.results[1]!.id!).result()).stdout).toBe("bye a\n");
      const failed = plans(engine).run({ commands: [{ type: "shell", command: "exit 4" }] }, { throwOnFailure: true });
      expect(await codeOf(failed)).toBe("execution_failed");
    });

    test("a plan says how far it is, is found again, and is cancelled", async () => {
      const tags = { of: uuid() };
      const commands = [sh("echo on"), sh("echo up; exec sleep 600"), sh("echo never")];
      const plan = await plans(engine).start({ commands, metadata: { tags } });
      for await (const event of plan.events()) if (isLine(event) && event.line === "up") break;
      expect((await plans(engine).list({ tags })).executions.map((x) => x.id)).toEqual([plan.id]);
      const again = plans(engine).get(plan.id);
      const now = await again.status();
      expect(now).toMatchObject({ status: "running", stats: { total: 3, completed: 1, running: 1, pending: 1, attempts: 2 } });
      expect(now.results.map((r) => [r.name, r.status])).toEqual([["command-0", "completed"], ["command-1", "running"]]);
      await again.cancel();
      expect((await again.result()).status).toBe("cancelled");
      expect((await again.status()).results.map((r) => r.status)).toEqual(["completed", "cancelled", "skipped"]);
      const execution = await engine.executions.start(sh("true"));
      expect(await codeOf(plans(engine).get(execution.id).status())).toBe("invalid");
      expect(await codeOf(plans(engine).get(execution.id).result())).toBe("invalid");
    });

    test("aborting the run of a plan cancels it, aborting a look at it does not", async () => {
      const id = uuid();
      const [look, ran] = [new AbortController(), new AbortController()];
      const run = plans(engine).run({ id, commands: [sh("echo up; exec sleep 600")] }, { signal: ran.signal, onLine: () => look.abort() });
      await new Promise((aborted) => look.signal.addEventListener("abort", aborted));
      const plan = plans(engine).get(id);
      await expect(collect(plan.events({ signal: look.signal }))).rejects.toMatchObject({ name: "AbortError" });
      expect((await plan.status()).status).toBe("running");
      ran.abort();
      await expect(run).rejects.toMatchObject({ name: "AbortError" });
      expect((await plan.result()).status).toBe("cancelled");
    });

    test("the states of a follow end with its end; after close there is nothing", async () => {
      const states: FollowState[] = [];
      const other = createEngine({ transport: { unary: (...c) => way.transport.unary(...c), stream: (...c) => way.transport.stream(...c) } });
      const execution = await other.executions.start(sh("echo hi; sleep 0.1"));
      const events: ExecutionEvent[] = await collect(execution.events({ onState: (s) => states.push(s) }));
      expect(states).toEqual(["connecting", "live", "ended"]);
      expect(events.at(-1)).toMatchObject({ event_type: "completed", result: { exit_code: 0 } });
      const running = await other.executions.start(sh("exec sleep 600"));
      const following = codeOf(collect(running.logs()));
      await other.close();
      expect(await following).toBe("closed");
      expect(await codeOf(other.info())).toBe("closed");
      await engine.executions.get(running.id).kill();
    });
  });
}
