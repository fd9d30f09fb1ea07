/**
 * What one key may answer: the model that the linearizability checker steps. A state is four
 * numbers, so that states cost nothing to keep and to compare.
 *
 * Revisions belong to the whole store and other keys move them too. The model therefore keeps the
 * lowest revision that the store can have: every write takes a higher one, and an answer that names
 * the store's revision lifts it. A write whose answer got lost has a revision that nobody was told;
 * the first answer that shows it settles it.
 */

import type { Call, Outcome, SeenRecord } from "./history.ts";

export interface RegisterState {
  /** The interned value; {@link absentValue} when there is no key. */
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

/** Gives each text a number from 1. */
export class Values {
  readonly #numbers = new Map<string, number>();

  number(value: string): number {
    let found = this.#numbers.get(value);
    if (found === undefined) this.#numbers.set(value, found = this.#numbers.size + 1);
    return found;
  }
}

/**
 * The state behind `call` when it takes effect in `state`, or undefined when its answer cannot be
 * true there. A call of unknown outcome takes effect with whatever answer is possible; that it may
 * take none at all is the checker's affair.
 */
export function step(state: RegisterState, call: Call, values: Values): RegisterState | undefined {
  const { operation, outcome } = call;
  switch (operation.kind) {
    case "get":
      return observe(state, outcome, values);
    case "put":
      return write(state, values.number(operation.value), outcome);
    case "cas": {
      if (outcome.kind === "conditionFailed") {
        const seen = observe(state, outcome, values);
        return seen === undefined || seen.mod === operation.expected ? undefined : seen;
      }
      const matched = withMod(state, operation.expected);
      return matched && write(matched, values.number(operation.value), outcome);
    }
    case "delete":
      return remove(state, outcome);
  }
}

/** The state once it is known that its mod is `mod`; undefined when that cannot be. */
function withMod(state: RegisterState, mod: number): RegisterState | undefined {
  if (state.mod === mod) return state;
  if (state.mod !== unknownMod || mod < state.revision) return undefined;
  return { ...state, mod, revision: mod };
}

function observe(
  state: RegisterState,
  outcome: Outcome,
  values: Values,
): RegisterState | undefined {
  if (outcome.kind !== "found" && outcome.kind !== "absent" && outcome.kind !== "conditionFailed") {
    return undefined;
  }
  const record: SeenRecord | undefined = outcome.kind === "found"
    ? outcome.record
    : outcome.kind === "absent"
    ? undefined
    : outcome.current;
  if (record === undefined) {
    return state.value === absentValue ? atRevision(state, outcome.revision) : undefined;
  }
  if (state.value !== values.number(record.value)) return undefined;
  if (record.version !== undefined && record.version !== state.version) return undefined;
  const seen = withMod(state, record.mod);
  return seen && atRevision(seen, outcome.revision);
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

function remove(state: RegisterState, outcome: Outcome): RegisterState | undefined {
  const exists = state.value !== absentValue;
  if (outcome.kind === "unknown") {
    return exists ? absentAt(state.revision + 1) : state;
  }
  if (outcome.kind !== "deleted" || (outcome.count === 1) !== exists) return undefined;
  if (!exists) return atRevision(state, outcome.revision);
  const revision = outcome.revision ?? state.revision + 1;
  return revision <= state.revision ? undefined : absentAt(revision);
}

function absentAt(revision: number): RegisterState {
  return { value: absentValue, mod: 0, revision, version: 0 };
}
