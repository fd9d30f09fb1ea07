/**
 * Makes a failing run smaller: fewer nodes, clients, calls and keys, whole kinds of trouble off,
 * then single faults left out. Whatever still breaks the same invariant is kept. Deterministic but
 * for the budget of time.
 */

import { type Overrides, planOf, type Trouble, troubles } from "./overrides.ts";
import { type RunReport, simulate } from "./simulation.ts";

export interface MinimizeOptions {
  readonly seed: number;
  readonly overrides: Overrides;
  /** Ends the search; the smallest so far is the result. */
  readonly isOver: () => boolean;
  /** Told of each smaller run. */
  readonly smaller: (overrides: Overrides, report: RunReport) => void;
}

interface Smallest {
  readonly overrides: Overrides;
  readonly report: RunReport;
}

/** Undefined when the run does not fail in the first place. */
export function minimize(options: MinimizeOptions): Smallest | undefined {
  const { seed, isOver, smaller } = options;
  const first = simulate(planOf(seed, options.overrides));
  const { violation } = first;
  if (violation === undefined) return undefined;
  let smallest: Smallest = { overrides: options.overrides, report: first };
  const accepts = (overrides: Overrides): boolean => {
    if (isOver()) return false;
    const report = simulate(planOf(seed, overrides));
    if (report.violation?.invariant !== violation.invariant) return false;
    smallest = { overrides, report };
    smaller(overrides, report);
    return true;
  };
  for (let before = -1; before !== size(smallest) && !isOver();) {
    before = size(smallest);
    for (const candidate of fewerNumbers(smallest.overrides, seed)) {
      accepts(candidate(smallest.overrides));
    }
    for (const trouble of troubles) accepts(withoutTrouble(smallest.overrides, trouble));
    leaveOutFaults(() => smallest, accepts);
  }
  return smallest;
}

/** What shrinking brings down; events, because they follow from everything else. */
function size({ report }: Smallest): number {
  return report.events;
}

type Change = (overrides: Overrides) => Overrides;

/** Small numbers first: when one of them is enough, the later ones find nothing left to do. */
function fewerNumbers(overrides: Overrides, seed: number): readonly Change[] {
  const { voters, learners, clients, keys, operations, watchers, contenders } = planOf(
    seed,
    overrides,
  );
  const below = (now: number, values: readonly number[]): readonly number[] =>
    values.filter((value) => value < now);
  return [
    ...below(learners, [0]).map((value): Change => (o) => ({ ...o, learners: value })),
    ...below(watchers, [0, 1]).map((value): Change => (o) =>
      (o.watchers ?? watchers) <= value ? o : { ...o, watchers: value }
    ),
    ...below(contenders, [0, 1, 2]).map((value): Change => (o) =>
      (o.contenders ?? contenders) <= value ? o : { ...o, contenders: value }
    ),
    ...below(voters, [2, 3, 4, 5]).map((value): Change => (o) =>
      (o.nodes ?? voters) <= value ? o : { ...o, nodes: value }
    ),
    ...below(operations, [10, 30, 100, 300, 1_000]).map((value): Change => (o) =>
      (o.operations ?? operations) <= value ? o : { ...o, operations: value }
    ),
    ...below(clients, [1, 2, 4]).map((value): Change => (o) =>
      (o.clients ?? clients) <= value ? o : { ...o, clients: value }
    ),
    ...below(keys, [1, 2, 4]).map((value): Change => (o) =>
      (o.keys ?? keys) <= value ? o : { ...o, keys: value }
    ),
  ];
}

function withoutTrouble(overrides: Overrides, trouble: Trouble): Overrides {
  if (overrides.without.includes(trouble)) return overrides;
  return { ...overrides, without: [...overrides.without, trouble] };
}

/** Delta debugging (Zeller and Hildebrandt): halves, then quarters, … of what was done. */
function leaveOutFaults(
  now: () => Smallest,
  accepts: (overrides: Overrides) => boolean,
): void {
  for (let parts = 2;;) {
    const { faults } = now().report;
    const each = Math.ceil(faults.length / parts);
    if (each === 0) return;
    let found = false;
    for (let from = 0; from < faults.length && !found; from += each) {
      const { overrides } = now();
      const skip = [...overrides.skip, ...faults.slice(from, from + each)];
      found = accepts({ ...overrides, skip });
    }
    if (!found && each === 1) return;
    parts = found ? Math.max(2, parts - 1) : parts * 2;
  }
}
