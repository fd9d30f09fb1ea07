import { lastChangeAt, nextRevision, revisionAt } from "../../../src/kv/revisions.ts";
import { AssertionError } from "../../../src/lib/assert.ts";
import { Prng } from "../../../src/lib/prng.ts";
import { assert, describe, it } from "../../harness/test.ts";

interface Row {
  readonly number: number;
  readonly revision: number;
  readonly timeMs: number;
}

interface Rows {
  firstFrom(number: number): Row | undefined;
}

function tables(rows: readonly Row[]): Rows {
  return { firstFrom: (number) => rows.find((row) => row.number >= number) };
}

/** One to four changes a revision, one revision every ten milliseconds, and the last of each. */
function randomRows(prng: Prng): {
  readonly rows: readonly Row[];
  readonly last: ReadonlyMap<number, number>;
} {
  const rows: Row[] = [];
  const last = new Map([[1, 0]]);
  for (let revision = 2; revision < 30; revision++) {
    for (let changes = 1 + prng.below(4); changes > 0; changes--) {
      rows.push({ number: rows.length + 1, revision, timeMs: revision * 10 });
    }
    last.set(revision, rows.length);
  }
  return { rows, last };
}

describe("lastChangeAt", () => {
  it("finds the last change of each revision, of one change or of many", () => {
    const prng = new Prng(3);
    for (let round = 0; round < 200; round++) {
      const { rows, last } = randomRows(prng);
      const extent = { changes: rows.length, purgedThrough: 0 };
      for (const [revision, number] of last) {
        assert.equal(lastChangeAt(tables(rows), revision, extent), number);
      }
    }
  });

  it("finds it also where compaction has come to it, and taken its row", () => {
    const prng = new Prng(4);
    for (let round = 0; round < 200; round++) {
      const { rows, last } = randomRows(prng);
      const purgedThrough = 1 + prng.below(rows.length);
      const left = rows.filter(({ number }) => number > purgedThrough || prng.chance(1, 3));
      const extent = { changes: rows.length, purgedThrough };
      for (const [revision, number] of last) {
        if (number < purgedThrough) continue;
        assert.equal(lastChangeAt(tables(left), revision, extent), number);
      }
    }
  });

  it("reads a logarithm of rows", () => {
    let reads = 0;
    const endless = {
      firstFrom: (number: number): Row => {
        reads++;
        return { number, revision: number + 1, timeMs: 0 };
      },
    };
    const extent = { changes: 10_000_000, purgedThrough: 0 };
    assert.equal(lastChangeAt(endless, 123_457, extent), 123_456);
    assert.ok(reads <= 24, `${reads} reads`);
  });
});

describe("revisionAt", () => {
  it("is the newest revision at or before the moment; 0: none, or compaction has passed it", () => {
    const { rows } = randomRows(new Prng(5));
    const whole = { changes: rows.length, purgedThrough: 0 };
    const at = (timeMs: number): number => revisionAt(tables(rows), timeMs, whole);
    assert.deepEqual([0, 19, 20, 29, 30, 155, 289, 290, 9_999].map(at), [
      ...[0, 0, 2, 2, 3, 15, 28, 29, 29],
    ]);
    assert.equal(revisionAt(tables([]), 5, { changes: 0, purgedThrough: 0 }), 0);
    const purgedThrough = rows.findLast(({ revision }) => revision === 14)!.number;
    const left = rows.filter(({ number }) => number > purgedThrough);
    const rest = { changes: rows.length, purgedThrough };
    assert.deepEqual([139, 140, 149, 150, 155].map((ms) => revisionAt(tables(left), ms, rest)), [
      ...[0, 0, 0, 15, 15],
    ]);
  });
});

describe("nextRevision", () => {
  it("is one more, and stops where numbers lose their last digit", () => {
    assert.equal(nextRevision(1), 2);
    assert.throws(() => nextRevision(Number.MAX_SAFE_INTEGER), AssertionError);
  });
});
