/** Handing leadership over and changing the configuration: what the caller of a node is told. */

import type { ConfigurationOutcome } from "../../../src/node/configuration_changes.ts";
import { SimCluster } from "../../harness/sim_cluster.ts";
import type { SimNode } from "../../harness/sim_node.ts";
import { assert, describe, it } from "../../harness/test.ts";

function formed(options: ConstructorParameters<typeof SimCluster>[0] = {}) {
  const cluster = new SimCluster(options);
  const leader = cluster.form();
  return { cluster, leader, target: cluster.others(leader)[0]! };
}

/** Asks for the members as they are, but node 1 at another address. */
function change(node: SimNode, withinMs = 5_000): readonly ConfigurationOutcome[] {
  const told: ConfigurationOutcome[] = [];
  const { configuration, position } = node.status().configuration;
  const members = configuration.members.map((member) => ({
    ...member,
    addresses: { rpc: `elsewhere-${member.id}`, http: `http://elsewhere-${member.id}` },
  }));
  const deadlineMs = node.clock.monotonicMs() + withinMs;
  node.formed!.node.changeConfiguration({ members }, position, deadlineMs, (outcome) => {
    told.push(outcome);
  });
  return told;
}

describe("Handing leadership over", () => {
  it("is told with the new leader, once it leads", () => {
    const { cluster, leader, target } = formed();
    const told = leader.transfer(target.id);
    cluster.until(() => told.length > 0, "the outcome", 1_000);
    assert.deepEqual(told, [{ kind: "transferred", to: target.id }]);
    assert.ok(target.leads);
    cluster.run(5_000);
    assert.equal(told.length, 1);
  });

  it("chooses somebody where nobody is named", () => {
    const { cluster, leader } = formed();
    const told = leader.transfer();
    cluster.until(() => told.length > 0, "the outcome", 1_000);
    assert.equal(told[0]?.kind, "transferred");
    assert.ok(cluster.others(leader).includes(cluster.leader()));
  });

  it("to itself is done at once", () => {
    const { cluster, leader } = formed();
    const told = leader.transfer(leader.id);
    cluster.run(10);
    assert.deepEqual(told, [{ kind: "transferred", to: leader.id }]);
    assert.ok(leader.leads);
  });

  it("fails at a node that does not lead, with the leader's id", () => {
    const { cluster, leader, target } = formed();
    const told = target.transfer();
    cluster.run(10);
    assert.deepEqual(told, [{ kind: "failed", reason: "notLeader", leader: leader.id }]);
  });

  it("fails for a target that is no voter, and while another one is under way", () => {
    const { cluster, leader, target } = formed();
    const stranger = leader.transfer(9);
    cluster.run(10);
    target.pause();
    const first = leader.transfer(target.id);
    const second = leader.transfer();
    cluster.run(50);
    assert.deepEqual(stranger, [{ kind: "failed", reason: "noTarget", leader: leader.id }]);
    assert.deepEqual(second, [{ kind: "failed", reason: "inProgress", leader: leader.id }]);
    assert.deepEqual(first, []);
  });

  it("fails after an election timeout when nobody is there, and the leader serves on", () => {
    const { cluster, leader, target } = formed();
    target.kill();
    const told = leader.transfer(target.id);
    cluster.until(() => told.length > 0, "the outcome", 2_000);
    assert.deepEqual(told, [{ kind: "failed", reason: "timeout", leader: leader.id }]);
    assert.ok(leader.leads);
    cluster.write("a", "1");
  });

  it("every write that was accepted before is told as applied", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const { cluster, leader, target } = formed({ seed });
      cluster.run(10 * seed);
      const told = Array.from({ length: 10 }, (_, at) => leader.put(`k${at}`, "v"));
      cluster.run(seed % 4);
      const transfer = leader.transfer(target.id);
      cluster.until(() => transfer.length > 0, "the transfer");
      cluster.run(2_000);
      const kinds = new Set(told.map(([outcome]) => outcome?.kind));
      assert.deepEqual([...kinds], ["applied"], `seed ${seed}`);
    }
  });
});

describe("Handing leadership over while the own disk is slow", () => {
  it("tells every write that was accepted before as applied", () => {
    const { cluster, leader, target } = formed();
    leader.disk.stall(100_000);
    const told = leader.put("a", "1");
    cluster.run(20);
    const transfer = leader.transfer(target.id);
    cluster.until(() => transfer.length > 0, "the transfer");
    cluster.run(200);
    assert.deepEqual(told.map(({ kind }) => kind), ["applied"]);
    assert.ok(target.leads);
  });

  it("does not wait for a disk that hangs", () => {
    const { cluster, leader, target } = formed();
    leader.disk.stall(60_000_000);
    const told = leader.put("a", "1");
    cluster.run(20);
    leader.transfer(target.id);
    cluster.until(() => target.leads, "the target to lead", 1_000);
    assert.deepEqual(told, [{ kind: "unknown", reason: "leadershipLost" }]);
  });
});

describe("What waits in the queue of a node", () => {
  const ask = [
    ["a transfer", (node: SimNode) => node.transfer(undefined, 500)],
    ["a change of members", (node: SimNode) => change(node, 500)],
  ] as const;

  for (const [what, asked] of ask) {
    it(`${what} is told once that its time was up, and does not happen`, () => {
      const { cluster, leader } = formed();
      // With the addresses that the members have told of themselves.
      cluster.run(1_000);
      const before = leader.status().configuration.position;
      const told = asked(leader);
      leader.pause();
      cluster.run(700);
      leader.resume();
      cluster.run(50);
      assert.equal(told.length, 1);
      assert.equal(told[0]?.kind === "transferred", false);
      assert.equal("reason" in told[0]! && told[0].reason, "expiredInQueue");
      leader.formed?.node.close(() => {});
      assert.equal(told.length, 1, "also when the node closes");
      assert.deepEqual(leader.status().configuration.position, before);
    });

    it(`${what} is told once that the door is full`, () => {
      const { cluster, leader } = formed({ config: { "limits.requests_waiting_max": "1" } });
      leader.put("a", "1");
      const told = asked(leader);
      assert.equal("reason" in told[0]! && told[0].reason, "overloaded");
      cluster.run(3_000);
      leader.formed?.node.close(() => {});
      assert.equal(told.length, 1);
    });

    it(`${what} is told once that the node closes, or is closed`, () => {
      const { leader } = formed();
      const waiting = asked(leader);
      leader.formed?.node.close(() => {});
      const late = asked(leader);
      for (const told of [waiting, late]) {
        assert.equal(told.length, 1);
        assert.equal("reason" in told[0]! && told[0].reason, "closing");
      }
    });
  }
});

describe("Changing the configuration", () => {
  it("is told when it is applied", () => {
    const { cluster, leader } = formed();
    const told = change(leader);
    cluster.until(() => told.length > 0, "the outcome", 1_000);
    assert.deepEqual(told, [
      { kind: "applied", position: leader.status().configuration.position },
    ]);
    const { members } = leader.status().configuration.configuration;
    assert.equal(members[0]?.addresses?.rpc, "elsewhere-1");
  });

  it("is refused with proof where another configuration was expected", () => {
    const { cluster, leader } = formed();
    const first = change(leader);
    const second = change(leader);
    cluster.until(() => first.length + second.length > 1, "both", 1_000);
    assert.equal(first[0]?.kind, "applied");
    assert.deepEqual(second, [
      { kind: "notApplied", reason: "changeInProgress", leader: leader.id },
    ]);
  });

  it("is told as applied to whoever asked a leader to remove itself, and so is every write", () => {
    for (const isSlow of [false, true]) {
      const { cluster, leader } = formed();
      if (isSlow) leader.disk.stall(200_000);
      const { configuration, position } = leader.status().configuration;
      const told: ConfigurationOutcome[] = [];
      const members = configuration.members.filter(({ id }) => id !== leader.id);
      leader.formed?.node.changeConfiguration(
        { members },
        position,
        leader.clock.monotonicMs() + 60_000,
        (outcome) => told.push(outcome),
      );
      const write = leader.put("a", "1");
      cluster.until(() => told.length + write.length > 1, "both", 2_000);
      assert.deepEqual([told[0]?.kind, write[0]?.kind], ["applied", "applied"]);
      assert.equal(leader.leads, false);
      assert.ok(cluster.leader() !== leader);
    }
  });

  it("is unknown at the deadline, and when leadership is lost", () => {
    for (const [withinMs, reason] of [[300, "timeout"], [60_000, "leadershipLost"]] as const) {
      const { cluster, leader } = formed();
      cluster.isolate(leader);
      const told = change(leader, withinMs);
      cluster.run(10_000);
      assert.deepEqual(told, [{ kind: "unknown", reason }]);
    }
  });
});
