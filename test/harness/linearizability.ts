/**
 * Decides whether a history is linearizable: whether every call can be given one moment between its
 * begin and its end so that, in the order of those moments, a single copy of the store would have
 * given the same answers. The search is the one of Wing and Gong with Lowe's memory of states, as
 * in Porcupine: try the calls that may come next, undo when an answer that is already out cannot be
 * passed, and never search again from a set of calls and a state that failed before.
 *
 * Keys are judged apart, because a history of single-key calls is linearizable when each key's is
 * (Herlihy and Wing, theorem 1). What runs across keys is the order of revisions; revision_order.ts
 * checks that. A write of unknown outcome never ends: it may take effect at any time later, or
 * never. A read without an answer says nothing and is left out.
 */

import type { Call } from "./history.ts";
import { initialState, type RegisterState, step, Values } from "./register_model.ts";
import { checkRevisionOrder } from "./revision_order.ts";
import { SearchMemory } from "./search_memory.ts";

export type Verdict =
  | { readonly kind: "ok" }
  /** The answers contradict each other. */
  | {
    readonly kind: "illegal";
    readonly reason: string;
    /** The key's calls, for a timeline. */
    readonly calls: readonly Call[];
    /** Ids of the longest row of calls that could be put in order. */
    readonly longest: readonly number[];
  }
  /** The search took more steps than it was given. */
  | { readonly kind: "unknown"; readonly key: string; readonly steps: number };

export interface CheckOptions {
  /** Calls looked at before the search gives up, over all keys together; 20 million when absent. */
  readonly stepsMax?: number;
}

/**
 * The first contradiction found, or that there is none. "illegal" and "ok" are certain; "unknown"
 * comes only when no key was found illegal.
 */
export function checkLinearizable(calls: readonly Call[], options: CheckOptions = {}): Verdict {
  const disorder = checkRevisionOrder(calls);
  if (disorder !== undefined) return { kind: "illegal", longest: [], ...disorder };
  return checkEachKey(calls, options);
}

/** The search alone, without the order of revisions across keys. */
export function checkEachKey(calls: readonly Call[], options: CheckOptions = {}): Verdict {
  let stepsLeft = options.stepsMax ?? 20_000_000;
  let unknown: Verdict | undefined;
  for (const [key, ofKey] of relevantByKey(calls)) {
    const search = new Search(ofKey);
    const found = search.run(stepsLeft);
    stepsLeft -= search.steps;
    if (found === "illegal") {
      const reason = `no order of the calls on ${key} gives these answers`;
      return { kind: "illegal", reason, calls: ofKey, longest: search.longest };
    }
    if (found === "unknown") unknown ??= { kind: "unknown", key, steps: search.steps };
  }
  return unknown ?? { kind: "ok" };
}

function relevantByKey(calls: readonly Call[]): ReadonlyMap<string, readonly Call[]> {
  const byKey = new Map<string, Call[]>();
  for (const call of calls) {
    const { operation, outcome } = call;
    if (outcome.kind === "notApplied") continue;
    if (operation.kind === "get" && outcome.kind === "unknown") continue;
    const ofKey = byKey.get(operation.key);
    if (ofKey === undefined) byKey.set(operation.key, [call]);
    else ofKey.push(call);
  }
  return byKey;
}

const none = -1;

/**
 * The search over one key. Begins and ends stand in one doubly linked list in order of time; a call
 * that has been given its place is lifted out of it, both ends, and put back when that was wrong.
 */
class Search {
  steps = 0;
  longest: readonly number[] = [];
  readonly #calls: readonly Call[];
  readonly #values = new Values();
  /** Of every entry of the list: the call it belongs to, and whether it is that call's end. */
  readonly #callOf: Int32Array;
  readonly #isEnd: Uint8Array;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  /** The entries of a call; `none` as the end of one that never ends. */
  readonly #begin: Int32Array;
  readonly #end: Int32Array;
  readonly #memory: SearchMemory;
  /** Calls in the order that is being tried, and the state before each. */
  readonly #placed: number[] = [];
  readonly #before: RegisterState[] = [];
  /** Calls with an answer that have no place yet: at 0 the history is linearizable. */
  #open = 0;

  constructor(calls: readonly Call[]) {
    this.#calls = calls;
    const events = sortedEvents(calls);
    const size = events.length + 1;
    this.#callOf = new Int32Array(size).fill(none);
    this.#next = new Int32Array(size);
    this.#previous = new Int32Array(size);
    this.#isEnd = new Uint8Array(size);
    this.#begin = new Int32Array(calls.length).fill(none);
    this.#end = new Int32Array(calls.length).fill(none);
    this.#memory = new SearchMemory(calls.length);
    // Entry 0 is the head of the list and belongs to no call.
    for (const [at, { call, isEnd }] of events.entries()) {
      const entry = at + 1;
      this.#callOf[entry] = call;
      this.#isEnd[entry] = isEnd ? 1 : 0;
      (isEnd ? this.#end : this.#begin)[call] = entry;
      if (isEnd) this.#open++;
    }
    for (let entry = 0; entry < size; entry++) {
      this.#next[entry] = entry + 1 < size ? entry + 1 : none;
      this.#previous[entry] = entry - 1;
    }
  }

  run(stepsMax: number): "ok" | "illegal" | "unknown" {
    let state = initialState;
    let entry = this.#next[0]!;
    while (this.#open > 0) {
      if (++this.steps > stepsMax) return "unknown";
      const call = this.#callOf[entry]!;
      if (this.#isEnd[entry] === 0) {
        const after = step(state, this.#calls[call]!, this.#values);
        if (after === undefined || !this.#memory.enter(call, after)) {
          entry = this.#next[entry]!;
          continue;
        }
        this.#place(call, state);
        state = after;
        entry = this.#next[0]!;
        continue;
      }
      // An answer is out and its call has no place before it: what was placed last was wrong.
      this.#keepLongest();
      const last = this.#placed.pop();
      if (last === undefined) return "illegal";
      state = this.#before.pop()!;
      this.#memory.leave(last);
      this.#putBack(last);
      entry = this.#next[this.#begin[last]!]!;
    }
    return "ok";
  }

  #keepLongest(): void {
    if (this.#placed.length <= this.longest.length) return;
    this.longest = this.#placed.map((placed) => this.#calls[placed]!.id);
  }

  #place(call: number, before: RegisterState): void {
    this.#placed.push(call);
    this.#before.push(before);
    for (const entry of [this.#begin[call]!, this.#end[call]!]) {
      if (entry === none) continue;
      const [previous, next] = [this.#previous[entry]!, this.#next[entry]!];
      this.#next[previous] = next;
      if (next !== none) this.#previous[next] = previous;
    }
    if (this.#end[call] !== none) this.#open--;
  }

  /** The exact reverse of `#place`: the entries still know where they stood. */
  #putBack(call: number): void {
    for (const entry of [this.#end[call]!, this.#begin[call]!]) {
      if (entry === none) continue;
      const [previous, next] = [this.#previous[entry]!, this.#next[entry]!];
      this.#next[previous] = entry;
      if (next !== none) this.#previous[next] = entry;
    }
    if (this.#end[call] !== none) this.#open++;
  }
}

/** At equal times a begin stands before an end: the calls then count as concurrent. */
function sortedEvents(
  calls: readonly Call[],
): readonly { readonly call: number; readonly isEnd: boolean; readonly at: number }[] {
  const events = calls.flatMap(({ startedAt, endedAt }, call) => {
    const begin = { call, isEnd: false, at: startedAt };
    return endedAt === Infinity ? [begin] : [begin, { call, isEnd: true, at: endedAt }];
  });
  return events.sort((a, b) => a.at - b.at || Number(a.isEnd) - Number(b.isEnd));
}
