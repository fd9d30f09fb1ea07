/**
 * Remembers which combinations of placed calls and state a search has been in. Found by a hash of
 * 32 random bits a call (Zobrist), believed only after an exact comparison.
 */

import { Prng } from "../../src/lib/prng.ts";
import type { RegisterState } from "./register_model.ts";

interface Visit {
  readonly state: RegisterState;
  /** The words of the lost calls, all of them. */
  readonly lost: Uint32Array;
  /** The answered ones from `from` on; the words before have all bits, those behind none. */
  readonly from: number;
  readonly words: Uint32Array;
}

/** Some 400 MB. What comes later is not remembered, which costs a search time and nothing else. */
const visitsMax = 1_000_000;
const allBits = 0xffff_ffff;
const none = new Uint32Array(0);

export class SearchMemory {
  /** A bit a call: first the lost ones, then, in words of their own, the answered ones. */
  readonly #words: Uint32Array;
  readonly #lostWords: number;
  readonly #answered: number;
  readonly #randomOf: Uint32Array;
  readonly #visits = new Map<number, Visit[]>();
  #count = 0;
  #hash = 0;

  /** Calls are numbers: first the answered ones in the order of their begin, then the lost ones. */
  constructor({ answered, lost }: { readonly answered: number; readonly lost: number }) {
    this.#answered = answered;
    this.#lostWords = Math.ceil(lost / 32);
    this.#words = new Uint32Array(this.#lostWords + Math.ceil(answered / 32));
    const prng = new Prng(answered);
    this.#randomOf = Uint32Array.from({ length: answered + lost }, () => prng.next());
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
    if (this.#count === visitsMax) return true;
    this.#count++;
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
    const isLost = call >= this.#answered;
    const bit = isLost ? call - this.#answered : this.#lostWords * 32 + call;
    this.#words[bit >>> 5]! ^= 1 << (bit & 31);
    this.#hash = (this.#hash ^ this.#randomOf[call]!) >>> 0;
  }

  /** Answered calls are placed nearly in order: most of them are a run of ones without a copy. */
  #visit(state: RegisterState): Visit {
    let [from, to] = [this.#lostWords, this.#words.length];
    while (from < to && this.#words[from] === allBits) from++;
    while (to > from && this.#words[to - 1] === 0) to--;
    const lost = this.#lostWords === 0 ? none : this.#words.slice(0, this.#lostWords);
    return { state, lost, from, words: this.#words.slice(from, to) };
  }

  #isHere({ state, lost, from, words }: Visit, now: RegisterState): boolean {
    if (state.value !== now.value || state.mod !== now.mod) return false;
    if (state.revision !== now.revision || state.version !== now.version) return false;
    for (let at = 0; at < this.#words.length; at++) {
      const word = at < lost.length ? lost[at] : at < from ? allBits : words[at - from] ?? 0;
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
