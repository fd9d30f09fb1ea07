import { shuffled } from "../../../../scripts/bench/growth.ts";
import { Prng } from "../../../../src/lib/prng.ts";
import { assert, describe, it } from "../../../harness/test.ts";

describe("shuffled", () => {
  it("has each number of the range once, in an order of its own", () => {
    const numbers = [...shuffled(100, 1_100, new Prng(1))];
    const sorted = numbers.toSorted((a, b) => a - b);
    assert.deepEqual(sorted, Array.from({ length: 1_000 }, (_, at) => 100 + at));
    assert.notDeepEqual(numbers, sorted);
    assert.notDeepEqual([...shuffled(100, 1_100, new Prng(2))], numbers);
  });

  it("is empty for an empty range", () => {
    assert.equal(shuffled(5, 5, new Prng(1)).length, 0);
  });
});
