/** Real processes that join a cluster: on either runtime, killed at any moment, under load. */

import { existsSync, readFileSync, rmSync } from "node:fs";
import { Client } from "../../src/client/client.ts";
import { requestOnce } from "../harness/http_once.ts";
import { type Build, type NodeProcess, steadyLeader, withCluster } from "../harness/processes.ts";
import { runtimeName } from "../harness/runtime.ts";
import { assert, describe, it } from "../harness/test.ts";
import { until } from "../harness/wait.ts";

const other: Build = runtimeName === "bun" ? "deno" : "bun";

interface Member {
  readonly id: number;
  readonly suffrage: string;
}

async function ask(node: NodeProcess, method: string, path: string): Promise<string> {
  const answer = await requestOnce({ method, url: node.url + path, withinMs: 30_000 });
  assert.equal(answer.kind, "answered", JSON.stringify(answer));
  return answer.kind === "answered" ? answer.body : "";
}

/** `1v 2v 4l`, as this node sees it. */
async function members(node: NodeProcess): Promise<string> {
  const seen: { readonly members: readonly Member[] } = JSON.parse(
    await ask(node, "GET", "/v1/cluster"),
  );
  return seen.members.map(({ id, suffrage }) => `${id}${suffrage.slice(0, 1)}`).join(" ");
}

async function untilMembers(node: NodeProcess, wanted: string): Promise<void> {
  const seen = async () => (await members(node)) === wanted;
  await until(seen, { what: `node ${node.id} to see ${wanted}`, everyMs: 50 });
}

async function remove(by: NodeProcess, id: number): Promise<void> {
  const path = `/v1/cluster/members/${id}?timeout=30s`;
  const gone = async () => !(await ask(by, "DELETE", path)).includes('"retryable":true');
  await until(gone, { what: `the removal of node ${id}` });
}

function log(node: NodeProcess): string {
  return existsSync(node.logPath) ? readFileSync(node.logPath, "utf8") : "";
}

/** What a process that joins says of itself, in order. */
const moments = [
  "Listening",
  "The cluster has taken this node in",
  "The cluster is found",
  "This node is a member now",
];

describe(`A node that joins, on ${runtimeName} and ${other}`, { timeout: 300_000 }, () => {
  it("is one member, however often it is killed on its way", async () => {
    const builds = [runtimeName, other];
    await withCluster({ builds, joins: true, config: steadyLeader }, async ({ nodes }) => {
      const [founder, node] = nodes;
      founder!.start();
      await founder!.ready();
      for (const [at, moment] of moments.entries()) {
        const before = log(node!);
        node!.start();
        // Who was killed a little late has come further, and does not say it again.
        const later = moments.slice(at).concat(before.includes(moment) ? ["Leadership"] : []);
        const hasCome = () => later.some((text) => log(node!).slice(before.length).includes(text));
        await until(hasCome, { what: moment, everyMs: 1 });
        await node!.kill();
      }
      node!.start();
      await node!.ready();
      await untilMembers(founder!, "1v 2v");
      await untilMembers(node!, "1v 2v");
    });
  });

  it("takes the cluster to three and five, and back to three, with no failed request", async () => {
    const builds = [runtimeName, other, runtimeName, other, runtimeName];
    await withCluster({ builds, joins: true, config: steadyLeader }, async ({ nodes, urls }) => {
      const [one, two, three, four, five] = nodes;
      one!.start();
      await one!.ready();
      const client = new Client({ endpoints: urls, timeoutMs: 30_000 });
      let isOver = false;
      let count = 0;
      const load = async (name: string): Promise<void> => {
        while (!isOver) {
          const value = String(++count);
          await client.put(name, value);
          const read = await client.get(name);
          assert.equal(new TextDecoder().decode(read?.value), value);
        }
      };
      const loads = Promise.all(["a", "b"].map(load));
      // A failed request fails the test at once, not at its end.
      const meanwhile = (work: Promise<void>): Promise<unknown> => Promise.race([loads, work]);
      await meanwhile(grow(one!, [two!, three!], "1v 2v 3v"));
      await meanwhile(grow(two!, [four!, five!], "1v 2v 3v 4v 5v"));
      await meanwhile((async () => {
        for (const id of [1, 2]) await remove(four!, id);
        await untilMembers(five!, "3v 4v 5v");
      })());
      isOver = true;
      await loads;
      assert.ok(count > 20, `${count} writes`);
      for (const node of [three!, four!, five!]) await node.ready();
      await one!.stop();
      await two!.stop();
      rmSync(one!.dataDir, { recursive: true });
      await client.put("after", "1");
    });
  });
});

async function grow(
  by: NodeProcess,
  joining: readonly NodeProcess[],
  wanted: string,
): Promise<void> {
  for (const node of joining) {
    node.start();
    await node.ready();
  }
  await untilMembers(by, wanted);
}
