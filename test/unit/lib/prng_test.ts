import { assert, describe, it } from "../../harness/test.ts";
import { Prng } from "../../../src/lib/prng.ts";

const mask = 0xffff_ffffn;

/**
 * xoshiro128** 1.1 as its authors publish it, in exact integers, seeded as `Prng` is. Slow, and
 * written down a second time on purpose.
 */
function reference(seed: number): () => number {
  const wide = BigInt.asUintN(64, BigInt(seed));
  let word = (BigInt.asUintN(32, wide) ^ (wide >> 32n)) & mask;
  const s = [0n, 0n, 0n, 0n].map(() => {
    word = (word + 0x9e3779b9n) & mask;
    let z = ((word ^ (word >> 16n)) * 0x21f0aaadn) & mask;
    z = ((z ^ (z >> 15n)) * 0x735a2d97n) & mask;
    return z ^ (z >> 15n);
  });
  const rotate = (value: bigint, by: bigint): bigint =>
    ((value << by) | (value >> (32n - by))) & mask;
  return () => {
    const result = (rotate((s[1]! * 5n) & mask, 7n) * 9n) & mask;
    const t = (s[1]! << 9n) & mask;
    s[2]! ^= s[0]!;
    s[3]! ^= s[1]!;
    s[1]! ^= s[2]!;
    s[0]! ^= s[3]!;
    s[2]! ^= t;
    s[3] = rotate(s[3]!, 11n);
    return Number(result);
  };
}

describe("Prng", () => {
  it("draws what the published algorithm draws", () => {
    for (const seed of [0, 1, 42, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, 123456789012345]) {
      const [prng, wanted] = [new Prng(seed), reference(seed)];
      for (let i = 0; i < 1_000; i++) {
        assert.equal(prng.next(), wanted(), `seed ${seed}, draw ${i}`);
      }
    }
  });

  it("draws the same numbers in every release, so that seeds stay replayable", () => {
    const prng = new Prng(42);
    const drawn = Array.from({ length: 4 }, () => prng.next());
    assert.deepEqual(drawn, [660444221, 3652823732, 77672526, 910233633]);
  });

  it("draws below a bound evenly, and refuses bounds that are none", () => {
    const prng = new Prng(1);
    const counts = new Array<number>(7).fill(0);
    for (let i = 0; i < 70_000; i++) counts[prng.below(7)]! += 1;
    for (const count of counts) assert.ok(count > 9_500 && count < 10_500, counts.join(" "));
    assert.equal(prng.below(1), 0);
    assert.ok(prng.below(2 ** 32) < 2 ** 32);
    for (const bound of [0, -1, 1.5, NaN, 2 ** 32 + 1]) {
      assert.throws(() => prng.below(bound), RangeError, `${bound}`);
    }
  });

  it("rejects the uneven tail: a bound just above 2^31 uses about half of what is drawn", () => {
    // Folding the tail instead would give the lower half twice as often.
    const [prng, bound] = [new Prng(5), 3 * 2 ** 30];
    let low = 0;
    for (let i = 0; i < 30_000; i++) if (prng.below(bound) < 2 ** 30) low++;
    assert.ok(low > 9_500 && low < 10_500, `${low}`);
  });

  it("gives chances as ratios", () => {
    const prng = new Prng(2);
    let hits = 0;
    for (let i = 0; i < 30_000; i++) if (prng.chance(1, 3)) hits++;
    assert.ok(hits > 9_500 && hits < 10_500, `${hits}`);
    assert.equal(prng.chance(0, 5), false);
    assert.equal(prng.chance(5, 5), true);
  });

  it("splits off a generator whose draws do not shift its own", () => {
    const [a, b] = [new Prng(3), new Prng(3)];
    const split = a.split();
    b.split();
    for (let i = 0; i < 100; i++) split.next();
    assert.equal(a.next(), b.next());
    assert.notEqual(new Prng(3).split().next(), new Prng(4).split().next());
  });
});
