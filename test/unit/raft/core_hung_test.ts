/** A disk or a store that hangs, and a process that stood still. */

import { RaftCluster } from "../../harness/raft_cluster.ts";
import { matched } from "../../harness/raft_messages.ts";
import { assert, describe, it } from "../../harness/test.ts";

function led(): RaftCluster {
  const cluster = new RaftCluster({ voters: [1, 2, 3] });
  cluster.elect(1);
  return cluster;
}

describe("RaftCore, a leader that cannot work", () => {
  const cannotWork = (what: "disk" | "store"): RaftCluster => {
    const cluster = led();
    if (what === "disk") cluster.node(1).diskIsAutomatic = false;
    else cluster.node(1).storeIsAutomatic = false;
    cluster.propose(1, "a");
    cluster.settle();
    return cluster;
  };

  for (const what of ["disk", "store"] as const) {
    it(`steps down when its ${what} hangs for longer than electionTimeoutMaxMs`, () => {
      const cluster = cannotWork(what);
      cluster.run(2000);
      assert.equal(cluster.status(1).role, "leader");
      cluster.run(100);
      assert.equal(cluster.status(1).role, "follower");
      assert.equal(cluster.status(1).term, 2);
    });

    it(`and does not campaign before the ${what} moves again`, () => {
      const cluster = cannotWork(what);
      cluster.run(2050);
      for (const id of [2, 3]) cluster.crash(id);
      const before = cluster.sent.length;
      const asks = (): number =>
        cluster.sent.slice(before).filter(({ message }) => message.kind === "preVote").length;
      cluster.run(5000);
      assert.equal(asks(), 0);
      if (what === "disk") cluster.node(1).persistOldest(cluster.nowMs);
      else cluster.node(1).apply(cluster.nowMs);
      cluster.run(5000);
      assert.ok(asks() > 0);
    });
  }

  for (const [what, hung] of [["disk", "diskHung"], ["store", "applyHung"]] as const) {
    it(`is told from others by its report while its ${what} hangs, a follower too`, () => {
      const cluster = led();
      const follower = cluster.node(2);
      if (what === "disk") follower.diskIsAutomatic = false;
      else follower.storeIsAutomatic = false;
      cluster.propose(1, "a");
      cluster.settle();
      cluster.run(1900);
      assert.equal(cluster.status(2).hung, undefined);
      cluster.run(200);
      assert.equal(cluster.status(2).hung, hung);
      if (what === "disk") follower.persistOldest(cluster.nowMs);
      else follower.apply(cluster.nowMs);
      cluster.run(100);
      assert.equal(cluster.status(2).hung, undefined);
    });
  }

  it("does not take a stall of the whole process for a store that hangs", () => {
    const cluster = led();
    cluster.propose(1, "a");
    cluster.nowMs += 3000;
    // The answers waited in the sockets; the node steps them, then the tick, then looks at ready().
    const { core } = cluster.node(1);
    const envelope = { from: 2, to: 1, fromEpoch: 0, toEpoch: 0, term: 2, message: matched("3@2") };
    core.step({ kind: "receive", envelope }, cluster.nowMs);
    core.step({ kind: "tick" }, cluster.nowMs);
    assert.equal(core.status().commitIndex, 3);
    assert.equal(core.status().role, "leader");
  });
});

describe("RaftCore, stalls", () => {
  it("an overdue tick after a stall restarts the election timer instead of firing it", () => {
    const cluster = led();
    cluster.nowMs += 5000;
    cluster.tick(2);
    assert.equal(cluster.status(2).role, "follower");
    cluster.advance(1950);
    assert.equal(cluster.status(2).role, "precandidate");
  });

  it("a candidate's timer, too", () => {
    const cluster = new RaftCluster({ voters: [1, 2, 3] });
    cluster.restore(1, { terms: [], term: 2 });
    cluster.campaign(1);
    const asked = cluster.sent.length;
    cluster.nowMs += 5000;
    cluster.tick(1);
    assert.equal(cluster.sent.length, asked);
  });

  it("a leader that stood still does not hold its silence against its peers", () => {
    const cluster = led();
    cluster.nowMs += 5000;
    cluster.tick(1);
    assert.equal(cluster.status(1).role, "leader");
    cluster.advance(1000);
    assert.equal(cluster.status(1).role, "leader");
    cluster.advance(50);
    assert.equal(cluster.status(1).role, "follower");
  });
});
