import { isSame } from "../../harness/same.ts";
import { assert, describe, it } from "../../harness/test.ts";

const bytes = (...given: number[]): Uint8Array => Uint8Array.from(given);
const record = { key: bytes(1, 2), value: bytes(), mod: 3, lease: "7" };

describe("isSame", () => {
  const pairs: readonly (readonly [unknown, unknown, boolean])[] = [
    [1, 1, true],
    [NaN, NaN, true],
    [0, -0, false],
    [1, "1", false],
    [1n, 1n, true],
    [null, undefined, false],
    [null, {}, false],
    [undefined, undefined, true],
    [bytes(1, 2), bytes(0, 1, 2, 3).subarray(1, 3), true],
    [bytes(1, 2), bytes(1, 3), false],
    [bytes(1, 2), bytes(1), false],
    [bytes(1), bytes(1, 2), false],
    [bytes(1), [1], false],
    [[1], bytes(1), false],
    [bytes(), {}, false],
    [[], {}, false],
    [{}, [], false],
    [[1, [2]], [1, [2]], true],
    [[1, [2]], [1, [3]], false],
    [[1, 2], [2, 1], false],
    [[undefined], [], false],
    [{ a: 1, b: 2 }, { b: 2, a: 1 }, true],
    [{ a: 1 }, { a: 1, b: 2 }, false],
    [{ a: 1, b: 2 }, { a: 1 }, false],
    [{ a: undefined }, {}, false],
    [{}, { a: undefined }, false],
    [{ a: undefined }, { b: undefined }, false],
    [{ toString: undefined }, { b: undefined }, false],
    [{ records: [record, undefined] }, { records: [{ ...record }, undefined] }, true],
    [{ records: [record] }, { records: [{ ...record, value: bytes(0) }] }, false],
    [{ records: [record] }, { records: [{ ...record, lease: "8" }] }, false],
  ];
  for (const [at, [a, b, expected]] of pairs.entries()) {
    it(`tells ${expected ? "same" : "different"} values, pair ${at}`, () => {
      assert.equal(isSame(a, b), expected);
      assert.equal(isSame(b, a), expected);
    });
  }

  it("passes over members that are left out, on either side, at any depth, and no others", () => {
    const a = { kind: "put", reason: "x", results: [{ reason: "y", code: 1 }] };
    const b = { kind: "put", results: [{ code: 1, reason: "z" }] };
    assert.equal(isSame(a, b, ["reason"]), true);
    assert.equal(isSame(b, a, ["reason"]), true);
    assert.equal(isSame(a, b), false);
    assert.equal(isSame(a, { ...b, more: 1 }, ["reason"]), false);
    assert.equal(isSame(a, { ...b, results: [{ code: 2 }] }, ["reason"]), false);
  });

  it("refuses what it could not look into", () => {
    assert.throws(() => isSame(new Map(), new Map()), TypeError);
    assert.throws(() => isSame({}, new Date(0)), TypeError);
  });
});
