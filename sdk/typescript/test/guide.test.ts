import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const docs = new URL("../../../docs/", import.meta.url);
const guide = readFileSync(fileURLToPath(new URL("ui-integration-guide.md", docs)), "utf8");

/** Blocks of code but those for a shell, each with the file that is named in front of it. */
function blocks(): { file: string | undefined; code: string }[] {
  return [...guide.matchAll(/(?:^\[[^\]]*\]\((\S+)\):\n\n)?^```(?!sh\n)\w+\n([^]*?)^```$/gm)].map(([, file, code]) => ({ file, code: code! }));
}

test("the code of the UI guide is that of the examples", () => {
  expect(blocks().length).toBeGreaterThan(8);
  for (const { file, code } of blocks()) {
    expect(file, `no file is named in front of:\n${code}`).toMatch(/^\.\.\/examples\//);
    expect(readFileSync(fileURLToPath(new URL(file!, docs)), "utf8"), `docs/ui-integration-guide.md is not as ${file}`).toContain(code);
  }
});
