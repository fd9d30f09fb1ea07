import {
  AwaitedClusterService,
  AwaitedContestService,
  AwaitedKvService,
  AwaitedLeaseHoldService,
  AwaitedRangeStreamService,
  type Outside,
} from "../../../src/service/awaited.ts";
import { contend, Contested } from "../../harness/contested.ts";
import {
  FakeClusterService,
  FakeKvService,
  holdsOf,
  rangesOf,
} from "../../harness/fake_services.ts";
import { get, put } from "../../harness/kv_commands.ts";
import { failureOf, within } from "../../harness/served_node.ts";
import { assert, describe, it } from "../../harness/test.ts";

const waitingFor = "node 2 at n2 (no answer)";
const unformed: Outside = {
  self: () => 3,
  clusterId: () => "c",
  missing: () => ({ what: "The cluster is not formed", waitingFor }),
  removal: () => undefined,
};
const options = { ...within(60_000), level: "eventual" } as const;

describe("AwaitedKvService", () => {
  it("refuses until the cluster is formed, and says what it waits for", async () => {
    const kv = new AwaitedKvService(unformed);
    await assert.rejects(kv.read(get("a"), options), {
      message: "The cluster is not formed yet: waiting for node 2 at n2 (no answer)",
    });
    assert.equal(await failureOf(kv.read(get("a"), options)), "not_ready, no outcome, retryable");
    const failure = await failureOf(kv.write(put("a", "1"), options));
    assert.equal(failure, "not_ready, not_applied, retryable");
    assert.deepEqual(kv.header(), {
      ...{ revision: 0, servedBy: 3, leader: undefined, clusterId: "c" },
    });
  });

  it("passes everything on once it is", async () => {
    const kv = new AwaitedKvService(unformed);
    const inner = new FakeKvService();
    kv.set(inner);
    await kv.write(put("a", "1"), options);
    const { answer } = await kv.read(get("a"), options);
    assert.equal(answer.kind, "records");
    assert.deepEqual([inner.writes, inner.reads], [1, 1]);
    assert.equal(inner.lastRead?.options, options);
    assert.deepEqual(kv.header(), inner.header());
  });
});

describe("What goes on for long", () => {
  it("is refused until the cluster is formed, and passed on once it is", async () => {
    const kv = new FakeKvService();
    const ranges = new AwaitedRangeStreamService(unformed);
    const holds = new AwaitedLeaseHoldService(unformed);
    const all = { start: new Uint8Array(0), reverse: false, keysOnly: false };
    const refused = "not_ready, no outcome, retryable";
    assert.equal(await failureOf(ranges.open(all, options)), refused);
    assert.equal(await failureOf(holds.hold("7", options)), refused);
    ranges.set(rangesOf(kv));
    holds.set(holdsOf(kv));
    const { range } = await ranges.open(all, options);
    assert.equal(range.revision, 1);
    range.close();
    await assert.rejects(holds.hold("7", options), { code: "lease_not_found" });
  });
});

describe("AwaitedContestService", () => {
  it("refuses until the cluster is formed, and passes everything on once it is", async () => {
    const contests = new AwaitedContestService(unformed);
    const asked = contend("l");
    const failure = await failureOf(contests.contend(asked, options));
    assert.equal(failure, "not_ready, not_applied, retryable");
    const unheard = await failureOf(contests.follow(asked.name, options));
    assert.equal(unheard, "not_ready, no outcome, retryable");
    const contested = new Contested();
    contests.set(contested.contests);
    assert.equal((await contests.contend(asked, options)).result.kind, "contest");
    (await contests.follow(asked.name, options)).election.close();
    contested.assertNobodyIsLeft();
  });
});

describe("The services of a node that was removed", () => {
  const removed: Outside = { ...unformed, removal: () => "This node serves no more" };
  const refused = { code: "not_ready", message: "This node serves no more", retryable: true };

  it("show its last state to who asks for no more, and refuse the rest", async () => {
    const kv = new AwaitedKvService(removed);
    const inner = new FakeKvService();
    kv.set(inner);
    await kv.read(get("a"), options);
    for (const level of ["linearizable", "lease"] as const) {
      await assert.rejects(kv.read(get("a"), { ...options, level }), refused);
    }
    await assert.rejects(kv.write(put("a", "1"), options), { ...refused, outcome: "not_applied" });
    assert.deepEqual([inner.reads, inner.writes], [1, 0]);
    const holds = new AwaitedLeaseHoldService(removed);
    holds.set(holdsOf(inner));
    await assert.rejects(holds.hold("7", options), refused);
  });

  it("are not ready, and show the cluster as it was", async () => {
    const cluster = new AwaitedClusterService(removed);
    const inner = new FakeClusterService();
    cluster.set(inner);
    assert.deepEqual(cluster.readiness(), [
      { name: "member", ok: false, detail: "This node serves no more" },
    ]);
    assert.equal(await cluster.fullView(within(60_000)), inner.view());
    await assert.rejects(cluster.transferLeadership(1, within(60_000)), refused);
  });
});

describe("AwaitedClusterService", () => {
  it("shows a node alone, not ready, until the cluster is formed", async () => {
    const cluster = new AwaitedClusterService(unformed);
    const { nodeId, clusterId, members, leader, term } = cluster.view();
    assert.deepEqual([nodeId, clusterId, members, leader, term], [3, "c", [], undefined, 0]);
    assert.deepEqual(await cluster.fullView(within(60_000)), cluster.view());
    assert.deepEqual(cluster.readiness(), [
      { name: "formed", ok: false, detail: "waiting for node 2 at n2 (no answer)" },
    ]);
    const failure = await failureOf(cluster.transferLeadership(2, within(60_000)));
    assert.equal(failure, "not_ready, not_applied, retryable");
  });

  it("passes everything on once it is, leadership also to who listened before", async () => {
    const cluster = new AwaitedClusterService(unformed);
    let told = 0;
    const stop = cluster.onLeadership(() => told++);
    const inner = new FakeClusterService();
    cluster.set(inner);
    inner.setLeader(2);
    assert.equal(told, 1);
    stop();
    inner.setLeader(3);
    assert.equal(told, 1);
    assert.equal(cluster.view(), inner.view());
    assert.equal(await cluster.fullView(within(60_000)), inner.view());
    assert.deepEqual(await cluster.transferLeadership(1, within(60_000)), { leader: 1 });
    assert.equal(cluster.readiness(), inner.readiness());
  });
});
