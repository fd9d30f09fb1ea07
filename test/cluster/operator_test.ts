/**
 * An operator grows one node to three, puts a fourth in the place of one, and takes the leader out:
 * from the command line, over gRPC and over REST, with nodes that have joined by themselves.
 */

import { method } from "../../src/grpc/codec.ts";
import { runCli } from "../harness/cli.ts";
import { FrameReader } from "../harness/frame_reader.ts";
import { TestGrpcClient } from "../harness/grpc_client.ts";
import {
  makeServerCluster,
  type ServedNode,
  type ServerCluster,
} from "../harness/server_cluster.ts";
import { after, assert, before, describe, it } from "../harness/test.ts";
import { until } from "../harness/wait.ts";

const service = "skein.cluster.v1.RaftClusterService";
/** Nobody is promoted but by the operator. */
const manual = { peers: "[]", "raft.promote_learners": "false" };

/** The machine may be busy. */
const patient = { timeoutMs: 60_000 };

let cluster: ServerCluster;

before(async () => {
  cluster = await makeServerCluster(5);
  await cluster.node(1).start(manual);
  await cluster.ready();
  const written = await cluster.node(1).fetch("/v1/kv/first", { method: "PUT", body: "1" });
  assert.equal(written.status, 201, await written.text());
});

after(() => cluster.remove());

/** What the command prints, which has to go well. */
async function skein(node: ServedNode, words: string): Promise<string> {
  const env = { SKEIN_ENDPOINTS: node.url, SKEIN_TIMEOUT: "120s" };
  const { code, out, errors } = await runCli(words.split(" "), { env });
  assert.deepEqual([code, errors], [0, []], words);
  return out;
}

async function join(id: number, by: ServedNode): Promise<ServedNode> {
  const node = cluster.node(id);
  await node.start({ ...manual, join: JSON.stringify([by.url]) });
  await until(() => node.isReady(), { what: `node ${id} to be ready` });
  return node;
}

/** `1v 2v 4l`, as `node` sees it. */
async function members(node: ServedNode): Promise<string> {
  const { members } = await node.cluster();
  return members.map(({ id, suffrage }) => `${id}${suffrage.slice(0, 1)}`).join(" ");
}

async function read(node: ServedNode): Promise<string> {
  const response = await node.fetch("/v1/kv/first");
  return await response.text();
}

describe("An operator", { timeout: 300_000 }, () => {
  it("promotes nodes that have joined, by the command line, and who watches sees it", async () => {
    const [first] = cluster.nodes;
    const watch = new FrameReader(await fetch(`${first!.url}/v1/cluster/watch?format=ndjson`));
    const seen: string[] = [];
    for (const id of [2, 3]) {
      const node = await join(id, first!);
      // The directory is a member already, whatever it is asked for as.
      const added = await skein(first!, `member add ${node.rpcAddress} ${node.url}`);
      assert.match(added, new RegExp(`^node ${id} is a member already, `));
      const promoted = await skein(node, `member promote ${id}`);
      assert.match(promoted, new RegExp(`^node ${id} is a voter now, configuration c\\d+\\n`));
      assert.match(promoted, new RegExp(`\\n2 of ${id} voters decide, ${id} are healthy\\n`));
      assert.equal(await read(node), "1");
    }
    for (;;) {
      const frame = await watch.next();
      const told = frame?.data["members"];
      if (!Array.isArray(told)) continue;
      const now = told.map(({ id, suffrage }) => `${id}${String(suffrage).slice(0, 1)}`).join(" ");
      if (seen.at(-1) !== now) seen.push(now);
      if (now === "1v 2v 3v") break;
    }
    await watch.close();
    assert.equal(seen[0], "1v");
    assert.ok(seen.includes("1v 2l") && seen.includes("1v 2v 3l"), seen.join(", "));
  });

  it("removes what it has added, over gRPC, through a follower", async () => {
    const leader = await cluster.leader();
    const [follower] = cluster.others(leader);
    const client = new TestGrpcClient(follower!.rpcAddress);
    try {
      const offer = { rpc: "127.0.0.1:1", http: "http://127.0.0.1:2", dryRun: false };
      const absent = { ...offer, incarnation: "00000000000000aa", suffrage: 3 };
      const { response: added } = await client.unary(method(service, "AddNode"), absent, patient);
      const { response } = await client.unary(method(service, "RemoveNode"), {
        ...{ id: added.id, dryRun: false },
      }, patient);
      assert.deepEqual([added.id, response.nodes.length], [4, 3]);
      const promotion = client.unary(
        method(service, "PromoteNode"),
        { id: 4, dryRun: true },
        patient,
      );
      await assert.rejects(promotion, /NOT_FOUND: Node 4 is no member any more/);
    } finally {
      client.close();
    }
  });

  it("puts a node in the place of a dead one, over REST, by its addresses alone", async () => {
    const leader = await cluster.leader();
    const [dead, other] = cluster.others(leader);
    await dead!.stop();
    // Its id is the next one: 4 was used.
    const fresh = cluster.node(4);
    const flags = { ...manual, node_id: "5", join: JSON.stringify([other!.url]) };
    await fresh.start(flags);
    await until(() => fresh.isReady(), { what: "the fresh node to be ready" });
    const replaced = await other!.fetch(
      `/v1/cluster/members/${dead!.id}/replacement?timeout=60s`,
      {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ rpc: fresh.rpcAddress, http: fresh.url }),
      },
    );
    const text = await replaced.text();
    assert.equal(replaced.status, 201, text);
    assert.equal(replaced.headers.get("Location"), "/v1/cluster/members/5");
    const { id, quorum, voters, healthy_voters: healthy } = JSON.parse(text);
    assert.deepEqual([id, quorum, voters, healthy], [5, 2, 3, 3]);
    const ids = [leader.id, other!.id].sort();
    assert.equal(await members(leader), `${ids[0]}v ${ids[1]}v 5v`);
    assert.equal(await read(fresh), "1");
  });

  it("puts a node in the place of one that lives, over gRPC, and has it vote no more", async () => {
    const leader = await cluster.leader();
    const [leaving, staying] = cluster.nodes.filter((node) => node.isRunning && node !== leader);
    const { node_id: old } = await leaving!.cluster();
    const fresh = cluster.node(5);
    await fresh.start({ ...manual, node_id: "6", join: JSON.stringify([staying!.url]) });
    await until(() => fresh.isReady(), { what: "the fresh node to be ready" });
    const client = new TestGrpcClient(staying!.rpcAddress);
    const changeSuffrage = async (suffrage: number, more = {}) => {
      const request = { id: 6, suffrage, dryRun: false, ...more };
      return (await client.unary(method(service, "ChangeSuffrage"), request, patient)).response;
    };
    try {
      const where = { rpc: fresh.rpcAddress, http: fresh.url };
      const offer = { ...where, incarnation: "", suffrage: 0, dryRun: false };
      const replacement = { id: old, replacement: offer };
      const { response: replaced } = await client.unary(
        method(service, "ReplaceNode"),
        replacement,
        patient,
      );
      assert.deepEqual([replaced.id, replaced.quorum, replaced.voters], [6, 2, 3]);
      await leaving!.stop();
      for (const [suffrage, letter] of [[2, "l"], [1, "v"]] as const) {
        const changed = await changeSuffrage(suffrage);
        assert.deepEqual([changed.id, changed.quorum, changed.voters], [6, 2, 4 - suffrage]);
        assert.match(await members(staying!), new RegExp(`^\\dv \\dv 6${letter}$`));
      }
      const stale = changeSuffrage(2, { dryRun: true, expectedConfiguration: 1 });
      await assert.rejects(stale, /FAILED_PRECONDITION: /);
      assert.equal(await read(fresh), "1");
    } finally {
      client.close();
    }
  });

  it("takes the leader out through the leader itself, and what is left serves on", async () => {
    const running = cluster.nodes.filter(({ isRunning }) => isRunning);
    const { leader: before } = await running[0]!.cluster();
    const leader = running.find(({ url }) => url === before?.http)!;
    const out = await skein(leader, `member remove ${before!.id}`);
    assert.match(out, new RegExp(`^node ${before!.id} is no member any more, `));
    assert.match(out, /\n2 of 2 voters decide, 2 are healthy\n/);
    for (const node of running.filter((node) => node !== leader)) {
      const written = await node.fetch("/v1/kv/last", { method: "PUT", body: `${node.id}` });
      assert.ok(written.status < 300, await written.text());
      assert.equal(await read(node), "1");
    }
    await until(async () => !(await leader.isReady()), { what: "the old leader to serve no more" });
  });
});
