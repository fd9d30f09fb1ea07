import { lastChangeAt, nextRevision } from "../../../src/kv/revisions.ts";
import { AssertionError } from "../../../src/lib/assert.ts";
import { Prng } from "../../../src/lib/prng.ts";
import { assert, describe, it } from "../../harness/test.ts";

interface Row {
  readonly number: number;
  readonly revision: number;
}

function tables(rows: readonly Row[]): { firstFrom(number: number): Row | undefined } {
  return { firstFrom: (number) => rows.find((row) => row.number >= number) };
}

describe("lastChangeAt", () => {
  it("finds the last change of each revision, of one change or of many", () => {
    const prng = new Prng(3);
    for (let round = 0; round < 200; round++) {
      const rows: Row[] = [];
      const last = new Map<number, number>([[1, 0]]);
      for (let revision = 2; revision < 30; revision++) {
        for (let changes = 1 + prng.below(4); changes > 0; changes--) {
          rows.push({ number: rows.length + 1, revision });
        }
        last.set(revision, rows.length);
      }
      for (const [revision, number] of last) {
        assert.equal(lastChangeAt(tables(rows), revision, rows.length), number);
      }
    }
  });

  it("separates the revisions also where compaction has left gaps", () => {
    const rows = [2, 3, 5, 8, 9].map((number) => ({ number, revision: number * 10 }));
    for (let revision = 1; revision <= 100; revision++) {
      const through = lastChangeAt(tables(rows), revision, 9);
      for (const row of rows) {
        assert.equal(row.number <= through, row.revision <= revision, `${revision}`);
      }
    }
  });

  it("reads a logarithm of rows", () => {
    let reads = 0;
    const endless = {
      firstFrom: (number: number): Row => {
        reads++;
        return { number, revision: number + 1 };
      },
    };
    assert.equal(lastChangeAt(endless, 123_457, 10_000_000), 123_456);
    assert.ok(reads <= 24, `${reads} reads`);
  });
});

describe("nextRevision", () => {
  it("is one more, and stops where numbers lose their last digit", () => {
    assert.equal(nextRevision(1), 2);
    assert.throws(() => nextRevision(Number.MAX_SAFE_INTEGER), AssertionError);
  });
});
