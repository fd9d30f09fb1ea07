/** A cluster that grows node by node, and shrinks: with real servers, all in this process. */

import { rmSync } from "node:fs";
import {
  type Flags,
  makeServerCluster,
  type ServedNode,
  type ServerCluster,
} from "../harness/server_cluster.ts";
import { freePorts } from "../harness/ports.ts";
import { after, assert, before, describe, it } from "../harness/test.ts";
import { until } from "../harness/wait.ts";

const alone: Flags = { peers: undefined, "raft.promote_learners": "true" };

let cluster: ServerCluster;

before(async () => {
  cluster = await makeServerCluster(4);
});

after(() => cluster.remove());

/** The id is for the cluster to choose. */
function joining(by: ServedNode, more: Flags = {}): Flags {
  return { ...alone, node_id: undefined, join: by.url, ...more };
}

/** `1v 2v 4l`, as this node sees it. */
async function members(node: ServedNode): Promise<string> {
  const { members } = await node.cluster();
  return members.map(({ id, suffrage }) => `${id}${suffrage.slice(0, 1)}`).join(" ");
}

async function untilMembers(node: ServedNode, wanted: string): Promise<void> {
  const seen = async () => (await members(node)) === wanted;
  // Whoever is to vote must be heard in time for a while, on a busy machine as well.
  await until(seen, { what: `node ${node.id} to see ${wanted}`, withinMs: 120_000 });
}

async function untilReady(node: ServedNode): Promise<void> {
  await until(() => node.isReady(), { what: `node ${node.id} to be ready` });
}

/** Starts the node, which must end by itself; how it says why. */
async function lastWords(node: ServedNode, flags: Flags): Promise<string> {
  await node.start(flags);
  const { code } = await node.server.stopped;
  await node.stop();
  assert.equal(code, 1);
  return node.lines.filter((line) => line.includes("ERROR")).join("\n");
}

async function writeAt(node: ServedNode, value: string): Promise<void> {
  const written = await node.fetch("/v1/kv/a", { method: "PUT", body: value });
  assert.ok(written.status < 300, await written.text());
}

async function problemOf(response: Response): Promise<string> {
  const { code, detail } = await response.json();
  return `${response.status} ${code}: ${detail}`;
}

describe("A node that looks for a cluster", () => {
  it("says what it waits for, has no name yet, and can be stopped", async () => {
    const [absent, node] = cluster.nodes;
    await node!.start(joining(absent!));
    const { status, text } = await node!.readiness();
    assert.deepEqual([status, text.includes(`waiting for ${absent!.url}`)], [503, true], text);
    const read = await node!.fetch("/v1/kv/a?cluster_id=any");
    assert.deepEqual([read.status, read.headers.get("KV-Served-By")], [503, null]);
    assert.match(
      await problemOf(read),
      /not_ready: This node is no member of the cluster yet: wait/,
    );
    await node!.stop();
    rmSync(node!.dataDir, { recursive: true });
  });
});

describe("A cluster", { timeout: 300_000 }, () => {
  it("grows from one node to three, which choose no id and all vote in the end", async () => {
    const [one, two, three] = cluster.nodes;
    await one!.start({ ...alone, cluster_id: "grown" });
    await untilReady(one!);
    await writeAt(one!, "1");
    await two!.start(joining(one!));
    await untilReady(two!);
    await untilMembers(one!, "1v 2v");
    // Any node will do, and one that is not there does no harm.
    const urls = `${cluster.node(4).url},${two!.url}`;
    await three!.start(joining(two!, { join: urls }));
    await untilMembers(three!, "1v 2v 3v");
    for (const node of [one!, two!, three!]) {
      await writeAt(node, `by ${node.id}`);
      const seen = await node.cluster();
      assert.deepEqual([seen.cluster_id, seen.node_id], ["grown", node.id]);
      for (const reader of [one!, two!, three!]) {
        assert.equal(await (await reader.fetch("/v1/kv/a")).text(), `by ${node.id}`);
      }
    }
  });

  it("knows a node again that joined, whatever its command line says", async () => {
    const [one, two] = cluster.nodes;
    await two!.stop();
    await two!.start(joining(cluster.node(4)));
    await untilReady(two!);
    assert.equal((await two!.cluster()).node_id, 2);
    await two!.stop();
    await two!.start({ ...alone, node_id: undefined });
    await untilReady(two!);
    assert.equal(await members(one!), "1v 2v 3v");
  });

  it("refuses who looks for another one, and who comes under a name that is taken", async () => {
    const one = cluster.node(1);
    const stranger = cluster.node(4);
    const elsewhere = await lastWords(stranger, joining(one, { cluster_id: "other" }));
    assert.match(elsewhere, /cluster_id is "other", and http.* belongs to the cluster "grown"/);
    const taken = await lastWords(stranger, joining(one, { node_id: "2" }));
    assert.match(taken, /says: .*2/);
    // What it had asked under stands in its directory.
    const founding = stranger.start({ ...alone });
    await assert.rejects(founding, /has asked a cluster to take it in, and join is not set/);
  });

  it("takes a read-only node in, which stays one", async () => {
    const [one, , , four] = cluster.nodes;
    await four!.start(joining(one!, { join_as: "read_only" }));
    await untilReady(four!);
    await writeAt(four!, "at the read-only one");
    assert.equal(await members(one!), "1v 2v 3v 4r");
    const gone = await one!.fetch("/v1/cluster/members/4?timeout=20s", { method: "DELETE" });
    assert.equal(gone.status, 200, await gone.text());
  });

  it("goes on without a node that was removed, which says so and does not come back", async () => {
    const [one, , , four] = cluster.nodes;
    const isGone = async () => (await four!.readiness()).text.includes("was removed");
    await until(isGone, { what: "the node to learn of it" });
    assert.equal((await four!.readiness()).status, 503);
    const removed = /^503 not_ready: This node serves no more: node 4 was removed from the cluster/;
    assert.match(await problemOf(await four!.fetch("/v1/kv/a")), removed);
    const put = await four!.fetch("/v1/kv/a", { method: "PUT", body: "x" });
    assert.match(await problemOf(put), removed);
    const stale = await four!.fetch("/v1/kv/a?consistency=eventual");
    assert.equal(await stale.text(), "at the read-only one");
    await four!.stop();
    const again = await lastWords(four!, joining(one!));
    assert.match(
      again,
      /the cluster has turned it away: node 4 was removed .* no id is used twice/,
    );
  });

  it("tells a node whose directory was emptied what to do, and takes it as a new one", async () => {
    const [one, two, three] = cluster.nodes;
    await three!.stop();
    rmSync(three!.dataDir, { recursive: true });
    assert.match(await lastWords(three!, joining(one!, { node_id: "3" })), /says: .*3/);
    assert.match(await lastWords(three!, joining(one!)), /says: .*[nN]ode 3/);
    const gone = await two!.fetch("/v1/cluster/members/3?timeout=20s", { method: "DELETE" });
    assert.equal(gone.status, 200, await gone.text());
    await three!.start(joining(two!));
    await untilReady(three!);
    await untilMembers(three!, "1v 2v 5v");
    assert.equal(await (await three!.fetch("/v1/kv/a")).text(), "at the read-only one");
  });

  it("finds a member again that comes back elsewhere, and knows nobody that leads", async () => {
    const [one, two, three, four] = cluster.nodes;
    await three!.stop();
    rmSync(four!.dataDir, { recursive: true });
    await four!.start(joining(one!));
    await untilMembers(one!, "1v 2v 5v 6l");
    const ask = async (target: string, body: unknown) => {
      const headers = { "content-type": "application/json" };
      const init = { method: "POST", headers, body: JSON.stringify(body) };
      const answer = await one!.fetch(`/v1/cluster/${target}?timeout=60s`, init);
      assert.ok(answer.status < 300, await answer.text());
    };
    await ask("members/2/replacement", { rpc: four!.rpcAddress, http: four!.url });
    await two!.stop();
    await ask("leadership", { target: 6 });
    // Its old address stands in the log, and of node 6 its own log says nothing.
    const [port] = await freePorts(1);
    await three!.start({ ...alone, node_id: undefined, rpc_addr: `127.0.0.1:${port}` });
    await untilReady(three!);
    assert.equal((await three!.cluster()).leader?.id, 6);
  });

  it("lets a founder know that lost its directory, and founds it anew", async () => {
    const [one, two, three, four] = cluster.nodes;
    await one!.stop();
    rmSync(one!.dataDir, { recursive: true });
    // Who keeps `join` in its file founds nothing.
    const kept = await lastWords(one!, joining(three!, { cluster_id: "grown", node_id: "1" }));
    assert.match(kept, /Node 1 is a member already, on another data directory/);
    rmSync(one!.dataDir, { recursive: true });
    one!.lines.length = 0;
    await one!.start({ ...alone, cluster_id: "grown" });
    const readiness = async () => (await one!.readiness()).text;
    const doubted = async () => (await readiness()).includes("takes this node for one of its");
    await until(doubted, { what: "the doubt" });
    assert.equal((await one!.readiness()).status, 503);
    await writeAt(one!, "what a stray peer must not stop");
    const [line = ""] = one!.lines.filter((each) => each.includes("ERROR"));
    assert.match(line, /node [56] \(incarnation \w{16}, at .*\) greets node 1 here/);
    const objects = () =>
      [three!, four!].every(({ lines }) =>
        lines.some((each) => /node id 1 belongs to another data directory/.test(each))
      );
    await until(objects, { what: "the lines of the members" });
    assert.equal(two!.isRunning, false);
  });
});
