/**
 * What one key may answer: the model that the linearizability checker steps. A state is four
 * numbers, so that states cost nothing to keep and to compare.
 *
 * Revisions belong to the whole store and other keys move them too. The model therefore keeps the
 * lowest revision that the store can have: every write takes a higher one, and an answer that names
 * the store's revision lifts it. A lost write, one of unknown outcome, has a revision that nobody
 * was told; the first answer that shows it settles it.
 *
 * All conditions on revisions are of the form "above the lowest", so a state with a lower one
 * allows everything that the same state with a higher one does. The shortcuts lean on that. They
 * leave out orders of calls, and never the last one that explains a history: each says why.
 */

import type { Call, Outcome, SeenRecord } from "./history.ts";

export interface RegisterState {
  /** A number for the value; {@link absentValue} when there is no key. */
  readonly value: number;
  /** The revision of the last write, 0 when absent, {@link unknownMod} when nobody was told. */
  readonly mod: number;
  /** The lowest revision that the store can have; with an unknown mod, the lowest it can be. */
  readonly revision: number;
  readonly version: number;
}

export const absentValue = 0;
export const unknownMod = -1;

/** Nothing has happened to the key. */
export const initialState: RegisterState = {
  value: absentValue,
  mod: 0,
  revision: 0,
  version: 0,
};

/** Every value that no answer shows: nobody can tell one from another. */
const unseenValue = 1;

/** One key, and what all answers together say about it. */
export class Register {
  /** The numbers of the values that answers show. */
  readonly #seen = new Map<string, number>();
  /** The mods that answered writes were given. */
  readonly #taken = new Set<number>();

  /** `calls` are all calls on the key; those that are stepped later are among them. */
  constructor(calls: readonly Call[]) {
    for (const { outcome } of calls) {
      if (outcome.kind === "written") this.#taken.add(outcome.mod);
      const value = shownRecord(outcome)?.value;
      if (value !== undefined && !this.#seen.has(value)) {
        this.#seen.set(value, unseenValue + 1 + this.#seen.size);
      }
    }
  }

  /**
   * The state behind `call` when it takes effect in `state`, or undefined when its answer cannot be
   * true there. A lost write takes effect with whatever answer is possible; it is undefined where
   * the order without it does as well. That it may take no effect at all is the checker's affair.
   */
  step(state: RegisterState, call: Call): RegisterState | undefined {
    const { operation, outcome } = call;
    switch (operation.kind) {
      case "get":
        return this.#observe(state, outcome);
      case "put":
        return write(state, this.#number(operation.value), outcome);
      case "cas": {
        if (outcome.kind === "conditionFailed") {
          const seen = this.#observe(state, outcome);
          return seen === undefined || seen.mod === operation.expected ? undefined : seen;
        }
        const matched = this.#withMod(state, operation.expected);
        return matched && write(matched, this.#number(operation.value), outcome);
      }
      case "delete":
        return remove(state, outcome);
    }
  }

  /** Two lost writes of the same effect do the same to every state. */
  effectOf({ operation }: Call): string {
    switch (operation.kind) {
      case "put":
        return `put ${this.#number(operation.value)}`;
      case "cas":
        return `cas ${operation.expected} ${this.#number(operation.value)}`;
      case "get":
      case "delete":
        return operation.kind;
    }
  }

  #number(value: string): number {
    return this.#seen.get(value) ?? unseenValue;
  }

  #observe(state: RegisterState, outcome: Outcome): RegisterState | undefined {
    if (
      outcome.kind !== "found" && outcome.kind !== "absent" && outcome.kind !== "conditionFailed"
    ) return undefined;
    const record = shownRecord(outcome);
    if (record === undefined) {
      return state.value === absentValue ? atRevision(state, outcome.revision) : undefined;
    }
    if (state.value !== this.#number(record.value)) return undefined;
    if (record.version !== undefined && record.version !== state.version) return undefined;
    const seen = this.#withMod(state, record.mod);
    return seen && atRevision(seen, outcome.revision);
  }

  /**
   * The state once it is known that its mod is `mod`; undefined when that cannot be. An answered
   * write has a place in every order, and mods rise along it, so no lost write has the same one.
   */
  #withMod(state: RegisterState, mod: number): RegisterState | undefined {
    if (state.mod === mod) return state;
    if (state.mod !== unknownMod || mod < state.revision || this.#taken.has(mod)) return undefined;
    return { ...state, mod, revision: mod };
  }
}

/** The record that an answer shows, as a reader's does or a failed condition's. */
function shownRecord(outcome: Outcome): SeenRecord | undefined {
  if (outcome.kind === "found") return outcome.record;
  return outcome.kind === "conditionFailed" ? outcome.current : undefined;
}

function atRevision(state: RegisterState, revision: number | undefined): RegisterState | undefined {
  if (revision === undefined || revision === state.revision) return state;
  return revision < state.revision ? undefined : { ...state, revision };
}

function write(state: RegisterState, value: number, outcome: Outcome): RegisterState | undefined {
  const version = state.version + 1;
  if (outcome.kind === "unknown") {
    return { value, mod: unknownMod, revision: state.revision + 1, version };
  }
  if (outcome.kind !== "written" || outcome.mod <= state.revision) return undefined;
  if (outcome.version !== undefined && outcome.version !== version) return undefined;
  return { value, mod: outcome.mod, revision: outcome.mod, version };
}

/**
 * A mod that is unknown belongs to a lost write that nothing has looked at since. When the deletion
 * comes next and does not need it, the order without that write is as good: it leaves the key
 * absent too, at a lower revision. A lost deletion needs no record; an answered one has another,
 * the one before, when the version says that the lost write was not the key's first.
 */
function remove(state: RegisterState, outcome: Outcome): RegisterState | undefined {
  const exists = state.value !== absentValue;
  const isFirst = state.version === 1;
  if (state.mod === unknownMod && (outcome.kind === "unknown" || !isFirst)) return undefined;
  if (outcome.kind === "unknown") return exists ? absentAt(state.revision + 1) : undefined;
  if (outcome.kind !== "deleted" || (outcome.count === 1) !== exists) return undefined;
  if (!exists) return atRevision(state, outcome.revision);
  const revision = outcome.revision ?? state.revision + 1;
  return revision <= state.revision ? undefined : absentAt(revision);
}

function absentAt(revision: number): RegisterState {
  return { value: absentValue, mod: 0, revision, version: 0 };
}

/**
 * The version, 0 of an absent key, that an answered call must find behind lost writes that nothing
 * has looked at; undefined when its answer does not say.
 */
export function versionWanted({ outcome }: Call): number | undefined {
  switch (outcome.kind) {
    case "found":
      return outcome.record.version;
    case "conditionFailed":
      return outcome.current === undefined ? 0 : outcome.current.version;
    case "written":
      return outcome.version === undefined ? undefined : outcome.version - 1;
    case "absent":
      return 0;
    case "deleted":
      // One that finds a record needs a lost write only where it is the key's first: see `remove`.
      return outcome.count;
    case "notApplied":
    case "unknown":
      return undefined;
  }
}

/**
 * The same calls, where a lost write that was seen has the answer that it must have had. Whoever
 * was shown a record at a mod that no answered write was given saw a lost write; when only one of
 * the key's lost writes has that value, it was that one, it took that mod, and it took effect
 * before the answer that shows it. So it is no longer lost, and has an end. Where two mods lay
 * claim to one write either will do: the other is then as impossible as both together.
 */
export function settleLostWrites(calls: readonly Call[]): readonly Call[] {
  const answered = new Set(
    calls.map(({ outcome }) => outcome.kind === "written" ? outcome.mod : undefined),
  );
  const lost = new Map<string, Call | "several">();
  for (const call of calls) {
    const { operation, outcome } = call;
    if (outcome.kind !== "unknown") continue;
    if (operation.kind !== "put" && operation.kind !== "cas") continue;
    lost.set(operation.value, lost.has(operation.value) ? "several" : call);
  }
  const settled = new Map<Call, { readonly record: SeenRecord; readonly endedAt: number }>();
  for (const { outcome, endedAt } of calls) {
    const record = shownRecord(outcome);
    if (record === undefined || answered.has(record.mod)) continue;
    const write = lost.get(record.value);
    if (write === undefined || write === "several") continue;
    const before = settled.get(write);
    if (before === undefined) settled.set(write, { record, endedAt });
    else if (before.record.mod === record.mod && endedAt < before.endedAt) {
      settled.set(write, { record: before.record, endedAt });
    }
  }
  return calls.map((call) => {
    const seen = settled.get(call);
    if (seen === undefined) return call;
    const { value: _, ...told } = seen.record;
    return { ...call, endedAt: seen.endedAt, outcome: { kind: "written", ...told } };
  });
}
