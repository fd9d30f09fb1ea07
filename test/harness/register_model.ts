/**
 * What one key may answer: the model that the linearizability checker steps. A state is four
 * numbers, so that states cost nothing to keep and to compare.
 *
 * Revisions belong to the whole store and other keys move them too. The model therefore keeps the
 * lowest revision that the store can have: every write takes a higher one, and an answer that names
 * the store's revision lifts it. A lost write, one of unknown outcome, has a revision that nobody
 * was told; the first answer that shows it settles it.
 *
 * Shortcuts leave out orders of calls, and never the last one that explains a history; each says
 * why. They lean on this: every condition on revisions is "above the lowest", so a state with a
 * lower one allows all that the same state with a higher one does.
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

/** One key, and the values that its answers show. */
export class Register {
  readonly #seen = new Map<string, number>();

  /** `calls` are all calls on the key; those that are stepped later are among them. */
  constructor(calls: readonly Call[]) {
    for (const { outcome } of calls) {
      const value = shownRecord(outcome)?.value;
      if (value !== undefined && !this.#seen.has(value)) {
        this.#seen.set(value, unseenValue + 1 + this.#seen.size);
      }
    }
  }

  /**
   * The state behind `call` when it takes effect in `state`, or undefined when its answer cannot be
   * true there. A lost write takes effect with whatever answer is possible. That it may take no
   * effect at all is the checker's affair.
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
        const matched = withMod(state, operation.expected);
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
    const seen = withMod(state, record.mod);
    return seen && atRevision(seen, outcome.revision);
  }
}

/** The state once it is known that its mod is `mod`; undefined when that cannot be. */
function withMod(state: RegisterState, mod: number): RegisterState | undefined {
  if (state.mod === mod) return state;
  if (state.mod !== unknownMod || mod < state.revision) return undefined;
  return { ...state, mod, revision: mod };
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
 * Undefined also where the order with a lost write less explains as much. An unknown mod belongs to
 * a lost write that no call has looked at. When the deletion comes next and does not need it, the
 * key is absent behind it without that write too, at a lower revision. A lost deletion needs no
 * record; an answered one finds another, that before, unless the version says that the lost write
 * was the key's first. And a lost deletion of nothing does nothing.
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
      // One that finds a record needs the lost write only where that is the key's first: `remove`.
      return outcome.count;
    case "notApplied":
    case "unknown":
      return undefined;
  }
}
