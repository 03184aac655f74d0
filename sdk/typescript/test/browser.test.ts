import { afterAll, expect, test } from "vitest";
import { createEngine } from "../src/index.js";
import { socketTransport } from "../src/node/index.js";
import { bundle, launch, origin } from "./browser/chromium.js";
import type { Page } from "./browser/page.js";
import { serve } from "./daemon.js";
import { sh } from "./suite.js";

declare const page: Page; // in Chromium

const daemon = await serve();
const site = await origin(await bundle(), daemon.socket);
const browser = await launch();
const engine = createEngine({ transport: socketTransport(daemon.socket) });
const open = async () => {
  const tab = await browser.newPage();
  await tab.goto(site.url);
  await tab.waitForFunction(() => "page" in globalThis);
  return tab;
};
const tab = await open();

afterAll(async () => {
  await browser.close();
  await site.close();
  await engine.close();
  await daemon[Symbol.asyncDispose]();
});

test.each(await tab.evaluate(() => page.names()))("in Chromium: %s", async (name) => {
  expect(await tab.evaluate((n) => page.run(n), name)).toBeUndefined();
});

test("a page that shows a log live has each line once, over broken connections", async () => {
  const execution = await engine.executions.start(sh("i=0; while [ $i -lt 100 ]; do i=$((i+1)); seq 1 500; sleep 0.01; done"));
  await tab.evaluate((id) => page.show(id), execution.id);
  const length = () => tab.evaluate(() => Number(document.querySelector<HTMLElement>("#log")?.dataset["length"] ?? 0));
  for (let i = 1; i <= 3; i++) {
    await expect.poll(length, { timeout: 100_000, interval: 20 }).toBeGreaterThan(i * 5000);
    site.cut();
  }
  await tab.waitForSelector("#log[data-state=ended]", { timeout: 100_000 });
  expect(await length()).toBe(50_000);
  expect(await tab.textContent("#log")).toMatch(/499\n500\n$/);
});

test("twenty that are followed in each of three tabs leave room for calls", async () => {
  const started = await Promise.all(Array.from({ length: 20 }, () => engine.executions.start(sh("while echo on; do sleep 0.1; done"))));
  const tabs = [tab, await open(), await open()];
  const ids = started.map((e) => e.id);
  const slowest = await Promise.all(tabs.map((t) => t.evaluate((all) => page.crowd(all), ids)));
  // They are answered at all: with a stream for each, the seventh connection waits for ever.
  expect(Math.max(...slowest)).toBeLessThan(60_000);
  await Promise.all(started.map((e) => e.kill()));
});
