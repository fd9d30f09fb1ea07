import { editDistance, nearest } from "../../../src/lib/nearest.ts";
import { assert, describe, it } from "../../harness/test.ts";

const known = ["--endpoints", "--timeout", "--output", "get", "put", "election_timeout_min_ms"];

describe("nearest", () => {
  const meant: readonly (readonly [string, string])[] = [
    ["--endpoint", "--endpoints"],
    ["--enpdoints", "--endpoints"],
    ["--TIMEOUT", "--timeout"],
    ["--timout", "--timeout"],
    ["pt", "put"],
    ["electon_timeout_min_ms", "election_timeout_min_ms"],
  ];
  for (const [word, wanted] of meant) {
    it(`takes ${word} for ${wanted}`, () => assert.equal(nearest(word, known), wanted));
  }

  it("counts a swap of neighbours once", () => {
    assert.equal(nearest("gte", ["get"]), "get");
  });

  it("prefers the closer of two", () => {
    assert.equal(nearest("count", ["mount", "counts", "amount"]), "mount");
    assert.equal(nearest("countss", ["mount", "counts", "amount"]), "counts");
  });

  for (const word of ["x", "frobnicate", "--zzzzzzzz", ""]) {
    it(`finds nothing near ${JSON.stringify(word)}`, () => {
      assert.equal(
        nearest(word, ["--endpoints", "--timeout", "election_timeout_min_ms"]),
        undefined,
      );
    });
  }
});

describe("editDistance", () => {
  it("counts insertions, deletions, changes and swaps", () => {
    assert.equal(editDistance("", ""), 0);
    assert.equal(editDistance("abc", "abc"), 0);
    assert.equal(editDistance("abc", "ab"), 1);
    assert.equal(editDistance("abc", "axc"), 1);
    assert.equal(editDistance("abc", "acb"), 1);
    assert.equal(editDistance("kitten", "sitting"), 3);
  });
});
