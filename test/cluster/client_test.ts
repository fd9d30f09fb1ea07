/** The client against three real nodes, of which one goes in the middle of something. */

import { Client } from "../../src/client/client.ts";
import { makeServerCluster, type ServerCluster } from "../harness/server_cluster.ts";
import { after, assert, before, describe, it } from "../harness/test.ts";

let cluster: ServerCluster;

before(async () => {
  cluster = await makeServerCluster();
  await cluster.start();
});

after(() => cluster.remove());

function clientOf(): Client {
  return new Client({ endpoints: cluster.nodes.map(({ url }) => url), timeoutMs: 60_000 });
}

describe("The client", () => {
  it("watches and counts on, each change once, though one node after the other goes", async () => {
    const client = clientOf();
    const reasons: string[] = [];
    const watch = clientOf().watch({
      key: "n",
      fromRevision: 2,
      onInterrupted: (reason) => void reasons.push(reason),
    });
    await watch.opened();
    const told: number[] = [];
    const follow = async (upTo: number): Promise<void> => {
      while (told.length < upTo) {
        const { value } = await watch.next();
        assert.equal(value?.events.length, 1);
        const [event] = value!.events;
        assert.ok(event?.kind === "put");
        told.push(Number(new TextDecoder().decode(event.record.value)));
      }
    };
    const sums: bigint[] = [];
    const count = async (times: number): Promise<void> => {
      for (let i = 0; i < times; i++) sums.push((await client.add("n")).value);
    };
    for (const node of cluster.nodes) {
      const counting = count(20);
      await node.stop();
      await counting;
      await follow(sums.length);
      await node.start();
      await cluster.ready();
    }
    watch.close();
    const expected = Array.from({ length: 60 }, (_, at) => at + 1);
    assert.deepEqual(sums, expected.map(BigInt));
    assert.deepEqual(told, expected);
    assert.ok(reasons.length > 0, "the watch had to go on elsewhere");
  });
});
