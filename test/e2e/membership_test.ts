/**
 * Real processes whose members change while the leader is killed: a change that was asked for
 * comes to pass once, whoever made it, and no write is lost over it.
 */

import { Client } from "../../src/client/client.ts";
import { AnswerError, UnreachableError } from "../../src/client/errors.ts";
import { Load } from "../harness/load.ts";
import { type NodeProcess, type ProcessCluster, withCluster } from "../harness/processes.ts";
import { runtimeName } from "../harness/runtime.ts";
import { assert, describe, it } from "../harness/test.ts";
import { assertLinearizable } from "../harness/verdict.ts";
import { until } from "../harness/wait.ts";

const other = runtimeName === "bun" ? "deno" : "bun";
const rounds = 2;
/** Nobody listens there, so that nobody is ever promoted. */
const absent = (round: number) => ({
  rpc: `127.0.0.1:${round + 1}`,
  http: `http://127.0.0.1:${round + 1}`,
  incarnation: round.toString(16).padStart(16, "0"),
});

function clientOf(nodes: readonly NodeProcess[]): Client {
  return new Client({ endpoints: nodes.map(({ url }) => url), timeoutMs: 120_000 });
}

/** Does so while the leader is killed, which is there again afterwards. */
async function whileKilled<T>(
  cluster: ProcessCluster,
  change: (client: Client) => Promise<T>,
): Promise<T> {
  const leader = await cluster.leader();
  // Through the others, who find out what the lost leader has done.
  const changing = change(clientOf(cluster.nodes.filter((node) => node !== leader)));
  const [changed] = await Promise.allSettled([changing, leader.kill()]);
  leader.start();
  await leader.ready();
  if (changed.status === "rejected") throw changed.reason;
  return changed.value;
}

describe("Members that change while the leader is killed", () => {
  it("come and go once, and no write is lost", { timeout: 600_000 }, async () => {
    const builds = [runtimeName, other, runtimeName] as const;
    await withCluster({ builds }, async (cluster) => {
      await cluster.start();
      const load = new Load({
        ...{ urls: () => cluster.urls, clients: 3, keys: 5, seed: 1, pauseMs: 20 },
      });
      try {
        let highest = 3;
        for (let round = 1; round <= rounds; round++) {
          const offer = absent(round);
          const { id, members } = await whileKilled(
            cluster,
            (client) => client.members.add(offer),
          );
          assert.equal(id, highest + 1, "each id is the next one");
          highest = id;
          const named = members.filter(({ rpc }) => rpc === offer.rpc).map((member) => member.id);
          assert.deepEqual(named, [id], "the directory is one member");
          await whileKilled(cluster, (client) => removed(client, id));
          await everywhere(cluster, "1v 2v 3v");
        }
      } finally {
        await load.stop();
      }
      await load.readBack();
      assertLinearizable(load.history.calls(), `${cluster.folder}/history`);
    });
  });
});

/** Where the asked node is lost, nobody may know whether it was the own removal: it is gone. */
async function removed(client: Client, id: number): Promise<void> {
  try {
    const { members } = await client.members.remove(id);
    assert.ok(members.every((member) => member.id !== id));
  } catch (error) {
    const isKnown = error instanceof AnswerError || error instanceof UnreachableError;
    assert.ok(isKnown && error.outcome === "unknown", String(error));
  }
}

/** Waits until each node sees these members. */
async function everywhere(cluster: ProcessCluster, wanted: string): Promise<void> {
  for (const node of cluster.nodes) {
    const seen = async () => {
      const { members } = await clientOf([node]).members.list();
      return members.map(({ id, suffrage }) => `${id}${suffrage[0]}`).join(" ") === wanted;
    };
    await until(seen, { what: `node ${node.id} to see ${wanted}` });
  }
}
