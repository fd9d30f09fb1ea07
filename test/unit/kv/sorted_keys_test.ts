import { compareBytes } from "../../../src/lib/bytes.ts";
import { Prng } from "../../../src/lib/prng.ts";
import { SortedKeys } from "../../../src/storage/memory/kv_keys.ts";
import { assert, describe, it } from "../../harness/test.ts";

function randomKey(prng: Prng): Uint8Array {
  return Uint8Array.from({ length: 1 + prng.below(3) }, () => prng.below(24) * 11);
}

describe("SortedKeys", () => {
  it("agrees with a sorted list under random writes, through splits and emptied blocks", () => {
    const prng = new Prng(11);
    const keys = new SortedKeys<number>();
    const model = new Map<string, { readonly key: Uint8Array; readonly number: number }>();
    for (let round = 0; round < 40_000; round++) {
      const key = randomKey(prng);
      // It grows to thousands of keys, then shrinks to almost none, twice.
      const deleting = Math.floor(round / 10_000) % 2 === 1;
      const before = model.get(key.toString())?.number;
      if (prng.chance(deleting ? 9 : 1, 10)) {
        assert.equal(keys.delete(key), before);
        model.delete(key.toString());
      } else {
        assert.equal(keys.set(key, round), before);
        model.set(key.toString(), { key, number: round });
      }
      assert.equal(keys.get(key), model.get(key.toString())?.number);
      if (round % 500 === 0) assertSame(keys, [...model.values()], prng);
    }
  });
});

function assertSame(
  keys: SortedKeys<number>,
  pairs: { readonly key: Uint8Array; readonly number: number }[],
  prng: Prng,
): void {
  pairs.sort((a, b) => compareBytes(a.key, b.key));
  for (let round = 0; round < 20; round++) {
    const start = prng.chance(1, 5) ? new Uint8Array(0) : randomKey(prng);
    const end = prng.chance(1, 5) ? undefined : randomKey(prng);
    const reverse = prng.chance(1, 2);
    const span = { start, reverse, ...(end === undefined ? {} : { end }) };
    const expected = pairs.filter(({ key }) =>
      compareBytes(key, start) >= 0 && (end === undefined || compareBytes(key, end) < 0)
    );
    if (reverse) expected.reverse();
    const numbers = expected.map(({ number }) => number);
    const found = keys.pairs(span).map(({ value }) => value);
    assert.deepEqual(found, numbers);
    const countMax = prng.below(20);
    const first = keys.pairs(span, countMax).map(({ value }) => value);
    assert.deepEqual(first, numbers.slice(0, countMax));
  }
}
