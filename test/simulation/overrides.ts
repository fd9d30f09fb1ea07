/**
 * What a person, or the minimizer, wants otherwise than a seed draws it: fewer nodes, fewer calls,
 * no faults of a kind. The rest of the plan stays as it was drawn.
 */

import { calmNetwork } from "../harness/sim_network.ts";
import { drawPlan, type FaultKind, faultKinds, type Plan } from "./plan.ts";

/** What `without` may name besides the kinds of faults. */
const otherTroubles = ["network", "lostAnswers", "reconfigure", "transfer", "churn"] as const;
export type Trouble = FaultKind | (typeof otherTroubles)[number];
export const troubles: readonly Trouble[] = [...faultKinds, ...otherTroubles];

export interface Overrides {
  readonly nodes?: number;
  readonly learners?: number;
  readonly clients?: number;
  readonly keys?: number;
  readonly operations?: number;
  readonly watchers?: number;
  readonly contenders?: number;
  /** Milliseconds from one change of members to the next, in the mean. */
  readonly churn?: number;
  /** Logs are compacted after so many entries, and nothing stays for who is behind. */
  readonly images?: number;
  readonly without: readonly Trouble[];
  /** Single faults, as "crash.3". */
  readonly skip: readonly string[];
}

export const noOverrides: Overrides = { without: [], skip: [] };

/** The plan of a seed, with what is wanted otherwise. */
export function planOf(seed: number, overrides: Overrides): Plan {
  const drawn = drawPlan(seed);
  const { without, skip } = overrides;
  const off = Object.fromEntries(without.map((each) => [each, 0]));
  return {
    ...drawn,
    voters: overrides.nodes ?? drawn.voters,
    learners: overrides.learners ?? (overrides.nodes === undefined ? drawn.learners : 0),
    ...(overrides.images !== undefined && {
      config: { ...drawn.config, ...compacting(overrides.images) },
    }),
    clients: overrides.clients ?? drawn.clients,
    keys: overrides.keys ?? drawn.keys,
    operations: overrides.operations ?? drawn.operations,
    watchers: overrides.watchers ?? drawn.watchers,
    contenders: overrides.contenders ?? drawn.contenders,
    churnEveryMs: without.includes("churn") ? 0 : overrides.churn ?? drawn.churnEveryMs,
    faultEveryMs: { ...drawn.faultEveryMs, ...off },
    skipped: skip,
    ...(without.includes("network") && { network: calmNetwork }),
    ...(without.includes("lostAnswers") && { lostAnswersPermille: 0 }),
    ...(without.includes("reconfigure") && { reconfigureEveryMs: 0 }),
    ...(without.includes("transfer") && { transferEveryMs: 0 }),
  };
}

function compacting(entries: number): Plan["config"] {
  return {
    "snapshot.log_entries_max": String(entries),
    "snapshot.cool_down_ms": "50",
    "snapshot.retained_entries_max": "2",
    "snapshot.held_bytes_max": "0",
  };
}

/** The options that say so on a command line, with a space before each. */
export function overridesAsOptions(overrides: Overrides): string {
  const { without, skip, ...numbers } = overrides;
  const options = Object.entries(numbers).map(([name, value]) => ` --${name} ${value}`);
  const left = troubles.filter((trouble) => !without.includes(trouble));
  if (left.length < without.length) options.push(` --only ${left.join(",") || "none"}`);
  else if (without.length > 0) options.push(` --without ${without.join(",")}`);
  if (skip.length > 0) options.push(` --skip ${skip.join(",")}`);
  return options.join("");
}
