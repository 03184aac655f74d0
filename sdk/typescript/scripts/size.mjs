// Fails when the core or the hooks have grown: bytes of a minified bundle, gzipped.
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const bundled = async (contents) => {
  const options = { stdin: { contents, resolveDir: "src", loader: "ts" }, bundle: true, minify: true, format: "esm", target: "es2022" };
  const out = await build({ ...options, external: ["react"], write: false });
  return gzipSync(out.outputFiles[0].contents, { level: 9 }).length;
};

const core = await bundled('export * from "./index.js"');
const both = await bundled('export * from "./index.js"; export * from "./react/index.js"');
const planned = await bundled('export * from "./index.js"; export * from "./plans/index.js"');
const used = await bundled('export { createEngine } from "./index.js"');
let failed = false;
for (const [what, size, most] of [
  ["core, all of it", core, 6000],
  ["./react, besides", both - core, 4000],
  ["./plans, besides", planned - core, 1500],
  ["createEngine alone", used, 6000],
]) {
  failed ||= size > most;
  console.log(`${what}: ${size} of ${most} bytes${size > most ? ": TOO MUCH" : ""}`);
}
process.exit(failed ? 1 : 0);
