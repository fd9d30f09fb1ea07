import type { ChangeLink } from "../../../src/kv/change.ts";
import { chainAfter, changeAtOrBelow, skewTarget } from "../../../src/kv/version_chain.ts";
import { Prng } from "../../../src/lib/prng.ts";
import { assert, describe, it } from "../../harness/test.ts";

/** A chain of one key whose changes have every third number, and what reading it costs. */
class Chain {
  readonly links = new Map<number, ChangeLink>();
  head: ChangeLink | undefined;
  reads = 0;

  readonly read = (number: number): ChangeLink | undefined => {
    this.reads++;
    return this.links.get(number);
  };

  grow(count: number): void {
    for (; count > 0; count--) {
      const number = (this.head?.number ?? 0) + 3;
      this.head = { number, ...chainAfter(this.head, this.read) };
      this.links.set(number, this.head);
    }
  }

  find(through: number): number {
    if (this.head === undefined) return 0;
    return changeAtOrBelow(
      this.head,
      through,
      (number) => this.read(number) ?? assert.fail(`Change ${number} is missing`),
    );
  }
}

describe("a chain of versions", () => {
  it("finds what a search through all of them finds", () => {
    const chain = new Chain();
    for (let length = 1; length <= 300; length++) {
      chain.grow(1);
      for (let through = 0; through < length * 3; through++) {
        assert.equal(chain.find(through), Math.floor(through / 3) * 3, `${through} of ${length}`);
      }
    }
  });

  it("takes logarithmic steps back, and next to none to grow", () => {
    const chain = new Chain();
    chain.grow(100_000);
    assert.ok(chain.reads < 100_000 / 8, `${chain.reads} reads to grow`);
    const prng = new Prng(1);
    let most = 0;
    for (let round = 0; round < 2_000; round++) {
      chain.reads = 0;
      const depth = prng.below(100_000);
      assert.equal(chain.find(depth * 3 + 1), depth * 3);
      most = Math.max(most, chain.reads);
    }
    assert.ok(most <= 80, `${most} reads for one search`);
  });

  it("counts its length", () => {
    const chain = new Chain();
    chain.grow(20);
    assert.equal(chain.head?.depth, 20);
    assert.equal(chain.head?.previous, 19 * 3);
    assert.equal(chain.head?.skip, 16 * 3);
  });

  it("works on when compaction has removed its beginning", () => {
    for (const kept of [1, 2, 15, 16, 17, 40, 100]) {
      const chain = new Chain();
      chain.grow(500);
      // Everything is removed but the version that shows at the boundary and what came after.
      const boundary = (500 - kept) * 3;
      for (const number of chain.links.keys()) if (number < boundary) chain.links.delete(number);
      chain.grow(300);
      for (let through = boundary; through < 800 * 3; through++) {
        assert.equal(chain.find(through), Math.floor(through / 3) * 3, `${through}, kept ${kept}`);
      }
    }
  });
});

describe("skewTarget", () => {
  it("drops the lowest digit of the skew-binary form", () => {
    const targets = Array.from({ length: 15 }, (_, at) => skewTarget(at + 1));
    assert.deepEqual(targets, [0, 1, 0, 3, 4, 3, 0, 7, 8, 7, 10, 11, 10, 7, 0]);
  });
});
