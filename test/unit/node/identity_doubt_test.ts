/** A node that has founded a second cluster, as the members of the first one let it know. */

import { IdentityDoubt } from "../../../src/node/identity_doubt.ts";
import type { Hello } from "../../../src/node/ports.ts";
import { configurationOf } from "../../harness/raft_cluster.ts";
import { incarnationOf } from "../../harness/raft_node.ts";
import { assert, describe, it } from "../../harness/test.ts";

const own = "00000000000000aa";

/** Node 1, which votes alone unless another configuration is given. */
function doubtOf(voters: readonly number[] = [1]) {
  const reports: string[] = [];
  const time = { nowMs: 0 };
  const identity = {
    ...{ clusterId: "c", nodeId: 1, incarnation: own },
    ...{ starts: 1, logEpoch: 1, recovering: false },
  };
  const doubt = new IdentityDoubt({
    keeper: { identity },
    monotonicMs: () => time.nowMs,
    report: (text) => reports.push(text),
  });
  const { members, nodeIdMax } = configurationOf({ voters: [...voters] });
  const mine = members.map((each) => each.id === 1 ? { ...each, incarnation: own } : each);
  doubt.judgeBy(() => ({ members: mine, nodeIdMax }));
  return { doubt, reports, time };
}

/** Of node 2 of the old cluster, which expects node 1 here. */
function greeting(more: Partial<Hello> = {}): Hello {
  return {
    ...{ clusterId: "c", from: 2, to: 1, incarnation: incarnationOf(2), logEpoch: 1 },
    ...{ starts: 1, nonce: 1, protocolVersion: 1, protocolVersionMin: 1 },
    ...{ dataVersion: 1, programVersion: "", electionTimeoutMinMs: 1 },
    ...{ addresses: { rpc: "n2:1", http: "http://n2:2" }, bootstrapIds: [] },
    ...more,
  };
}

describe("A node that votes alone", () => {
  it("is not ready while a cluster of its name takes it for its own, and says so once", () => {
    const { doubt, reports, time } = doubtOf();
    assert.equal(doubt.check().ok, true);
    for (let i = 0; i < 5; i++) doubt.greeted(greeting());
    assert.equal(doubt.check().ok, false);
    assert.deepEqual(reports, [doubt.check().detail]);
    assert.match(
      reports[0] ?? "",
      /"c" .* node 2 \(incarnation \w+, at n2:1\) greets node 1 .* node 1 \(incarnation 0+aa\)/,
    );
    time.nowMs = 119_999;
    assert.equal(doubt.check().ok, false);
    time.nowMs = 120_000;
    assert.equal(doubt.check().ok, true, "the other one has stopped");
    doubt.greeted(greeting());
    assert.deepEqual([doubt.check().ok, reports.length], [false, 2]);
  });

  it("hears of it also where it took another id, which a member has", () => {
    for (const more of [{ to: 4 }, { to: 4, from: 1, incarnation: incarnationOf(1) }]) {
      const { doubt } = doubtOf();
      doubt.greeted(greeting(more));
      assert.equal(doubt.check().ok, false, JSON.stringify(more));
    }
  });

  const harmless: readonly (readonly [string, Partial<Hello>])[] = [
    ["belongs to another cluster", { clusterId: "d" }],
    ["only asks who listens here", { to: 0 }],
    ["looks for the nodes of its file", { bootstrapIds: [1, 2] }],
    ["is this node itself", { from: 1, incarnation: own }],
  ];
  for (const [who, more] of harmless) {
    it(`doubts nothing where somebody greets it that ${who}`, () => {
      const { doubt, reports } = doubtOf();
      doubt.greeted(greeting(more));
      assert.deepEqual([doubt.check().ok, reports], [true, []]);
    });
  }

  it("knows its own learners, and those that it has removed", () => {
    const { doubt } = doubtOf();
    const { members } = configurationOf({ voters: [1], learners: [3] });
    doubt.judgeBy(() => ({ members, nodeIdMax: 3 }));
    doubt.greeted(greeting({ from: 3, incarnation: incarnationOf(3) }));
    doubt.greeted(greeting());
    assert.equal(doubt.check().ok, true);
  });
});

describe("A node that votes with others", () => {
  it("has their word for what it is", () => {
    const { doubt, reports } = doubtOf([1, 3]);
    doubt.greeted(greeting({ from: 4 }));
    assert.deepEqual([doubt.check().ok, reports], [true, []]);
  });
});
