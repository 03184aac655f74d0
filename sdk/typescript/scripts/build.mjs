// Writes dist/: each module as it is, so that bundlers leave out what a program does not use.
import { execFileSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
rmSync(`${root}/dist`, { recursive: true, force: true });
execFileSync(process.execPath, [`${root}/node_modules/typescript/bin/tsc`, "-p", `${root}/tsconfig.build.json`], { stdio: "inherit" });

// For editors, and for who checks a playbook.json without this package.
const { playbookSchema } = await import(`${root}/dist/playbook/schema.js`);
writeFileSync(`${root}/dist/playbook/playbook.schema.json`, `${JSON.stringify(playbookSchema, null, 2)}\n`);
