/**
 * xoshiro128** (Blackman and Vigna): a seeded generator on 32-bit integers, so that the same seed
 * gives the same numbers on every runtime. Not for secrets.
 */
export class Prng {
  readonly #state = new Uint32Array(4);

  /**
   * `seed` is any safe integer; SplitMix32 spreads it over the state, so that neighbouring seeds do
   * not resemble.
   */
  constructor(seed: number) {
    let word = (seed ^ Math.floor(seed / 0x1_0000_0000)) >>> 0;
    for (let i = 0; i < 4; i++) {
      word = (word + 0x9e3779b9) >>> 0;
      let mixed = Math.imul(word ^ (word >>> 16), 0x21f0aaad);
      mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
      this.#state[i] = mixed ^ (mixed >>> 15);
    }
  }

  /** The next unsigned 32-bit integer. */
  next(): number {
    const s = this.#state;
    const scrambled = Math.imul(rotateLeft(Math.imul(s[1]!, 5), 7), 9) >>> 0;
    const shifted = s[1]! << 9;
    s[2]! ^= s[0]!;
    s[3]! ^= s[1]!;
    s[1]! ^= s[2]!;
    s[0]! ^= s[3]!;
    s[2]! ^= shifted;
    s[3] = rotateLeft(s[3]!, 11);
    return scrambled;
  }

  /**
   * A uniform integer in 0 … bound − 1, for bounds up to 2^32. Rejects the uneven tail instead of
   * folding it.
   */
  below(bound: number): number {
    if (!Number.isInteger(bound) || bound < 1 || bound > 0x1_0000_0000) {
      throw new RangeError(`bound is ${bound}, allowed is 1 … 2^32`);
    }
    const evenEnd = 0x1_0000_0000 - (0x1_0000_0000 % bound);
    for (;;) {
      const drawn = this.next();
      if (drawn < evenEnd) return drawn % bound;
    }
  }

  /**
   * True in `numerator` of `denominator` cases: integer ratios, because floats differ in their last
   * bit.
   */
  chance(numerator: number, denominator: number): boolean {
    return this.below(denominator) < numerator;
  }

  /** A generator of its own, so that one concern's draws do not shift another's. */
  split(): Prng {
    return new Prng(this.next() * 0x20_0000 + (this.next() >>> 11));
  }
}

function rotateLeft(word: number, bits: number): number {
  return ((word << bits) | (word >>> (32 - bits))) >>> 0;
}
