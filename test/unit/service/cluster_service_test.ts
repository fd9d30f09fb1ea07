/** The cluster as a node sees it, and handing leadership over. */

import type { PeerStatus } from "../../../src/raft/status.ts";
import type { ClusterView } from "../../../src/service/contract.ts";
import { configurationOf } from "../../harness/raft_cluster.ts";
import { failureOf, refusedWith, ServedFakeNode, within } from "../../harness/served_node.ts";
import { assert, describe, it } from "../../harness/test.ts";

const soon = { timeout: 30_000 };

function leading(peers: readonly Partial<PeerStatus>[] = []): ServedFakeNode {
  const served = new ServedFakeNode();
  const peer = {
    mode: "replicating",
    match: 7,
    next: 8,
    heardMs: served.monotonicMs,
    hasAnswered: true,
    wantsSnapshot: false,
  } as const;
  served.node.current = {
    ...served.node.current,
    ...{ term: 4, termStart: 6, commitIndex: 7, applied: 7, stableIndex: 8, lastIndex: 9 },
    peers: [2, 3].map((id, at) => ({ ...peer, ...{ id, applied: 6 }, ...peers[at] })),
  };
  return served;
}

function row(view: ClusterView, id: number): ClusterView["members"][number] {
  const found = view.members.find((member) => member.id === id);
  return found ?? assert.fail(`There is no member ${id}`);
}

describe("The view of the leader", soon, () => {
  it("holds what it knows of itself", () => {
    const view = leading().cluster.view();
    const { clusterId, nodeId, term, role, leader, leaderReady } = view;
    assert.deepEqual([clusterId, nodeId, term, role, leader, leaderReady], [
      ...["c", 1, 4, "leader", 1, true],
    ]);
    const { commitIndex, applied, lastIndex, revision, dataVersion, configuration } = view;
    assert.deepEqual([commitIndex, applied, lastIndex, revision, dataVersion], [7, 7, 9, 10, 4]);
    assert.deepEqual(configuration, { index: 1, joint: false });
    assert.deepEqual({ ...row(view, 1) }, {
      ...{ id: 1, suffrage: "voter", role: "leader", http: "http://n1", rpc: "n1" },
      ...{ clientRpc: undefined, match: 8, applied: 7, lagMs: 0, healthy: true, version: "0.1.0" },
    });
  });

  it("holds how far its peers are, how late, how well, and which program they run", () => {
    const served = leading([{ match: 3 }]);
    const before = served.monotonicMs;
    served.lag.look(served.node.current, before - 500);
    const view = served.cluster.view();
    const tookMs = served.monotonicMs - before;
    const { match, lagMs, healthy, version, role } = row(view, 2);
    assert.deepEqual([match, healthy, version, role], [3, true, "0.1.0", "follower"]);
    assert.ok(lagMs !== undefined && lagMs >= 499 && lagMs <= 501 + tookMs, `${lagMs}`);
    assert.deepEqual([row(view, 3).lagMs, row(view, 3).version], [0, undefined]);
  });

  it("calls a peer unhealthy that was silent for an election timeout", () => {
    const now = new ServedFakeNode().monotonicMs;
    const view = leading([{ heardMs: now - 30_000 }, { heardMs: now - 60_001 }]).cluster.view();
    assert.deepEqual([row(view, 2).healthy, row(view, 3).healthy], [true, false]);
    // It may campaign by now.
    assert.deepEqual([row(view, 2).role, row(view, 3).role], ["follower", undefined]);
  });

  it("does not know of a peer that it has not heard since its election", () => {
    const view = leading([{ match: 0, hasAnswered: false }]).cluster.view();
    assert.deepEqual([row(view, 2).healthy, row(view, 2).role], [undefined, undefined]);
  });

  it("shows members that may be taken back as pending", () => {
    const served = leading();
    const { configuration: before } = served.node.current;
    const configuration = configurationOf({ voters: [1, 2, 3], learners: [4] });
    served.appliedConfiguration = before;
    served.node.current = {
      ...served.node.current,
      configuration: { position: { index: 9, term: 4 }, configuration },
      configurationCommitted: false,
    };
    const shown = () => {
      const view = served.cluster.view();
      return [view.configuration, view.members.length];
    };
    const pending = { index: 9, joint: false, voters: [1, 2, 3] };
    const { index } = before.position;
    assert.deepEqual(shown(), [{ index, joint: false, pending }, 3]);
    served.node.current = { ...served.node.current, configurationCommitted: true };
    assert.deepEqual(shown(), [{ index: 9, joint: false }, 4]);
  });

  it("is not ready before its own first entry is committed", () => {
    const served = leading();
    served.node.current = { ...served.node.current, commitIndex: 5 };
    assert.equal(served.cluster.view().leaderReady, false);
  });

  it("says that the configuration is joint", () => {
    const served = leading();
    const configuration = configurationOf({ voters: [1, 2, 3] });
    served.node.current = {
      ...served.node.current,
      configuration: {
        position: { index: 5, term: 2 },
        configuration: { ...configuration, outgoing: configuration.members },
      },
    };
    assert.deepEqual(served.cluster.view().configuration, { index: 5, joint: true });
  });

  it("is its full view, without asking anybody", async () => {
    const served = leading();
    assert.equal((await served.cluster.fullView(within(60_000))).role, "leader");
    assert.deepEqual(served.forwarded, []);
  });
});

describe("The view of another node", soon, () => {
  it("leaves out what only the leader knows", () => {
    const view = new ServedFakeNode(2).cluster.view();
    assert.deepEqual([view.role, view.leader, view.leaderReady], ["follower", 2, undefined]);
    const rows = view.members.map(({ role, match, lagMs, healthy }) => [
      ...[role, match, lagMs, healthy],
    ]);
    assert.deepEqual(rows, [
      ["follower", undefined, undefined, true],
      ["leader", undefined, undefined, undefined],
      [undefined, undefined, undefined, undefined],
    ]);
    assert.equal(row(view, 1).applied, 7);
  });

  it("shows addresses from before they were written down, else those that are", () => {
    const served = new ServedFakeNode(2);
    const { members, nodeIdMax } = configurationOf({ voters: [1, 2, 3] });
    const written = members.map((member) => ({
      ...member,
      addresses: { rpc: `old${member.id}`, http: `http://old${member.id}` },
    }));
    served.known.delete(3);
    served.node.current = {
      ...served.node.current,
      configuration: {
        position: { index: 1, term: 1 },
        configuration: { members: written, nodeIdMax },
      },
    };
    const view = served.cluster.view();
    assert.deepEqual([row(view, 2).rpc, row(view, 3).rpc], ["n2", "old3"]);
  });

  it("is filled in by the leader, and stays its own where it knows better", async () => {
    const served = new ServedFakeNode(2);
    const seen = leading([{ match: 3 }, { match: 4 }]);
    const view = seen.cluster.view();
    const members = view.members.map((member) => ({
      ...member,
      role: member.id === 2 ? "leader" as const : undefined,
      match: member.id + 10,
    }));
    served.onForward = () => ({
      kind: "answered",
      answer: { kind: "view", view: { ...view, nodeId: 2, leader: 2, members, dataVersion: 5 } },
    });
    served.node.current = { ...served.node.current, applied: 5, commitIndex: 6, lastIndex: 6 };
    const full = await served.cluster.fullView(within(60_000));
    assert.deepEqual(served.forwarded.map(({ request }) => request.body), [{ kind: "view" }]);
    const { nodeId, role, applied, commitIndex, lastIndex, revision, leaderReady } = full;
    assert.deepEqual([nodeId, role, applied, commitIndex, lastIndex, revision, leaderReady], [
      ...[1, "follower", 5, 6, 6, 10, true],
    ]);
    assert.equal(full.dataVersion, 4);
    assert.deepEqual(full.members.map(({ match }) => match), [11, 12, 13]);
    const own = row(full, 1);
    assert.deepEqual([own.role, own.applied, own.version], ["follower", 5, "0.1.0"]);
    assert.equal(row(full, 2).role, "leader");
  });

  for (
    const [what, outcome] of [
      ["cannot be reached", { kind: "notSent", detail: "refused" }],
      ["breaks the connection", { kind: "unknown", detail: "reset" }],
      ["refuses", refusedWith("not_ready", undefined)],
      ["answers something else", {
        kind: "answered",
        answer: { kind: "transferred", leader: 2 },
      }],
    ] as const
  ) {
    it(`is all there is when the leader ${what}`, async () => {
      const served = new ServedFakeNode(2);
      served.onForward = () => outcome;
      const full = await served.cluster.fullView(within(60));
      assert.deepEqual(full, served.cluster.view());
    });
  }

  it("is all there is without a leader, after a second at most", async () => {
    const served = new ServedFakeNode("nobody");
    const before = performance.now();
    const full = await served.cluster.fullView(within(60_000));
    assert.equal(full.leader, undefined);
    assert.ok(performance.now() - before < 30_000, "long before the caller's time is up");
  });
});

describe("Compacting the log on request", soon, () => {
  it("tells how far it reaches, and is refused where it is the only copy", () => {
    const served = leading();
    const { boundary, applied, lastIndex } = served.node.current;
    assert.deepEqual(served.cluster.compactLog(), { boundary, applied, lastIndex });
    served.node.compacts = false;
    assert.throws(() => served.cluster.compactLog(), /the only copy/);
  });
});

describe("Readiness", soon, () => {
  function failing(served: ServedFakeNode): readonly string[] {
    return served.cluster.readiness().filter(({ ok }) => !ok).map(({ name, detail }) =>
      `${name}: ${detail}`
    );
  }

  it("names its checks, in their order", () => {
    const checks = leading().cluster.readiness();
    assert.deepEqual(checks.map(({ name }) => name), [
      ...["formed", "recovered", "replayed", "restored", "disk", "leader"],
    ]);
    assert.ok(checks.every(({ ok }) => ok));
  });

  const rows = [
    [{ recovering: true }, "recovered: the log lost something and is being healed"],
    [{ replayed: false, applied: 3, commitIndex: 7 }, "replayed: applied up to 3 of 7"],
    [
      { hung: "diskHung" },
      "disk: the disk has not finished a write to the log for long: it hangs, or it is full",
    ],
    [
      { hung: "applyHung" },
      "disk: the store has not taken a committed entry for long: its disk hangs, or it is full",
    ],
    [
      { storeIsWhole: false, applied: 3, commitIndex: 7 },
      "replayed: applied up to 3 of 7, the disk is full",
    ],
  ] as const;
  for (const [status, expected] of rows) {
    it(`fails where ${Object.keys(status)[0]} is ${Object.values(status)[0]}`, () => {
      const served = leading();
      served.node.current = { ...served.node.current, ...status };
      assert.equal(failing(served).length, 1);
      assert.ok(failing(served)[0]?.startsWith(expected), failing(served)[0]);
    });
  }

  it("fails without a leader, and follows whoever comes", () => {
    const served = new ServedFakeNode("nobody");
    assert.deepEqual(failing(served), [
      "leader: no leader is known: 2 of 3 voters of configuration 1 must agree",
    ]);
    served.node.lead(3);
    assert.deepEqual(failing(served), []);
    assert.equal(served.cluster.readiness().at(-1)?.detail, "node 3 leads");
  });

  it("says of a change that is not committed who must agree to it", () => {
    const served = new ServedFakeNode("nobody");
    const { members: outgoing } = configurationOf({ voters: [1], learners: [2] });
    const configuration = { ...configurationOf({ voters: [1, 2] }), outgoing };
    const before = { position: { index: 12, term: 1 }, configuration };
    served.appliedConfiguration = {
      ...before,
      configuration: { members: outgoing, nodeIdMax: 2 },
    };
    served.node.current = {
      ...served.node.current,
      configuration: { ...before, position: { index: 18, term: 2 } },
      configurationCommitted: false,
    };
    assert.deepEqual(failing(served), [
      "leader: no leader is known: 2 of 2 voters of configuration 18 and 1 of 1 voters before it " +
      "must agree",
    ]);
    const { configuration: shown, members } = served.cluster.view();
    assert.deepEqual(shown, {
      ...{ index: 12, joint: false },
      pending: { index: 18, joint: true, voters: [1, 2] },
    });
    assert.deepEqual(members.map(({ healthy }) => healthy), [true, undefined]);
  });

  it("fails while a backup is being restored", () => {
    const served = leading();
    served.isRestoring = true;
    assert.deepEqual(failing(served), ["restored: a backup is being restored"]);
  });

  it("tells of every change of leadership until nobody wants to hear it", () => {
    const served = new ServedFakeNode();
    let told = 0;
    const stop = served.cluster.onLeadership(() => told++);
    served.node.lead(2);
    served.node.lead(undefined);
    stop();
    served.node.lead(3);
    assert.equal(told, 2);
  });
});

describe("Handing leadership over", soon, () => {
  it("is asked of the own node where it leads", async () => {
    const served = leading();
    served.node.onTransfer = ({ what, settle }) => settle({ kind: "transferred", to: what ?? 3 });
    assert.deepEqual(await served.cluster.transferLeadership(2, within(60_000)), { leader: 2 });
    assert.deepEqual(await served.cluster.transferLeadership(undefined, within(60_000)), {
      leader: 3,
    });
    assert.deepEqual(served.node.transfers.map(({ what }) => what), [2, undefined]);
  });

  it("is asked of the leader where another one leads", async () => {
    const served = new ServedFakeNode(2);
    served.onForward = () => ({ kind: "answered", answer: { kind: "transferred", leader: 3 } });
    assert.deepEqual(await served.cluster.transferLeadership(3, within(60_000)), { leader: 3 });
    await served.cluster.transferLeadership(undefined, within(60_000));
    assert.deepEqual(served.forwarded.map(({ request }) => request.body), [
      { kind: "transferLeadership", target: 3 },
      { kind: "transferLeadership" },
    ]);
  });

  it("is unknown when the connection to the leader breaks", async () => {
    const served = new ServedFakeNode(2);
    served.onForward = () => ({ kind: "unknown", detail: "reset" });
    const failure = await failureOf(served.cluster.transferLeadership(3, within(60_000)));
    assert.equal(failure, "leader_changed, unknown, final");
  });

  it("that came from another node goes no further", async () => {
    const served = new ServedFakeNode(2);
    served.node.onTransfer = ({ settle }) =>
      settle({ kind: "failed", reason: "notLeader", leader: 2 });
    const failure = await failureOf(served.cluster.transferHere(3, 500));
    assert.equal(failure, "leader_changed, not_applied, retryable");
    assert.deepEqual(served.forwarded, []);
  });

  it("that came from another node is done where this one leads", async () => {
    const served = leading();
    served.node.onTransfer = ({ settle }) => settle({ kind: "transferred", to: 3 });
    assert.deepEqual(await served.cluster.transferHere(3, 500), { leader: 3 });
  });
});
