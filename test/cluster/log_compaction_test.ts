/** Compacting the log of a node on request, over a real socket and with real files. */

import {
  makeServerCluster,
  type ServedNode,
  type ServerCluster,
} from "../harness/server_cluster.ts";
import { after, assert, before, describe, it } from "../harness/test.ts";
import { until } from "../harness/wait.ts";

const retained = 10;
const writes = 100;

let cluster: ServerCluster;

before(async () => {
  cluster = await makeServerCluster();
  const settings = {
    "snapshot.retained_entries_max": String(retained),
    "snapshot.cool_down_ms": "0",
  };
  await Promise.all(cluster.nodes.map((node) => node.start(settings)));
  await cluster.ready();
});

after(() => cluster.remove());

interface LogReach {
  readonly log_begins_behind: number;
  readonly applied: number;
  readonly log_ends_at: number;
}

async function compact(node: ServedNode): Promise<LogReach> {
  const answer = await node.fetch("/v1/snapshots", { method: "POST" });
  assert.equal(answer.status, 202);
  return await answer.json();
}

describe("POST /v1/snapshots", () => {
  it("gives up the log of the node that is asked, but for the tail, and of no other", async () => {
    const leader = await cluster.leader();
    for (let at = 0; at < writes; at++) {
      const answer = await leader.fetch("/v1/kv/a", { method: "PUT", body: String(at) });
      assert.ok(answer.ok, String(answer.status));
    }
    const before = await compact(leader);
    assert.equal(before.log_begins_behind, 0);
    assert.ok(before.log_ends_at > writes, String(before.log_ends_at));
    const [other] = cluster.others(leader);
    assert.ok(other !== undefined);
    let reach = before;
    await until(async () => {
      reach = await compact(leader);
      return reach.log_begins_behind > 0;
    }, { what: "the log to begin later" });
    assert.ok(reach.log_begins_behind <= reach.log_ends_at - retained, JSON.stringify(reach));
    assert.ok(reach.log_begins_behind >= writes - retained, JSON.stringify(reach));
    assert.equal((await compact(other)).log_begins_behind, 0);
    // What was given up stands in the store: also after a start with the log as it is now.
    await leader.stop();
    await leader.start();
    const read = async (): Promise<string> =>
      await (await leader.fetch("/v1/kv/a?consistency=eventual")).text();
    await until(async () => await read() === String(writes - 1), { what: "the value" });
  });
});
