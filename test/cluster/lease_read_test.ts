/** Reads under the leader's lease, on a cluster that allows them. */

import {
  makeServerCluster,
  type ServedNode,
  type ServerCluster,
} from "../harness/server_cluster.ts";
import { after, assert, before, describe, it } from "../harness/test.ts";
import { until } from "../harness/wait.ts";

let cluster: ServerCluster;

before(async () => {
  cluster = await makeServerCluster();
  await Promise.all(cluster.nodes.map((node) => node.start({ "raft.lease_reads": "true" })));
  await cluster.ready();
});

after(() => cluster.remove());

describe("A read at level lease", () => {
  it("is served under the lease by the leader, and linearizably by everybody else", async () => {
    const leader = await cluster.leader();
    await leader.fetch("/v1/kv/a", { method: "PUT", body: "1" });
    const level = async (node = leader): Promise<string | null> => {
      const response = await node.fetch("/v1/kv/a?consistency=lease");
      assert.equal(await response.text(), "1");
      assert.equal(response.headers.get("kv-staleness-ms"), null);
      return response.headers.get("kv-consistency");
    };
    await until(async () => await level() === "lease", { what: "a lease" });
    for (const follower of cluster.others(leader)) {
      assert.equal(await level(follower), "linearizable");
    }
  });

  it("needs a quorum that follows: without one it is not answered", async () => {
    const leader = await cluster.leader();
    const followers = cluster.others(leader);
    await Promise.all(followers.map((node) => node.stop()));
    await until(async () => {
      const response = await leader.fetch("/v1/kv/a?consistency=lease&timeout=200ms");
      await response.text();
      return response.status >= 500;
    }, { what: "the lease to be over" });
    await Promise.all(followers.map((node) => node.start({ "raft.lease_reads": "true" })));
    await cluster.ready();
  });

  it("is linearizable while a voter may stand for election sooner", async () => {
    const leader = await cluster.leader();
    const [follower] = cluster.others(leader);
    assert.ok(follower !== undefined);
    await follower.stop();
    await follower.start({
      "raft.election_timeout_min_ms": "2500",
      "raft.election_timeout_max_ms": "4000",
    });
    await cluster.ready();
    const now = await leaderBut(follower);
    for (let round = 0; round < 30; round++) {
      // Each write is a round of the quorum, which would give a lease.
      await now.fetch("/v1/kv/a", { method: "PUT", body: String(round) });
      const response = await now.fetch("/v1/kv/a?consistency=lease");
      assert.equal(await response.text(), String(round));
      assert.equal(response.headers.get("kv-consistency"), "linearizable");
    }
  });
});

/** Leadership is handed over where that node has it. */
async function leaderBut(other: ServedNode): Promise<ServedNode> {
  const leader = await cluster.leader();
  if (leader.id !== other.id) return leader;
  const response = await leader.fetch("/v1/cluster/leadership", {
    method: "POST",
    body: JSON.stringify({ target: cluster.others(leader)[0]?.id }),
    headers: { "Content-Type": "application/json" },
  });
  assert.equal(response.status, 200, await response.text());
  return await cluster.leader();
}
