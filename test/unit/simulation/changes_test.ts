/** What the simulated administrator wants is possible, and all of it comes about. */

import { Prng } from "../../../src/lib/prng.ts";
import { startChange, votersOf } from "../../../src/raft/configuration.ts";
import { type ChangeKind, drawChange, hasRoom } from "../../simulation/changes.ts";
import { isMajority, lists, outlives } from "../../simulation/majorities.ts";
import { configurationOf } from "../../harness/raft_cluster.ts";
import { assert, describe, it } from "../../harness/test.ts";

const joiner = { id: 9, incarnation: "9", suffrage: "learner" } as const;

describe("a change of members that is drawn", () => {
  it("is one that may follow, of every kind, and lets nobody vote from another cluster", () => {
    const prng = new Prng(1);
    const kinds = new Set<ChangeKind>();
    for (let tries = 0; tries < 2_000; tries++) {
      const present = configurationOf({ voters: [1, 2, 3], learners: [4, 5] });
      const wanted = drawChange({
        ...{ members: present.members, leader: 2, foreign: new Set([5]), prng },
        joiner: () => joiner,
      });
      if (wanted === undefined) continue;
      kinds.add(wanted.kind);
      const next = startChange(present, wanted);
      assert.notEqual(next, undefined, `${wanted.kind} ${JSON.stringify(wanted.members)}`);
      assert.equal(votersOf(wanted.members).includes(5), false, wanted.kind);
    }
    assert.equal(kinds.size, 8, [...kinds].join());
  });

  it("adds nobody where nobody may be added", () => {
    const prng = new Prng(2);
    const { members } = configurationOf({ voters: [1, 2, 3, 4], learners: [5, 6, 7, 8] });
    assert.equal(hasRoom(members), false);
    for (let tries = 0; tries < 500; tries++) {
      const scene = { members, leader: 1, joiner: undefined, foreign: new Set<number>(), prng };
      const wanted = drawChange(scene);
      assert.ok((wanted?.members.length ?? 0) <= members.length);
    }
  });
});

describe("majorities, counted anew", () => {
  const joint = {
    ...configurationOf({ voters: [3, 4, 5], learners: [6] }),
    outgoing: configurationOf({ voters: [1, 2, 3] }).members,
  };

  it("are majorities of both sets of a joint configuration", () => {
    const of = (ids: readonly number[]) => isMajority(joint, (id) => ids.includes(id));
    assert.deepEqual([of([1, 3, 4]), of([1, 2, 3]), of([3, 4, 5]), of([1, 2, 6, 5])], [
      ...[true, false, false, false],
    ]);
    assert.deepEqual([1, 3, 6, 7].map((id) => lists(joint, id)), [true, true, true, false]);
  });

  it("may each lose a minority", () => {
    assert.deepEqual([[1, 4], [3], [6]].map((lost) => outlives(joint, lost)), [true, true, true]);
    assert.deepEqual([[1, 2], [3, 4], [1, 3]].map((lost) => outlives(joint, lost)), [
      ...[false, false, false],
    ]);
    assert.equal(outlives(configurationOf({ voters: [1, 2] }), [1]), false);
    assert.equal(outlives(configurationOf({ voters: [1] }), [2]), true);
  });
});
