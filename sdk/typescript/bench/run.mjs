// Bundles the benchmark, which is TypeScript, and runs it: npm run bench.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { execFileSync } from "node:child_process";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const dir = mkdtempSync(join(tmpdir(), "cloudops-bench-"));
try {
  if (!process.env.CLOUDOPS_BINARY) {
    process.env.CLOUDOPS_BINARY = join(dir, "cloudops");
    execFileSync("go", ["build", "-o", process.env.CLOUDOPS_BINARY, "./cmd/cloudops"], { cwd: join(here, "../../.."), stdio: "inherit" });
  }
  // Beside the sources: what it does not bundle is found there, and the page is built from its file.
  const outfile = join(here, "../test/browser/.bench.mjs");
  await build({ entryPoints: [join(here, "bench.ts")], bundle: true, platform: "node", format: "esm", target: "node20", packages: "external", outfile });
  try {
    await import(pathToFileURL(outfile));
  } finally {
    rmSync(outfile, { force: true });
  }
} finally {
  rmSync(dir, { recursive: true, force: true });
}
