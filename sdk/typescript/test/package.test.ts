import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const source = join(root, "src");
const described = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Record<string, Record<string, unknown>>;

/** What each entry may import besides this package. */
const allowed: Record<string, RegExp> = { node: /^node:/, stdio: /^node:/, react: /^react$/, playbook: /^node:/ };

test("the package depends on nothing, and each entry imports what it may", () => {
  expect(described["dependencies"]).toBeUndefined();
  expect(Object.keys(described["peerDependenciesMeta"]!)).toEqual(Object.keys(described["peerDependencies"]!));
  const faults: string[] = [];
  for (const file of readdirSync(source, { recursive: true, encoding: "utf8" }).filter((f) => /\.tsx?$/.test(f))) {
    const entry = dirname(file).split(/[/\\]/)[0]!;
    for (const [, name] of readFileSync(join(source, file), "utf8").matchAll(/^(?:import|export)\b(?:[^"';=]*\bfrom)?\s*["']([^"']+)["']/gm)) {
      const outside = name!.startsWith(".") ? /^\.\./.test(relative(source, resolve(source, dirname(file), name!))) : !allowed[entry]?.test(name!);
      if (outside) faults.push(`src/${file} imports ${name}`);
      // The core knows none of what is built on it.
      if (entry === "." && name!.startsWith("./") && name!.split("/").length > 2) faults.push(`src/${file} imports ${name}`);
    }
  }
  expect(faults).toEqual([]);
});
