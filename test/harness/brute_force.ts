/**
 * The linearizability checker's own check: a second, deliberately dumb decision for small histories
 * of one key. It tries every order that time allows on a store with real revisions, and for a write
 * whose answer got lost every revision that it can have had. It shares no code with the checker.
 */

import type { Call, SeenRecord } from "./history.ts";

interface Store {
  readonly record?: { readonly value: string; readonly mod: number; readonly version: number };
  /** Other keys may move it at any time. */
  readonly revision: number;
}

/** Whether the calls, all on one key, are linearizable. Exponential: for up to about 8 calls. */
export function isLinearizable(calls: readonly Call[]): boolean {
  const relevant = calls.filter(({ operation, outcome }) =>
    outcome.kind !== "notApplied" && !(operation.kind === "get" && outcome.kind === "unknown")
  );
  return tryAll(relevant, { revision: 0 }, highestRevision(calls) + calls.length);
}

function highestRevision(calls: readonly Call[]): number {
  const numbers = JSON.stringify(calls.map(({ operation, outcome }) => [operation, outcome]))
    .match(/:[0-9]+/g) ?? [];
  return Math.max(0, ...numbers.map((number) => Number(number.slice(1))));
}

function tryAll(left: readonly Call[], store: Store, top: number): boolean {
  if (left.every(({ outcome }) => outcome.kind === "unknown")) return true;
  return left.some((call) => {
    if (left.some((other) => other.endedAt < call.startedAt)) return false;
    const rest = left.filter((other) => other !== call);
    return effects(call, store, top).some((after) => tryAll(rest, after, top));
  });
}

/** Every store that can be behind the call. */
function effects({ operation, outcome }: Call, store: Store, top: number): readonly Store[] {
  if (outcome.kind === "found" || outcome.kind === "absent") {
    const record = outcome.kind === "found" ? outcome.record : undefined;
    return operation.kind === "get" ? look(store, record, outcome.revision) : [];
  }
  if (outcome.kind === "conditionFailed") {
    if (operation.kind !== "cas" || (store.record?.mod ?? 0) === operation.expected) return [];
    return look(store, outcome.current, outcome.revision);
  }
  if (operation.kind === "delete") {
    if (store.record === undefined) {
      if (outcome.kind === "unknown") return [store];
      return outcome.kind === "deleted" && outcome.count === 0
        ? look(store, undefined, outcome.revision)
        : [];
    }
    if (outcome.kind === "deleted" && outcome.count === 0) return [];
    const told = outcome.kind === "deleted" ? outcome.revision : undefined;
    return later(store, told, top).map((revision) => ({ revision }));
  }
  if (operation.kind === "get") return [];
  if (operation.kind === "cas" && (store.record?.mod ?? 0) !== operation.expected) return [];
  const version = (store.record?.version ?? 0) + 1;
  if (outcome.kind === "written" && (outcome.version ?? version) !== version) return [];
  const told = outcome.kind === "written" ? outcome.mod : undefined;
  return later(store, told, top).map((mod) => ({
    record: { value: operation.value, mod, version },
    revision: mod,
  }));
}

function look(
  store: Store,
  seen: SeenRecord | undefined,
  revision: number | undefined,
): readonly Store[] {
  const { record } = store;
  if (record?.value !== seen?.value || record?.mod !== seen?.mod) return [];
  if (seen?.version !== undefined && seen.version !== record?.version) return [];
  if (revision === undefined) return [store];
  return revision < store.revision ? [] : [{ ...store, revision }];
}

/** The revisions that a write can take: the one that was told, or each that is free. */
function later(store: Store, told: number | undefined, top: number): readonly number[] {
  const all = Array.from(
    { length: Math.max(0, top - store.revision) },
    (_, i) => store.revision + 1 + i,
  );
  return told === undefined ? all : all.filter((revision) => revision === told);
}
