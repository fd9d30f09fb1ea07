/** What a leader may conclude of what it hears: who is there, and who has caught up. */

import {
  catchUpOf,
  healthOf,
  type Hearing,
  judgeQuorum,
  promotionEntriesMax,
  promotionUnappliedMax,
} from "../../../src/node/judge_change.ts";
import type { PeerStatus } from "../../../src/raft/status.ts";
import { configurationOf } from "../../harness/raft_cluster.ts";
import { assert, describe, it } from "../../harness/test.ts";

const commitIndex = 50_000;

/** Node 1 leads, and hears these at 10,000 ms. */
function hearing(peers: readonly (Pick<PeerStatus, "id"> & Partial<PeerStatus>)[]): Hearing {
  const level = { match: commitIndex, next: commitIndex + 1, applied: commitIndex };
  const said = {
    mode: "replicating",
    heardMs: 9_990,
    hasAnswered: true,
    wantsSnapshot: false,
    ...level,
  } as const;
  const status = { commitIndex, peers: peers.map((peer) => ({ ...said, ...peer })) };
  return { self: 1, status, nowMs: 10_000, silentMsMax: 1_000 };
}

function judged(voters: readonly number[], heard: Hearing, learners: readonly number[] = []) {
  const { isKept, quorum, healthy } = judgeQuorum(
    configurationOf({ voters, learners }).members,
    heard,
  );
  return { isKept, quorum, healthy };
}

describe("The health of a node", () => {
  it("is good of the leader itself and of who was heard in time", () => {
    const heard = hearing([{ id: 2, heardMs: 9_000 }, { id: 3, heardMs: 8_999 }]);
    const all = [1, 2, 3, 4].map((id) => healthOf(id, heard));
    assert.deepEqual(all, ["healthy", "healthy", "silent", "silent"]);
  });

  it("is unknown of who has said nothing since the election, until it was silent for long", () => {
    const nothing = { hasAnswered: false, match: 0 };
    const heard = hearing([{ id: 2, ...nothing }, { id: 3, ...nothing, heardMs: 8_999 }]);
    assert.deepEqual([2, 3].map((id) => healthOf(id, heard)), ["unheard", "silent"]);
    assert.deepEqual(judgeQuorum(configurationOf({ voters: [1, 2, 3] }).members, heard), {
      ...{ voters: [1, 2, 3], healthy: [1], unmatched: [], unheard: [2], quorum: 2, isKept: false },
    });
  });

  it("is good of who answers and holds nothing yet, and no quorum counts on it", () => {
    const heard = hearing([{ id: 2, match: 0, mode: "snapshot", wantsSnapshot: true }]);
    assert.equal(healthOf(2, heard), "healthy");
    assert.deepEqual(judgeQuorum(configurationOf({ voters: [1, 2] }).members, heard), {
      ...{ voters: [1, 2], healthy: [1], unmatched: [2], unheard: [], quorum: 2, isKept: false },
    });
  });
});

describe("A quorum", () => {
  it("is kept where a majority of the new voters is healthy", () => {
    const heard = hearing([{ id: 2 }, { id: 3, heardMs: 0 }]);
    assert.deepEqual(judged([1, 2, 3], heard), { isKept: true, quorum: 2, healthy: [1, 2] });
    assert.deepEqual(judged([1, 2], heard), { isKept: true, quorum: 2, healthy: [1, 2] });
    assert.deepEqual(judged([1, 3], heard), { isKept: false, quorum: 2, healthy: [1] });
    assert.deepEqual(judged([3], heard), { isKept: false, quorum: 1, healthy: [] });
    assert.deepEqual(judged([2], heard), { isKept: true, quorum: 1, healthy: [2] });
  });

  it("is one of voters alone, and none without them", () => {
    const heard = hearing([{ id: 2 }, { id: 3 }]);
    const alone = { isKept: true, quorum: 1, healthy: [1] };
    assert.deepEqual(judged([1], heard, [2, 3]), alone);
    assert.equal(judged([], heard, [1, 2, 3]).isKept, false);
  });

  it("of an even number needs more than half", () => {
    const heard = hearing([{ id: 2 }, { id: 3, heardMs: 0 }, { id: 4, heardMs: 0 }]);
    assert.deepEqual(judged([1, 2, 3, 4], heard), { isKept: false, quorum: 3, healthy: [1, 2] });
  });
});

describe("A learner", () => {
  const of = (peer: Partial<PeerStatus>) => catchUpOf(4, hearing([{ id: 4, ...peer }]));

  it("has caught up within a bound of entries that it lacks", () => {
    assert.deepEqual(of({}), { kind: "caughtUp" });
    assert.deepEqual(of({ match: commitIndex + 5 }), { kind: "caughtUp" });
    assert.deepEqual(of({ match: commitIndex - promotionEntriesMax }), { kind: "caughtUp" });
    assert.deepEqual(of({ match: commitIndex - promotionEntriesMax - 1 }), {
      ...{ kind: "behind", entries: promotionEntriesMax + 1 },
    });
  });

  it("has not while nobody knows what it holds, or it is sent an image", () => {
    assert.deepEqual(of({ match: 0, mode: "probing" }), { kind: "behind", entries: commitIndex });
    assert.deepEqual(of({ mode: "probing" }), { kind: "caughtUp" });
    assert.deepEqual(of({ mode: "snapshot" }), { kind: "behind", entries: 0 });
    assert.deepEqual(of({ wantsSnapshot: true }), { kind: "behind", entries: 0 });
  });

  it("has not while its store is far behind its log", () => {
    assert.deepEqual(of({ applied: commitIndex - promotionUnappliedMax }), { kind: "caughtUp" });
    assert.deepEqual(of({ applied: 0 }), { kind: "applying", entries: commitIndex });
  });

  it("has not while it is silent, however far it had come", () => {
    assert.deepEqual(of({ heardMs: 8_999 }), { kind: "silent" });
    assert.deepEqual(catchUpOf(5, hearing([{ id: 4 }])), { kind: "silent" });
  });
});
