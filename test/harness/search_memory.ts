/**
 * Remembers which combinations of placed calls and state a search has been in. Found by a hash of
 * 32 random bits a call (Zobrist), believed only after an exact comparison.
 */

import { Prng } from "../../src/lib/prng.ts";
import type { RegisterState } from "./register_model.ts";

interface Visit {
  readonly state: RegisterState;
  /** The words of the set from `from` on; every word before has all bits, every one behind none. */
  readonly from: number;
  readonly words: Uint32Array;
}

const allBits = 0xffff_ffff;

export class SearchMemory {
  readonly #words: Uint32Array;
  readonly #randomOf: Uint32Array;
  readonly #visits = new Map<number, Visit[]>();
  #hash = 0;

  constructor(calls: number) {
    this.#words = new Uint32Array(Math.ceil(calls / 32));
    const prng = new Prng(calls);
    this.#randomOf = Uint32Array.from({ length: calls }, () => prng.next());
  }

  /** Adds the call to the set; false, and no change, when it was in this set and state before. */
  enter(call: number, state: RegisterState): boolean {
    this.#flip(call);
    const key = mix(this.#hash, state);
    const visits = this.#visits.get(key);
    if (visits?.some((visit) => this.#isHere(visit, state)) === true) {
      this.#flip(call);
      return false;
    }
    const visit = this.#visit(state);
    if (visits === undefined) this.#visits.set(key, [visit]);
    else visits.push(visit);
    return true;
  }

  /** Takes the call out of the set again. What was visited stays visited. */
  leave(call: number): void {
    this.#flip(call);
  }

  #flip(call: number): void {
    this.#words[call >>> 5]! ^= 1 << (call & 31);
    this.#hash = (this.#hash ^ this.#randomOf[call]!) >>> 0;
  }

  /** Calls are placed nearly in order, so most of the set is a run of ones that need no copy. */
  #visit(state: RegisterState): Visit {
    let [from, to] = [0, this.#words.length];
    while (from < to && this.#words[from] === allBits) from++;
    while (to > from && this.#words[to - 1] === 0) to--;
    return { state, from, words: this.#words.slice(from, to) };
  }

  #isHere({ state, from, words }: Visit, now: RegisterState): boolean {
    if (state.value !== now.value || state.mod !== now.mod) return false;
    if (state.revision !== now.revision || state.version !== now.version) return false;
    for (let at = 0; at < this.#words.length; at++) {
      const word = at < from ? allBits : words[at - from] ?? 0;
      if (this.#words[at] !== word) return false;
    }
    return true;
  }
}

function mix(hash: number, { value, mod, revision, version }: RegisterState): number {
  let mixed = hash;
  for (const number of [value, mod, revision, version]) {
    mixed = Math.imul(mixed ^ (number & allBits), 0x85ebca6b);
    mixed ^= mixed >>> 13;
  }
  return mixed >>> 0;
}
