import { existsSync } from "node:fs";
import { createServer, request } from "node:http";
import { once } from "node:events";
import { build } from "esbuild";
import { type Browser, chromium } from "playwright-core";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const modules = fileURLToPath(new URL("../../node_modules/", import.meta.url));

/** A page's script, with all of the SDK in it. */
export async function bundle(entry = `${here}page.tsx`): Promise<string> {
  const out = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: "esm",
    target: "es2022",
    jsx: "automatic",
    define: { "process.env.NODE_ENV": '"production"' },
    // An example has the package and the React from here, whether it is installed or not.
    alias: { vitest: `${here}vitest.ts`, "@cloudops/engine": `${here}../../src`, react: `${modules}react`, "react-dom": `${modules}react-dom` },
  });
  return out.outputFiles[0]!.text;
}

const plain = '<!doctype html><title>cloudops</title><script type="module" src="/page.js"></script>';

/**
 * One origin that has the page and, behind it, a daemon at its socket. `cut` breaks all streams; while it is `down` the
 * daemon cannot be reached.
 */
export async function origin(script: string, socketPath: string, html = plain) {
  const cuts = new Set<() => void>();
  let down = false;
  const server = createServer((asked, answer) => {
    if (asked.url === "/") return void answer.setHeader("Content-Type", "text/html").end(html);
    if (asked.url === "/page.js") return void answer.setHeader("Content-Type", "text/javascript").end(script);
    if (down) return void answer.destroy();
    // The daemon is to see a program of this user, not a page.
    const { origin: _origin, "sec-fetch-site": _site, ...headers } = asked.headers;
    const passed = request({ socketPath, path: asked.url, method: asked.method, headers: { ...headers, host: "localhost" } }, (got) => {
      answer.writeHead(got.statusCode ?? 502, got.headers);
      got.pipe(answer);
      got.on("error", () => answer.destroy());
    });
    const cut = () => passed.destroy();
    if (asked.url?.endsWith("/Watch")) cuts.add(cut);
    passed.on("error", () => answer.destroy());
    answer.on("close", () => (cuts.delete(cut), passed.destroy()));
    asked.pipe(passed);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}/`,
    cut: () => cuts.forEach((cut) => cut()),
    down: (is: boolean) => void (down = is),
    async close() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

/** Where Chromium is. It is installed by `apt-get install chromium`; CHROMIUM names another. */
export function executable(): string {
  const found = [process.env["CHROMIUM"], "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((p) => p && existsSync(p));
  if (!found) throw new Error("Chromium is missing: apt-get install chromium, or name it in CHROMIUM");
  return found;
}

export const flags = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"];

export const launch = (): Promise<Browser> => chromium.launch({ executablePath: executable(), args: flags });
