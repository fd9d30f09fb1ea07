/** Decides the compares of transactions (command.ts). Pure but for the reads that one needs. */

import { compareBytes, emptyBytes } from "../lib/bytes.ts";
import { type ChangeHead, isDeletion } from "./change.ts";
import type { Compare, Expected } from "./command.ts";
import { storedKey, storedRange } from "./key_space.ts";
import { successor } from "./range_walk.ts";
import type { KeyRange } from "./ports.ts";
import type { Store } from "./store.ts";

/** How much the compares of one command may still look at. */
export interface Budget {
  keysLeft: number;
  /** Of values that are read to be compared. */
  bytesLeft: number;
}

/** Values of so many bytes are read for the compares of one transaction. */
export const comparedBytesMax = 64 * 1024 * 1024;

const sliceRowsMax = 256;

/** Undefined when the budget does not suffice. */
export function compareHolds(store: Store, compare: Compare, budget: Budget): boolean | undefined {
  if (compare.target.kind === "range") {
    return holdsOnRange(store, compare, storedRange(compare.target), budget);
  }
  if (budget.keysLeft-- === 0) return undefined;
  const head = store.head(storedKey(compare.target.key));
  return holdsOn(store, compare, head === undefined || isDeletion(head) ? undefined : head, budget);
}

function holdsOnRange(
  store: Store,
  compare: Compare,
  { start, end }: Required<KeyRange>,
  budget: Budget,
): boolean | undefined {
  let from = start;
  for (let isEmpty = true;; isEmpty = false) {
    const rowsMax = Math.min(sliceRowsMax, budget.keysLeft + 1);
    const slice = { start: from, end, reverse: false, rowsMax, values: false };
    const heads = store.tables.liveSlice(slice);
    const last = heads.at(-1);
    if (last === undefined) return isEmpty ? holdsOn(store, compare, undefined, budget) : true;
    for (const head of heads) {
      if (budget.keysLeft-- === 0) return undefined;
      const holds = holdsOn(store, compare, head, budget);
      if (holds !== true) return holds;
    }
    if (heads.length < rowsMax) return true;
    from = successor(last.key);
  }
}

/** `alive`: the key's newest change, where it exists. */
function holdsOn(
  store: Store,
  { operator, expected }: Compare,
  alive: ChangeHead | undefined,
  budget: Budget,
): boolean | undefined {
  if (expected.kind === "value") {
    if (alive === undefined) return false;
    const isEquality = operator === "=" || operator === "!=";
    // Values of another length differ: most of those that do cost no read.
    if (isEquality && alive.valueBytes !== expected.bytes.length) return operator === "!=";
    budget.bytesLeft -= alive.valueBytes;
    if (budget.bytesLeft < 0) return undefined;
  }
  const order = orderOf(store, expected, alive);
  switch (operator) {
    case "=":
      return order === 0;
    case "!=":
      return order !== 0;
    case "<":
      return order < 0;
    case ">":
      return order > 0;
  }
}

/** Negative, zero or positive as what stands there is below, at or above what is expected. */
function orderOf(store: Store, expected: Expected, alive: ChangeHead | undefined): number {
  switch (expected.kind) {
    case "value": {
      const value = alive && store.tables.change(alive.number)?.value;
      return compareBytes(value ?? emptyBytes, expected.bytes);
    }
    case "version":
      return (alive?.version ?? 0) - expected.count;
    case "create":
      return (alive?.create ?? 0) - expected.count;
    case "mod":
      return (alive?.revision ?? 0) - expected.count;
    case "lease": {
      const [held, wanted] = [BigInt(alive?.lease ?? 0), BigInt(expected.lease)];
      return held === wanted ? 0 : held < wanted ? -1 : 1;
    }
  }
}
