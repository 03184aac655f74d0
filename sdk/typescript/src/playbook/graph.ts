import { type Faults, nearest } from "./check.js";
import type { Playbook } from "./types.js";

/** What has to end before what: what depends_on says, or one after the other. */
export function orderOf({ steps }: Playbook, names: readonly string[], faults: Faults): number[][] {
  const graph = steps.some((s) => s.depends_on);
  const before = steps.map((step, i) =>
    graph
      ? (step.depends_on ?? []).flatMap((to, j) => {
          const found = typeof to === "number" ? to - 1 : names.indexOf(String(to));
          if (steps[found] && found !== i) return [found];
          const pointer = `/steps/${i}/depends_on/${j}`;
          faults.add(pointer, found === i ? "a step cannot depend on itself" : `there is no step ${JSON.stringify(to)}${nearest(String(to), names)}`);
          return [];
        })
      : i === 0 ? [] : [i - 1],
  );
  const cycle = cycleIn(before);
  if (cycle) faults.add(`/steps/${cycle[0]}/depends_on`, `the steps wait for each other: ${cycle.map((i) => names[i]).join(" → ")}`);
  return cycle ? steps.map(() => []) : before;
}

/** A cycle as the steps on it, the first again at the end. */
function cycleIn(before: readonly (readonly number[])[]): number[] | undefined {
  const done = new Set<number>();
  const path: number[] = [];
  const visit = (i: number): number[] | undefined => {
    if (path.includes(i)) return [...path.slice(path.indexOf(i)), i];
    if (done.has(i)) return undefined;
    path.push(i);
    for (const next of before[i]!) {
      const found = visit(next);
      if (found) return found;
    }
    path.pop();
    done.add(i);
    return undefined;
  };
  for (let i = 0; i < before.length; i++) {
    const found = visit(i);
    if (found) return found;
  }
  return undefined;
}

/** All that ends before a step, by index. */
export function reach(before: readonly (readonly number[])[], from: number, found = new Set<number>()): Set<number> {
  for (const i of before[from]!) {
    if (!found.has(i)) reach(before, i, found.add(i));
  }
  return found;
}
