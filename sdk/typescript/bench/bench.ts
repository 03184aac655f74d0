// What a line costs the client: processor time for each transport, in Node and in Chromium, as the median of some runs.
import { readFileSync, readdirSync } from "node:fs";
import { execPath } from "node:process";
import { MessageChannel } from "node:worker_threads";
import { chromium } from "playwright-core";
import { createEngine, type Engine, fetchTransport, type Transport } from "../src/index.js";
import { portTransport, servePort } from "../src/electron/index.js";
import { socketTransport } from "../src/node/index.js";
import { stdioTransport } from "../src/stdio/index.js";
import { bundle, executable, flags, origin } from "../test/browser/chromium.js";
import type { Page } from "../test/browser/page.js";
import { binary, serve } from "../test/daemon.js";

declare const page: Page; // in Chromium

const lines = 200_000;
const runs = 5;
let failed = false;

const median = (all: number[]): number => all.sort((a, b) => a - b)[all.length >> 1]!;

function report(what: string, value: number, unit: string, gate?: { most?: number; least?: number }): void {
  const bad = value > (gate?.most ?? Infinity) || value < (gate?.least ?? -Infinity);
  failed ||= bad;
  const bound = gate ? ` (${gate.most === undefined ? `at least ${gate.least}` : `at most ${gate.most}`})` : "";
  console.log(`${what.padEnd(44)} ${value.toFixed(2).padStart(9)} ${unit}${bound}${bad ? "  TOO BAD" : ""}`);
}

/** An execution that has written its lines, of 100 bytes each. */
async function written(engine: Engine): Promise<string> {
  const execution = await engine.executions.start({
    command: { type: "exec", program: "seq", args: ["-f", "%099.0f", "1", String(lines)] },
    limits: { output_bytes: 64 << 20 },
  });
  for await (const _ of execution.logs({ stream: "stderr" }));
  return execution.id;
}

async function followed(engine: Engine, id: string): Promise<void> {
  let n = 0;
  for await (const batch of engine.executions.get(id).logs()) n += batch.length;
  if (n !== lines) throw new Error(`${n} lines of ${lines}`);
}

async function inNode(what: string, transport: Transport, gate?: { most: number }): Promise<void> {
  await using engine = createEngine({ transport });
  const id = await written(engine);
  const cpu: number[] = [];
  const wall: number[] = [];
  for (let i = 0; i < runs; i++) {
    const [before, began] = [process.cpuUsage(), performance.now()];
    await followed(engine, id);
    const { user, system } = process.cpuUsage(before);
    wall.push(performance.now() - began);
    cpu.push((user + system) / lines);
  }
  report(`${what}: processor time`, median(cpu), "µs a line", gate);
  report(`${what}: lines a second`, lines / median(wall), "thousands");
}

/** Processor time of a process and all below it, in µs. */
function treeMicros(root: number): number {
  const all = readdirSync("/proc").filter((p) => /^\d+$/.test(p)).flatMap((pid) => {
    try {
      const fields = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /, "").split(" ");
      return [{ pid: Number(pid), parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) }];
    } catch {
      return []; // it has gone
    }
  });
  const tree = new Set([root]);
  for (let before = 0; before !== tree.size; ) {
    before = tree.size;
    for (const p of all) if (tree.has(p.parent)) tree.add(p.pid);
  }
  return all.filter((p) => tree.has(p.pid)).reduce((sum, p) => sum + p.ticks * 10_000, 0);
}

async function inChromium(socket: string): Promise<void> {
  const engine = createEngine({ transport: socketTransport(socket) });
  const site = await origin(await bundle(), socket);
  const server = await chromium.launchServer({ executablePath: executable(), args: flags });
  const browser = await chromium.connect(server.wsEndpoint());
  const tab = await browser.newPage();
  await tab.goto(site.url);
  await tab.waitForFunction(() => "page" in globalThis);
  const id = await written(engine);
  const cpu: number[] = [];
  for (let i = 0; i < runs; i++) {
    const before = treeMicros(server.process().pid!);
    const { lines: got, wrong } = await tab.evaluate((of) => page.follow(of), id);
    if (got !== lines || wrong) throw new Error(`Chromium: ${got} lines of ${lines}, ${wrong} out of place`);
    cpu.push((treeMicros(server.process().pid!) - before) / lines);
  }
  report("Chromium, fetch: processor time", median(cpu), "µs a line", { most: 4 });

  const rate = 50_000;
  const seconds = 5;
  const script = `let i = 0, began = Date.now(); const t = setInterval(() => { const until = Math.min(${rate * seconds}, (Date.now() - began) * ${rate / 1000}); let s = ""; while (i < until) s += String(++i).padStart(99, "0") + "\\n"; process.stdout.write(s); if (i >= ${rate * seconds}) clearInterval(t); }, 5)`;
  const execution = await engine.executions.start({ command: { type: "exec", program: execPath, args: ["-e", script] }, limits: { output_bytes: 64 << 20 } });
  await tab.evaluate((of) => {
    page.show(of);
    Object.assign(globalThis, { seen: page.frames() });
  }, execution.id);
  await tab.waitForSelector("#log[data-state=ended]", { timeout: 60_000 }).catch(async (error: unknown) => {
    console.log(await tab.evaluate(() => [document.hidden, document.body.innerHTML.slice(0, 300)]), await execution.describe());
    throw error;
  });
  const { frames, longest, ms, length } = await tab.evaluate(() => {
    const { seen } = globalThis as unknown as { seen: ReturnType<Page["frames"]> };
    return { ...seen, ms: performance.now() - seen.began, length: Number(document.querySelector<HTMLElement>("#log")!.dataset["length"]) };
  });
  report("a page that follows 50,000 lines/s: frames", (frames * 1000) / ms, "a second", { least: 20 });
  report("  the longest between two", longest, "ms");
  report("  it took", ms / seconds / 10, "% of the time of the command");
  report("  lines that were lost", rate * seconds - length, "", { most: 0 });
  await browser.close();
  await server.close();
  await site.close();
  await engine.close();
}

async function sidecar(): Promise<void> {
  await using engine = createEngine({ transport: stdioTransport({ binary: binary() }) });
  await engine.info();
  const pings: number[] = [];
  for (let i = 0; i < 200; i++) {
    const began = performance.now();
    await engine.stats();
    pings.push(performance.now() - began);
  }
  report("stdio: a call, idle", median(pings), "ms", { most: 1 });
  const ends: number[] = [];
  for (let i = 0; i < 20; i++) {
    const execution = await engine.executions.start({ command: { type: "exec", program: "sleep", args: ["600"] } });
    const ended = (async () => {
      for await (const event of execution.events()) if (event.event_type === "cancelled") return performance.now();
      return NaN;
    })();
    while ((await execution.describe()).status !== "running");
    const began = performance.now();
    await execution.cancel();
    ends.push((await ended) - began);
  }
  report("stdio: from cancel to the end", median(ends), "ms", { most: 10 });
}

/** What no client in JSON can be below, on this machine and at this moment. */
function floor(): void {
  const id = "019a5c1e-7a4b-7c3d-9e2f-0123456789ab";
  const event = (i: number) => ({ event_type: "stdout", execution_id: id, timestamp: "2026-11-23T07:34:26.520906983Z", cursor: String(i * 100), line: String(i).padStart(99, "0"), line_number: String(i) });
  const frame = JSON.stringify({ events: Array.from({ length: 128 }, (_, i) => event(i)) });
  const cpu: number[] = [];
  for (let run = 0; run < runs; run++) {
    const before = process.cpuUsage();
    for (let i = 0; i < lines / 128; i++) JSON.parse(frame);
    const { user, system } = process.cpuUsage(before);
    cpu.push((user + system) / lines);
  }
  report("JSON.parse of the same lines, alone", median(cpu), "µs a line");
}

floor();
const daemon = await serve();
await inNode("Node, fetch over TCP", fetchTransport({ baseUrl: daemon.url, token: daemon.token }));
await inNode("Node, unix socket", socketTransport(daemon.socket));
const { port1, port2 } = new MessageChannel();
const stop = servePort(socketTransport(daemon.socket), port1);
await inNode("MessagePort and unix socket, both ends", portTransport(port2));
stop();
await inNode("Node, stdio", stdioTransport({ binary: binary() }), { most: 1.5 });
await sidecar();
await inChromium(daemon.socket);
await daemon[Symbol.asyncDispose]();
process.exitCode = failed ? 1 : 0;
