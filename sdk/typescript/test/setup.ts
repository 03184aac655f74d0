// Builds the program that the tests drive, once.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const repository = fileURLToPath(new URL("../../..", import.meta.url));

export default function setup(): (() => void) | undefined {
  if (process.env["CLOUDOPS_BINARY"]) return undefined;
  const dir = mkdtempSync(join(tmpdir(), "cloudops-sdk-"));
  const binary = join(dir, "cloudops");
  execFileSync("go", ["build", "-o", binary, "./cmd/cloudops"], { cwd: repository, stdio: "inherit", env: { ...process.env, CGO_ENABLED: "0" } });
  process.env["CLOUDOPS_BINARY"] = binary;
  return () => rmSync(dir, { recursive: true, force: true });
}
