import { checkLog, checkStatus, checkStep } from "../../../src/raft/invariants.ts";
import type { RaftStatus } from "../../../src/raft/status.ts";
import { RaftCluster } from "../../harness/raft_cluster.ts";
import { assert, describe, it } from "../../harness/test.ts";

function leader(): RaftStatus {
  const cluster = new RaftCluster({ voters: [1, 2] });
  cluster.elect(1);
  return cluster.status(1);
}

describe("Self-check of a core", () => {
  const broken: readonly (readonly [Partial<RaftStatus>, RegExp])[] = [
    [{ applied: 3, commitIndex: 2, stableIndex: 3, lastIndex: 3 }, /applied 3 is above commit/],
    [{ applied: 2, stableIndex: 1 }, /applied 2 is above stable/],
    [{ commitIndex: 9 }, /commitIndex 9 is above lastIndex/],
    [{ stableIndex: 9 }, /stableIndex 9 is above lastIndex/],
    [{ boundary: 9 }, /boundary 9 is above stableIndex/],
    [{ leader: 2 }, /a leader names node 2/],
    [{ votedFor: 2 }, /a leader has voted for 2/],
    [{ termStart: undefined }, /own term/],
    [{ recovering: true }, /a recovering node leads/],
    [
      {
        peers: [{
          id: 2,
          mode: "probing",
          match: 2,
          next: 2,
          applied: 0,
          heardMs: 0,
          hasAnswered: true,
          wantsSnapshot: false,
        }],
      },
      /match 2 of peer 2/,
    ],
    [
      {
        peers: [{
          id: 2,
          mode: "probing",
          match: 2,
          next: 9,
          applied: 0,
          heardMs: 0,
          hasAnswered: true,
          wantsSnapshot: false,
        }],
      },
      /next 9 of peer 2/,
    ],
    [{ role: "follower" }, /a follower names itself/],
    [{ role: "candidate", leader: undefined, peers: [], votedFor: 2 }, /a candidate has voted/],
  ];

  it("a sound one breaks nothing", () => {
    assert.deepEqual(checkStatus(1, leader()), []);
    assert.deepEqual(checkStep(leader(), leader()), []);
  });

  for (const [change, rule] of broken) {
    it(`finds: ${rule.source}`, () => {
      assert.match(checkStatus(1, { ...leader(), ...change }).join("; "), rule);
    });
  }

  const steps: readonly (readonly [Partial<RaftStatus>, RegExp])[] = [
    [{ term: 1 }, /term fell: 2, 1/],
    [{ commitIndex: 1 }, /commitIndex fell/],
    [{ applied: 1 }, /applied fell/],
    [{ votedFor: 2 }, /the vote of term 2 changed: 1, 2/],
    [{ votedFor: undefined }, /the vote of term 2 changed: 1, undefined/],
    [{ lastIndex: 1 }, /a leader's log shrank/],
  ];
  for (const [change, rule] of steps) {
    it(`finds between two reports: ${rule.source}`, () => {
      assert.match(checkStep(leader(), { ...leader(), ...change }).join("; "), rule);
    });
  }

  it("finds falling terms and gaps in a log", () => {
    const terms = [undefined, 1, 3, 2, undefined, 4];
    const found = checkLog({
      firstIndex: () => 1,
      lastIndex: () => 5,
      term: (index) => terms[index],
      entries: () => undefined,
    });
    assert.deepEqual(found, ["the term falls at 3: 3, 2", "entry 4 is missing before 5"]);
  });
});
