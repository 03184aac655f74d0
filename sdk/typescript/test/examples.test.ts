import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { bundle, launch, origin } from "./browser/chromium.js";
import { serve } from "./daemon.js";

const react = fileURLToPath(new URL("../../../examples/react/", import.meta.url));
const electron = fileURLToPath(new URL("../../../examples/electron/", import.meta.url));
const daemon = await serve();

/** The page of an example, with the script that it is made of. */
async function made(html: string, css: string, script: string) {
  const text = readFileSync(html, "utf8")
    .replace(/<meta http-equiv.*>/, "") // its style is in it here
    .replace(/<link rel="stylesheet".*>/, `<style>${readFileSync(css, "utf8")}</style>`)
    .replace(/(?<=<script type="module" src=")[^"]*/, "/page.js");
  return origin(await bundle(script), daemon.socket, text);
}

const site = await made(`${react}index.html`, `${react}src/style.css`, `${react}src/main.tsx`);
const window = await made(`${electron}index.html`, `${electron}style.css`, fileURLToPath(new URL("browser/electron.ts", import.meta.url)));
const browser = await launch();
let page: Page;
const faults: Error[] = [];

beforeAll(async () => {
  page = await browser.newPage({ viewport: { width: 800, height: 520 } });
  page.setDefaultTimeout(100_000);
  page.on("pageerror", (fault) => faults.push(fault));
});

afterEach(() => expect(faults).toEqual([]));

afterAll(async () => {
  await browser.close();
  await site.close();
  await window.close();
  await daemon[Symbol.asyncDispose]();
});

async function run(command: string, { url } = site) {
  await page.goto(url);
  await page.getByLabel("command").fill(command);
  await page.getByRole("button", { name: "Run" }).click();
}

/** The PNGs in examples/react, where they are asked for: SCREENSHOTS=1 npx vitest run test/examples.test.ts */
async function picture(name: string) {
  if (process.env["SCREENSHOTS"]) await page.screenshot({ path: `${react}${name}.png` });
}

const counted = 'i=0; while [ $i -lt 300 ]; do i=$((i+1)); echo "line $i"; sleep 0.01; done; exec sleep 600';

test("examples/react shows a command as it runs, stays at its end over a lost connection, and cancels it", async () => {
  await run(counted);
  await page.waitForFunction(() => Number(document.querySelector<HTMLElement>("[data-lines]")?.dataset["lines"]) > 40);
  await page.locator("[data-status=running]").waitFor();
  await picture("running");

  site.down(true);
  site.cut();
  await page.locator("[data-state=reconnecting]").waitFor();
  await picture("reconnecting");
  site.down(false);
  await page.locator("[data-state=live]").waitFor();
  await page.locator("[data-lines='300']").waitFor();
  expect(await page.locator(".log").innerText()).toMatch(/line 299\nline 300\s*$/);
  await expect.poll(() => page.getByText("line 300", { exact: true }).evaluate(isSeen)).toBe(true);
  await picture("reconnected");

  await page.getByRole("button", { name: "Cancel" }).click();
  await page.locator("[data-status=cancelled]").waitFor();
  await page.locator("[data-state=ended]").waitFor();
});

test("examples/react stays where the user has scrolled to, and goes back to the end when it is told to", async () => {
  await run("seq 1 50000; exec sleep 600");
  await page.locator("[data-lines='50000']").waitFor();
  await page.getByText("50000", { exact: true }).waitFor();
  await page.locator(".log").evaluate((log) => (log.scrollTop = 18 * 1000));
  await page.getByText("1001", { exact: true }).waitFor();
  expect(await page.getByLabel("follow").isChecked()).toBe(false);
  expect(await page.locator(".log pre > div").count()).toBeLessThan(200);
  await page.getByLabel("follow").check();
  await page.getByText("50000", { exact: true }).waitFor();
  await picture("followed");
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.locator("[data-status=cancelled]").waitFor();
});

test("examples/react says what the engine refuses", async () => {
  await run("");
  expect(await page.getByRole("alert").textContent()).toMatch(/command/);
});

test("the renderer of examples/electron shows a command live by its port, and cancels it", async () => {
  await run("echo on; exec sleep 600", window);
  await page.getByText("on", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByText(/^cancelled with exit code/).waitFor();
});

/** Whether it is inside the box that scrolls. */
function isSeen(row: Element): boolean {
  const box = row.closest(".log")!.getBoundingClientRect();
  const { top, bottom } = row.getBoundingClientRect();
  return top >= box.top && bottom <= box.bottom + 1;
}
