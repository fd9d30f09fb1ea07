/** Circles in a directed graph. */

/**
 * One circle for every edge that leads back into the path that is being walked; none means that the
 * graph has none. Each circle starts with its smallest name, and none is reported twice. Without
 * recursion, because a chain of imports may be long.
 */
export function findCycles(
  edges: ReadonlyMap<string, readonly string[]>,
): readonly (readonly string[])[] {
  const done = new Set<string>();
  const cycles = new Map<string, readonly string[]>();
  for (const start of [...edges.keys()].sort()) {
    if (done.has(start)) continue;
    const path: string[] = [start];
    const nextEdge: number[] = [0];
    while (path.length > 0) {
      const node = path.at(-1)!;
      const target = edges.get(node)?.[nextEdge[path.length - 1]!++];
      if (target === undefined) {
        done.add(node);
        path.pop();
        nextEdge.pop();
        continue;
      }
      const at = path.indexOf(target);
      if (at >= 0) {
        const cycle = rotateToSmallest(path.slice(at));
        cycles.set(cycle.join("\n"), cycle);
      } else if (!done.has(target)) {
        path.push(target);
        nextEdge.push(0);
      }
    }
  }
  return [...cycles.values()];
}

function rotateToSmallest(cycle: readonly string[]): readonly string[] {
  let smallest = 0;
  for (let at = 1; at < cycle.length; at++) if (cycle[at]! < cycle[smallest]!) smallest = at;
  return [...cycle.slice(smallest), ...cycle.slice(0, smallest)];
}
