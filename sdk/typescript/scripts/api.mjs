// Writes api.txt: what the package exports, as declarations without comments, so that a change of it is seen in review.
// Messages of the contract (wire.gen.ts) are left out: proto/ has them, and what may not change of them is checked there.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, posix } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const dir = mkdtempSync(join(tmpdir(), "cloudops-api-"));
try {
  const options = ["-p", "tsconfig.build.json", "--emitDeclarationOnly", "--removeComments", "--outDir", dir];
  execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", ...options], { cwd: root, stdio: "inherit" });
  const said = new Map(); // declarations by their file, in the order in which entries reach them
  const say = (file) => {
    if (said.has(file) || file === "wire.gen.d.ts") return;
    const text = readFileSync(join(dir, file), "utf8");
    said.set(file, text.trim());
    for (const [, name] of text.matchAll(/from "(\.[^"]+)\.js"/g)) say(`${posix.join(posix.dirname(file), name)}.d.ts`);
  };
  const entries = Object.entries(exports).filter(([, target]) => target.types);
  for (const [, { types }] of entries) say(types.replace("./dist/", ""));
  const head = entries.map(([name, { types }]) => `${name.replace(".", "@cloudops/engine")} is ${types.replace("./dist/", "")}`);
  const parts = [...said].map(([file, text]) => `-- ${file}\n${text}`);
  writeFileSync(join(root, "api.txt"), `Written by scripts/api.mjs. Do not edit: npm run api.\n\n${head.join("\n")}\n\n${parts.join("\n\n")}\n`);
} finally {
  rmSync(dir, { recursive: true, force: true });
}
