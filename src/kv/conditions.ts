/** Decides conditions (command.ts). Pure but for the reads that a condition needs. */

import { equalBytes } from "../lib/bytes.ts";
import { type ChangeHead, isDeletion } from "./change.ts";
import type { Conditions } from "./command.ts";
import type { KeyRange } from "./ports.ts";
import type { Revision } from "./record.ts";
import type { Store } from "./store.ts";

/** True when there is nothing to decide. */
export function isUnconditional(conditions: Conditions): boolean {
  return conditions.ifMatch === undefined && conditions.ifNoneMatch === undefined &&
    conditions.ifValue === undefined;
}

/** On one key, whose newest change is `head`. */
export function holdOnKey(
  conditions: Conditions,
  head: ChangeHead | undefined,
  store: Store,
): boolean {
  const alive = head !== undefined && !isDeletion(head);
  const tag = alive ? head.revision : 0;
  const facts = { exists: alive, matches: (tags: readonly Revision[]) => tags.includes(tag) };
  return tagsHold(conditions, facts) && valueHolds(conditions, alive ? head : undefined, store);
}

/** On a range; `ifValue` has been refused before. */
export function holdOnRange(conditions: Conditions, range: KeyRange, store: Store): boolean {
  if (isUnconditional(conditions)) return true;
  const facts = {
    exists: store.tables.countLive({ ...range, reverse: false, rowsMax: 1 }).count > 0,
    // A range that is unchanged since some revision is unchanged since any later one: looking once
    // is enough, however many tags there are.
    matches: (tags: readonly Revision[]) => {
      const latest = tags.reduce((a, b) => b > a && b <= store.revision ? b : a, 0);
      return store.unchangedSince(range, latest);
    },
  };
  return tagsHold(conditions, facts);
}

interface TagFacts {
  readonly exists: boolean;
  /** Whether one of the tags is the one that it has. */
  readonly matches: (tags: readonly Revision[]) => boolean;
}

function tagsHold({ ifMatch, ifNoneMatch }: Conditions, facts: TagFacts): boolean {
  const matches = (tags: readonly Revision[] | "any"): boolean =>
    tags === "any" ? facts.exists : facts.matches(tags);
  return (ifMatch === undefined || matches(ifMatch)) &&
    (ifNoneMatch === undefined || !matches(ifNoneMatch));
}

function valueHolds(
  { ifValue }: Conditions,
  alive: ChangeHead | undefined,
  store: Store,
): boolean {
  if (ifValue === undefined) return true;
  if (ifValue === "absent") return alive === undefined;
  // The lengths are compared first: most mismatches then cost no read of the value.
  if (alive === undefined || alive.valueBytes !== ifValue.equals.length) return false;
  const change = store.tables.change(alive.number);
  return change !== undefined && equalBytes(change.value, ifValue.equals);
}
