/**
 * Decides whether a history is linearizable: whether every call can be given one moment between its
 * begin and its end so that, in the order of those moments, a single copy of the store would have
 * given the same answers. The search is the one of Wing and Gong with Lowe's memory of states, as
 * in Porcupine: try the calls that may come next, undo when an answer that is already out cannot be
 * passed, and never search again from a set of calls and a state that failed before.
 *
 * Keys are judged apart, because a history of single-key calls is linearizable when each key's is
 * (Herlihy and Wing, theorem 1). What runs across keys is the order of revisions; revision_order.ts
 * checks that.
 *
 * A lost write, one of unknown outcome, never ends: it may take effect at any time later, or never.
 * A lost read says nothing and is left out. Trying every set of lost writes at every point would
 * take exponential time. But of all orders that explain a history it is enough to find one with the
 * fewest lost writes, so those are left out of which a lost write could be taken without harm:
 * `remove` in register_model.ts and `#isWanted` say which they are. And of lost writes that do the
 * same the one that began first goes first: swapped with another it changes no answer, and it may
 * stand wherever the other may.
 *
 * Revisions only grow. So of the answered calls that may come next and were told one, those that
 * were told the lowest go first: behind any other they could never be placed.
 */

import type { Call } from "./history.ts";
import { initialState, Register, type RegisterState, versionWanted } from "./register_model.ts";
import { checkRevisionOrder, revisionTold } from "./revision_order.ts";
import { SearchMemory } from "./search_memory.ts";

export type Verdict =
  | { readonly kind: "ok" }
  /** The answers contradict each other. */
  | {
    readonly kind: "illegal";
    readonly reason: string;
    /** All calls on the keys that it is about, for a timeline. */
    readonly calls: readonly Call[];
    /** Ids of the calls to look at first. */
    readonly suspects: readonly number[];
    /** Ids of the longest row of calls that could be put in order. */
    readonly longest: readonly number[];
  }
  /** The search took more steps or time than it was given. */
  | { readonly kind: "unknown"; readonly key: string; readonly steps: number };

export interface CheckOptions {
  /**
   * Calls looked at before the search gives up, over all keys together; 20 million when absent.
   * Every key may take an equal share of what is left, so that one cannot hide what another shows;
   * what the others leave goes to those that need more, which begin again.
   */
  readonly stepsMax?: number;
  /** Milliseconds before the search gives up; without it runs can be repeated exactly. */
  readonly budgetMs?: number;
  /** Milliseconds of a clock that never runs backwards; `performance.now` when absent. */
  readonly now?: () => number;
}

/** The clock is looked at once in so many steps. */
const stepsPerLook = 4_096;

/**
 * The first contradiction found, or that there is none. "illegal" and "ok" are certain; "unknown"
 * comes only when no key was found illegal.
 */
export function checkLinearizable(calls: readonly Call[], options: CheckOptions = {}): Verdict {
  const disorder = checkRevisionOrder(calls);
  if (disorder === undefined) return checkEachKey(calls, options);
  const keys = new Set(disorder.calls.map(({ operation }) => operation.key));
  return {
    kind: "illegal",
    reason: disorder.reason,
    calls: calls.filter(({ operation }) => keys.has(operation.key)),
    suspects: disorder.calls.map(({ id }) => id),
    longest: [],
  };
}

/** The search alone, without the order of revisions across keys. */
export function checkEachKey(calls: readonly Call[], options: CheckOptions = {}): Verdict {
  const isTimeUp = startTimer(options);
  let undecided: readonly KeyHistory[] = [...relevantByKey(calls)]
    .map(([key, ofKey]) => ({ key, calls: ofKey, steps: 0 }));
  let stepsLeft = options.stepsMax ?? 20_000_000;
  for (;;) {
    const unknown: KeyHistory[] = [];
    let keysLeft = undecided.length;
    for (const history of undecided) {
      const stepsMax = Math.floor(stepsLeft / keysLeft--);
      // It would come to the same end.
      if (stepsMax <= history.steps) unknown.push(history);
      else {
        const search = new Search(history.calls);
        const found = search.run({ stepsMax, isTimeUp });
        stepsLeft -= search.steps;
        if (found === "illegal") return illegal(history, search);
        if (found === "unknown") unknown.push({ ...history, steps: search.steps });
      }
    }
    const first = unknown[0];
    if (first === undefined) return { kind: "ok" };
    const isOver = isTimeUp() || unknown.every((history, at) => history === undecided[at]);
    if (isOver) return { kind: "unknown", key: first.key, steps: first.steps };
    undecided = unknown;
  }
}

/** The calls on one key, and how many steps did not suffice to judge them. */
interface KeyHistory {
  readonly key: string;
  readonly calls: readonly Call[];
  readonly steps: number;
}

function illegal({ key, calls }: KeyHistory, { longest, suspects }: Search): Verdict {
  const reason = `no order of the calls on ${key} gives these answers`;
  return { kind: "illegal", reason, calls, suspects, longest };
}

function startTimer({ budgetMs, now = () => performance.now() }: CheckOptions): () => boolean {
  if (budgetMs === undefined) return () => false;
  const endMs = now() + budgetMs;
  return () => now() > endMs;
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

interface Limits {
  readonly stepsMax: number;
  readonly isTimeUp: () => boolean;
}

const none = -1;
const anyVersion = -1;
const anyRevision = -1;

/** A call in the order that is being tried, and what it takes to undo it. */
interface Placed {
  readonly call: number;
  /** The state before it. */
  readonly before: RegisterState;
  /** The entry of the list at which it was tried: its own begin, or the end that stood first. */
  readonly entry: number;
}

/**
 * The search over one key. Begins and ends of answered calls stand in one doubly linked list in
 * order of time; a call that has been given its place is lifted out of it, both ends, and put back
 * when that was wrong. Lost writes are tried where the list has come to an end that cannot be
 * passed: most explain nothing, and an order without them is found sooner.
 */
class Search {
  steps = 0;
  longest: readonly number[] = [];
  /** The call whose answer could not be passed at the end of the longest row. */
  suspects: readonly number[] = [];
  readonly #register: Register;
  /** The answered calls in the order of their begin, then the lost ones. */
  readonly #calls: readonly Call[];
  /** Lost calls that do the same, in the order of their begin, and how many of them are placed. */
  readonly #groups: readonly { readonly calls: readonly number[]; placed: number }[];
  readonly #groupOf = new Map<number, number>();
  /** Of every entry of the list: the call it belongs to, and whether it is that call's end. */
  readonly #callOf: Int32Array;
  readonly #isEnd: Uint8Array;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  /** The entries of an answered call. */
  readonly #begin: Int32Array;
  readonly #end: Int32Array;
  readonly #memory: SearchMemory;
  readonly #placed: Placed[] = [];
  /** Answered calls that have no place yet: at 0 the history is linearizable. */
  #open: number;
  #openAtLongest = Infinity;
  /** Lost calls that have no place. */
  #lostLeft: number;
  /** The version that each answered call wants to find, or {@link anyVersion}. */
  readonly #wanted: Int32Array;
  /** The revision that each answered call was told, or {@link anyRevision}. */
  readonly #told: Float64Array;

  constructor(calls: readonly Call[]) {
    const sorted = calls.toSorted((a, b) => a.startedAt - b.startedAt);
    const answered = sorted.filter(({ outcome }) => outcome.kind !== "unknown");
    const lost = sorted.filter(({ outcome }) => outcome.kind === "unknown");
    this.#register = new Register(sorted);
    this.#calls = [...answered, ...lost];
    this.#memory = new SearchMemory({ answered: answered.length, lost: lost.length });
    this.#open = answered.length;
    this.#lostLeft = lost.length;
    this.#wanted = Int32Array.from(answered, (call) => versionWanted(call) ?? anyVersion);
    this.#told = Float64Array.from(answered, ({ outcome }) => revisionTold(outcome) ?? anyRevision);
    this.#groups = this.#group(answered.length);
    const events = sortedEvents(answered);
    const size = events.length + 1;
    this.#callOf = new Int32Array(size).fill(none);
    this.#next = Int32Array.from({ length: size }, (_, at) => at + 1 < size ? at + 1 : none);
    this.#previous = Int32Array.from({ length: size }, (_, at) => at - 1);
    this.#isEnd = new Uint8Array(size);
    this.#begin = new Int32Array(answered.length);
    this.#end = new Int32Array(answered.length);
    // Entry 0 is the head of the list and belongs to no call.
    for (const [at, { call, isEnd }] of events.entries()) {
      const entry = at + 1;
      this.#callOf[entry] = call;
      this.#isEnd[entry] = isEnd ? 1 : 0;
      (isEnd ? this.#end : this.#begin)[call] = entry;
    }
  }

  #group(lostFrom: number): readonly { readonly calls: readonly number[]; placed: number }[] {
    const groups = new Map<string, { readonly calls: number[]; readonly at: number }>();
    for (let call = lostFrom; call < this.#calls.length; call++) {
      const effect = this.#register.effectOf(this.#calls[call]!);
      const group = groups.get(effect) ?? { calls: [], at: groups.size };
      groups.set(effect, group);
      group.calls.push(call);
      this.#groupOf.set(call, group.at);
    }
    return [...groups.values()].map(({ calls }) => ({ calls, placed: 0 }));
  }

  run({ stepsMax, isTimeUp }: Limits): "ok" | "illegal" | "unknown" {
    let state = initialState;
    let entry = this.#next[0]!;
    /** At an end: the groups before this one have been tried. */
    let group = 0;
    while (this.#open > 0) {
      if (++this.steps > stepsMax) return "unknown";
      if (this.steps % stepsPerLook === 0 && isTimeUp()) return "unknown";
      const isEnd = this.#isEnd[entry] === 1;
      const after = isEnd
        ? this.#placeLost(state, entry, group)
        : this.#place(this.#callOf[entry]!, state, entry);
      if (after !== undefined) {
        state = after;
        entry = this.#next[0]!;
        group = 0;
      } else if (!isEnd) {
        entry = this.#next[entry]!;
      } else {
        // An answer is out and its call has no place before it: what was placed last was wrong.
        this.#keepLongest(entry);
        const last = this.#placed.pop();
        if (last === undefined) return "illegal";
        this.#takeBack(last.call);
        state = last.before;
        const lastGroup = this.#groupOf.get(last.call);
        group = lastGroup === undefined ? 0 : lastGroup + 1;
        entry = lastGroup === undefined ? this.#next[last.entry]! : last.entry;
      }
    }
    return "ok";
  }

  /** The state behind the call in its new place; undefined when it cannot stand here. */
  #place(call: number, before: RegisterState, entry: number): RegisterState | undefined {
    if (this.#isOvertaking(call)) return undefined;
    const after = this.#register.step(before, this.#calls[call]!);
    if (after === undefined || !this.#memory.enter(call, after)) return undefined;
    this.#placed.push({ call, before, entry });
    this.#lift(call);
    return after;
  }

  /** Whether another call that may come next was told a lower revision. */
  #isOvertaking(call: number): boolean {
    const told = this.#told[call] ?? anyRevision;
    if (told === anyRevision) return false;
    for (let entry = this.#next[0]!; this.#isEnd[entry] === 0; entry = this.#next[entry]!) {
      const other = this.#told[this.#callOf[entry]!]!;
      if (other !== anyRevision && other < told) return true;
    }
    return false;
  }

  /** Places a call of the first group from `from` on that can stand before the end and may help. */
  #placeLost(before: RegisterState, end: number, from: number): RegisterState | undefined {
    for (let group = from; group < this.#groups.length; group++) {
      const call = this.#lostBefore(end, group);
      if (call === none) continue;
      const after = this.#register.step(before, this.#calls[call]!);
      if (after === undefined || !this.#isWanted(after.version, end)) continue;
      const placed = this.#place(call, before, end);
      if (placed !== undefined) return placed;
    }
    return undefined;
  }

  /** The group's next call, if it began before the answer at `end` was out. */
  #lostBefore(end: number, group: number): number {
    const { calls, placed } = this.#groups[group]!;
    const call = calls[placed];
    if (call === undefined) return none;
    const { endedAt } = this.#calls[this.#callOf[end]!]!;
    return this.#calls[call]!.startedAt <= endedAt ? call : none;
  }

  /**
   * Whether a lost write that leads to this version can help one of the answered calls that may
   * come next, those before `end`. More lost writes may stand between, and each adds one to the
   * version, because a lost deletion never follows one (see `remove` in register_model.ts).
   */
  #isWanted(version: number, end: number): boolean {
    const highest = version + this.#lostLeft - 1;
    for (let entry = this.#next[0]!; entry !== end; entry = this.#next[entry]!) {
      const wanted = this.#wanted[this.#callOf[entry]!]!;
      if (wanted === anyVersion || (wanted >= version && wanted <= highest)) return true;
    }
    return false;
  }

  /** Lost writes at the end of a row were tried in vain and say nothing. */
  #keepLongest(end: number): void {
    if (this.#open >= this.#openAtLongest) return;
    this.#openAtLongest = this.#open;
    const isAnswered = ({ call }: Placed): boolean => !this.#groupOf.has(call);
    this.longest = this.#placed.slice(0, this.#placed.findLastIndex(isAnswered) + 1)
      .map(({ call }) => this.#calls[call]!.id);
    this.suspects = [this.#calls[this.#callOf[end]!]!.id];
  }

  #lift(call: number): void {
    const group = this.#groupOf.get(call);
    if (group !== undefined) {
      this.#groups[group]!.placed++;
      this.#lostLeft--;
      return;
    }
    this.#open--;
    this.#unlink(this.#begin[call]!);
    this.#unlink(this.#end[call]!);
  }

  /** The exact reverse of `#lift`: the entries still know where they stood. */
  #takeBack(call: number): void {
    this.#memory.leave(call);
    const group = this.#groupOf.get(call);
    if (group !== undefined) {
      this.#groups[group]!.placed--;
      this.#lostLeft++;
      return;
    }
    this.#open++;
    this.#link(this.#end[call]!);
    this.#link(this.#begin[call]!);
  }

  #unlink(entry: number): void {
    const previous = this.#previous[entry]!;
    const next = this.#next[entry]!;
    this.#next[previous] = next;
    if (next !== none) this.#previous[next] = previous;
  }

  #link(entry: number): void {
    const previous = this.#previous[entry]!;
    const next = this.#next[entry]!;
    this.#next[previous] = entry;
    if (next !== none) this.#previous[next] = entry;
  }
}

/** At equal times a begin stands before an end: the calls then count as concurrent. */
function sortedEvents(
  calls: readonly Call[],
): readonly { readonly call: number; readonly isEnd: boolean; readonly at: number }[] {
  const events = calls.flatMap(({ startedAt, endedAt }, call) => [
    { call, isEnd: false, at: startedAt },
    { call, isEnd: true, at: endedAt },
  ]);
  return events.sort((a, b) => a.at - b.at || Number(a.isEnd) - Number(b.isEnd));
}
