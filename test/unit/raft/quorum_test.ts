import { Prng } from "../../../src/lib/prng.ts";
import { isQuorum, majority, quorumReached, type VoterSets } from "../../../src/raft/quorum.ts";
import { assert, describe, it } from "../../harness/test.ts";

/** All subsets of `voters`. */
function subsets(voters: readonly number[]): readonly (readonly number[])[] {
  return voters.reduce<number[][]>(
    (found, voter) => [...found, ...found.map((subset) => [...subset, voter])],
    [[]],
  );
}

/** The dumb way: more than half of the heads, counted one by one, in every set. */
function dumbIsQuorum(sets: VoterSets, yes: ReadonlySet<number>): boolean {
  if (sets.length === 0) return false;
  for (const voters of sets) {
    let balance = 0;
    for (const voter of voters) balance += yes.has(voter) ? 1 : -1;
    if (balance <= 0) return false;
  }
  return true;
}

/** The dumb way: try every number from above until a quorum has reached it. */
function dumbReached(sets: VoterSets, reached: ReadonlyMap<number, number>): number {
  for (let number = 20; number > 0; number--) {
    const yes = [...reached].filter(([, its]) => its >= number).map(([voter]) => voter);
    if (dumbIsQuorum(sets, new Set(yes))) return number;
  }
  return 0;
}

function randomSet(prng: Prng): readonly number[] {
  const ids = [1, 2, 3, 4, 5, 6, 7, 8, 9];
  return ids.filter(() => prng.chance(1, 2));
}

describe("Quorum", () => {
  it("of n is floor(n / 2) + 1", () => {
    assert.deepEqual([1, 2, 3, 4, 5, 6, 7, 8, 9].map(majority), [1, 2, 2, 3, 3, 4, 4, 5, 5]);
  });

  it("any two quorums of the same 1 … 9 voters share one, and a half is none", () => {
    for (let n = 1; n <= 9; n++) {
      const voters = Array.from({ length: n }, (_, at) => at + 1);
      for (const subset of subsets(voters)) {
        const inside = isQuorum([voters], (voter) => subset.includes(voter));
        const outside = isQuorum([voters], (voter) => !subset.includes(voter));
        assert.ok(!(inside && outside), `${subset} and the others of ${n}`);
        assert.equal(inside, 2 * subset.length > n);
      }
    }
  });

  it("nobody decides for no set, and for an empty one", () => {
    assert.equal(isQuorum([], () => true), false);
    assert.equal(isQuorum([[]], () => true), false);
    assert.equal(isQuorum([[1], []], () => true), false);
    assert.equal(quorumReached([], () => 9), 0);
    assert.equal(quorumReached([[1], []], () => 9), 0);
  });

  it("in a joint configuration both sets have to agree", () => {
    const sets = [[1, 2, 3], [1, 4, 5]];
    assert.equal(isQuorum(sets, (voter) => [1, 2, 3].includes(voter)), false);
    assert.equal(isQuorum(sets, (voter) => [1, 4, 5].includes(voter)), false);
    assert.equal(isQuorum(sets, (voter) => [1, 2, 4].includes(voter)), true);
    assert.equal(quorumReached(sets, (voter) => voter * 10), 20);
  });

  it("agrees with the dumb way in 20,000 random cases, half of them joint", () => {
    const prng = new Prng(1);
    for (let left = 20_000; left > 0; left--) {
      const sets = prng.chance(1, 2) ? [randomSet(prng)] : [randomSet(prng), randomSet(prng)];
      const yes = new Set(randomSet(prng));
      const reached = new Map(sets.flat().map((voter) => [voter, prng.below(20)]));
      const told = JSON.stringify({ sets, yes: [...yes], reached: [...reached] });
      assert.equal(isQuorum(sets, (voter) => yes.has(voter)), dumbIsQuorum(sets, yes), told);
      assert.equal(
        quorumReached(sets, (voter) => reached.get(voter)!),
        dumbReached(sets, reached),
        told,
      );
    }
  });
});
