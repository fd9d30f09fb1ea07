/** Following the cluster through one node: what counts as a change, and when it is told. */

import type { Configuration, Member } from "../../../src/raft/types.ts";
import { ClusterWatches } from "../../../src/service/cluster_watch.ts";
import type { ClusterFrame } from "../../../src/service/contract.ts";
import { FakeClusterService, FakeKvService, watchesOf } from "../../harness/fake_services.ts";
import { failureOf, ServedFakeNode } from "../../harness/served_node.ts";
import { assert, describe, it } from "../../harness/test.ts";

const shown = (frame: ClusterFrame): string =>
  frame.kind === "changed"
    ? `${frame.leadership ? "leadership " : ""}${frame.members ? "members " : ""}` +
      `${
        frame.pending ? "pending " : ""
      }${frame.outline.term} ${frame.outline.leader} ${frame.outline.configuration.index}`
    : frame.kind;

describe("A watch of the cluster", () => {
  it("tells what differs from what was told, once", async () => {
    const cluster = new FakeClusterService();
    const watches = new ClusterWatches(cluster);
    const watch = watches.open(() => {});
    const next = async () => shown(await watch.next({ ms: 0 }));
    assert.equal(await next(), "quiet");
    cluster.setLeader(2);
    assert.equal(await next(), "leadership 3 2 1");
    assert.equal(await next(), "quiet");
    // The same one, in another term.
    cluster.setLeader(2);
    assert.equal(await next(), "leadership 4 2 1");
    cluster.setMembers(cluster.current.members.slice(1));
    cluster.setLeader(3);
    assert.equal(await next(), "leadership members 5 3 13");
    // Somebody else may have been told all that there was.
    assert.equal(shown(await watches.open(() => {}).next({ ms: 0 })), "quiet");
  });

  it("tells what is not committed apart from the members", async () => {
    const cluster = new FakeClusterService();
    const watch = new ClusterWatches(cluster).open(() => {});
    cluster.setPending({ index: 18, joint: true, voters: [1] });
    assert.equal(shown(await watch.next({ ms: 0 })), "pending 2 1 1");
    cluster.setMembers(cluster.current.members);
    assert.equal(shown(await watch.next({ ms: 0 })), "members pending 2 1 13");
    watch.close();
  });

  it("wakes who waits, and who is to end", async () => {
    const cluster = new FakeClusterService();
    let closed = 0;
    const watch = new ClusterWatches(cluster).open(() => closed++);
    const changed = watch.next({ ms: 60_000 });
    cluster.setLeader(2);
    assert.equal(shown(await changed), "leadership 3 2 1");
    const abort = new AbortController();
    const gone = watch.next({ ms: 60_000, signal: abort.signal });
    abort.abort();
    assert.equal(shown(await gone), "quiet");
    const ended = watch.next({ ms: 60_000 });
    watch.close();
    watch.close();
    assert.equal(shown(await ended), "closing");
    assert.equal(closed, 1);
    assert.equal(cluster.listeners, 0);
  });

  it("looks at nothing for nobody, and sees what has changed in between", async () => {
    const cluster = new FakeClusterService();
    const watches = new ClusterWatches(cluster);
    watches.open(() => {}).close();
    assert.equal(cluster.listeners, 0);
    cluster.setLeader(3);
    const watch = watches.open(() => {});
    assert.equal(watch.outline.leader, 3);
    assert.equal(shown(await watch.next({ ms: 0 })), "quiet");
    watch.close();
  });
});

describe("The places of watches", () => {
  it("are those of keys and of the cluster together", async () => {
    const kv = new FakeKvService();
    const watches = watchesOf(kv, 2);
    const options = { timeoutMs: 1_000, requestId: "r-1" };
    const target = { kind: "key", key: Uint8Array.of(1) } as const;
    const { watch } = await watches.watch({ target, prev: false }, options);
    const cluster = watches.watchCluster();
    const full = "too_many_watches, no outcome, retryable";
    assert.equal(await failureOf(watches.watch({ target, prev: false }, options)), full);
    assert.equal(await failureOf(Promise.try(() => watches.watchCluster())), full);
    watch.close();
    assert.equal(watches.size, 1);
    const another = watches.watchCluster();
    watches.close();
    for (const each of [cluster, another]) {
      assert.equal(shown(await each.next({ ms: 60_000 })), "closing");
    }
    assert.equal(watches.size, 0);
    const draining = await failureOf(Promise.try(() => watches.watchCluster()));
    assert.match(draining, /^draining/);
  });
});

describe("The cluster service", () => {
  const member = (id: number, suffrage: Member["suffrage"]): Member => ({
    ...{ id, suffrage, incarnation: `${id}`.padStart(16, "0") },
    addresses: { rpc: `node${id}:1`, http: `http://node${id}` },
  });

  it("outlines the applied configuration, and tells when that is another", () => {
    const served = new ServedFakeNode();
    const { node, cluster } = served;
    let told = 0;
    const stop = cluster.onMembership(() => told++);
    const before = cluster.outline();
    assert.deepEqual(before.members.map(({ id }) => id), [1, 2, 3]);
    node.applied();
    assert.equal(told, 0, "an entry that is no configuration");
    const configuration: Configuration = {
      ...node.current.configuration.configuration,
      members: [member(1, "voter"), member(7, "learner")],
    };
    const position = { term: 1, index: 40 };
    node.current = { ...node.current, configuration: { configuration, position } };
    assert.equal(told, 0);
    node.applied();
    node.applied();
    assert.equal(told, 1);
    const { members, configuration: { index, joint } } = cluster.outline();
    assert.deepEqual(members.map(({ id, suffrage }) => `${id} ${suffrage}`), [
      "1 voter",
      "7 learner",
    ]);
    assert.deepEqual([index, joint], [40, false]);
    assert.equal(members[1]!.http, "http://node7");
    const listening = node.listeners;
    stop();
    assert.equal(node.listeners, listening - 1);
    served.close();
  });

  it("outlines what is not committed, and tells when it comes and when it goes", () => {
    const served = new ServedFakeNode();
    const { node, cluster } = served;
    const { configuration: before } = node.current;
    const told: unknown[] = [];
    const stop = cluster.onMembership(() => told.push(cluster.outline().configuration));
    served.appliedConfiguration = before;
    const configuration = { configuration: before.configuration, position: { term: 2, index: 40 } };
    node.current = { ...node.current, configuration, configurationCommitted: false };
    node.applied();
    node.applied();
    // Another leader has taken it back.
    node.current = { ...node.current, configuration: before, configurationCommitted: true };
    node.applied();
    const committed = { index: before.position.index, joint: false };
    const pending = { index: 40, joint: false, voters: [1, 2, 3] };
    assert.deepEqual(told, [{ ...committed, pending }, committed]);
    stop();
    served.close();
  });

  it("outlines who leads, as this node knows it", () => {
    const served = new ServedFakeNode();
    served.node.lead(3);
    assert.equal(served.cluster.outline().leader, 3);
    assert.equal(served.cluster.outline().term, served.node.current.term);
    served.close();
  });
});
