/** Three nodes: what their streams tell of keys and the cluster, and how they end with a node. */

import { method } from "../../src/grpc/codec.ts";
import { lossyText, utf8 } from "../../src/lib/bytes.ts";
import { grpcStatus } from "../../src/service/errors.ts";
import { FrameReader } from "../harness/frame_reader.ts";
import { TestGrpcClient } from "../harness/grpc_client.ts";
import { GrpcReader } from "../harness/grpc_reader.ts";
import {
  makeServerCluster,
  type ServedNode,
  type ServerCluster,
} from "../harness/server_cluster.ts";
import { after, assert, before, describe, it } from "../harness/test.ts";
import { until } from "../harness/wait.ts";

const service = "d_engine.client.RaftClientService";
const writeMethod = method(service, "HandleClientWrite");
const scanMethod = method(service, "HandleClientScan");
const watchMethod = method(service, "Watch");
const membershipMethod = method(service, "WatchMembership");
const transferMethod = method("skein.cluster.v1.RaftClusterService", "TransferLeadership");

let cluster: ServerCluster;
const clients = new Map<ServedNode, TestGrpcClient>();

before(async () => {
  cluster = await makeServerCluster();
  await cluster.start();
  for (const node of cluster.nodes) clients.set(node, new TestGrpcClient(node.rpcAddress));
});

after(async () => {
  for (const client of clients.values()) client.close();
  await cluster.remove();
});

const clientOf = (node: ServedNode): TestGrpcClient => clients.get(node)!;

const watch = (node: ServedNode) =>
  new GrpcReader(clientOf(node), watchMethod, {
    ...{ clientId: 1, key: utf8("/w/"), prefix: true, prevKv: false },
  });

const membership = (node: ServedNode) =>
  new GrpcReader(clientOf(node), membershipMethod, { clientId: 1 });

async function follow(node: ServedNode): Promise<FrameReader> {
  return new FrameReader(await fetch(`${node.url}/v1/cluster/watch`));
}

describe("Streams of a cluster", { timeout: 240_000 }, () => {
  it("tell at every node of what was written at any, and scans agree with them", async () => {
    const readers = cluster.nodes.map(watch);
    for (const reader of readers) assert.ok((await reader.headers)["kv-revision"] !== undefined);
    for (const [at, node] of [...cluster.nodes, ...cluster.nodes].entries()) {
      const command = { insert: { key: utf8(`/w/${at}`), value: utf8(`${at}`), ttlSecs: 0 } };
      const { response } = await clientOf(node).unary(writeMethod, { clientId: 1, command });
      assert.equal(response.error, 0);
    }
    const told = await Promise.all(readers.map(async (reader) => await reader.take(6)));
    for (const answers of told) {
      assert.deepEqual(answers.map(({ value }) => lossyText(value)), [
        "0",
        "1",
        "2",
        "3",
        "4",
        "5",
      ]);
      assert.deepEqual(answers.map(({ revision }) => revision), told[0]!.map((a) => a.revision));
    }
    for (const node of cluster.nodes) {
      const asked = { clientId: 1, prefix: utf8("/w/") };
      const { response } = await clientOf(node).unary(scanMethod, asked);
      assert.equal(response.entries.map(({ value }) => lossyText(value)).join(""), "012345");
      assert.equal(response.revision, told[0]!.at(-1)!.revision);
    }
    for (const reader of readers) reader.cancel();
  });

  it("tell of the leader and the members, and end with their node", async () => {
    const leader = await cluster.leader();
    const [target] = cluster.others(leader);
    const frames = await Promise.all(cluster.nodes.map(follow));
    for (const reader of frames) {
      const ready = (await reader.next())!;
      assert.equal(ready.event, "ready");
      assert.equal(Object(ready.data["leader"]).id, leader.id);
      const members: readonly { readonly id: number }[] = Object(ready.data["members"]);
      assert.deepEqual(members.map(({ id }) => id), [1, 2, 3]);
    }
    const snapshots = cluster.nodes.map(membership);
    for (const reader of snapshots) assert.deepEqual((await reader.next())!.members, [1, 2, 3]);
    await clientOf(leader).unary(transferMethod, { target: target!.id });
    for (const reader of frames) {
      await until(async () => {
        const frame = await reader.next();
        return frame?.event === "leadership" && Object(frame.data["leader"]).id === target!.id;
      }, { what: "the new leader to be told" });
    }
    const watching = watch(leader);
    await watching.headers;
    const at = cluster.nodes.indexOf(leader);
    await leader.stop();
    assert.equal((await watching.status).code, grpcStatus.unavailable);
    assert.equal((await snapshots[at]!.status).code, grpcStatus.unavailable);
    await until(async () => (await frames[at]!.next())?.event === "closing", { what: "closing" });
    assert.equal(await frames[at]!.next(), undefined);
    for (const reader of frames) await reader.close();
    for (const reader of snapshots) reader.cancel();
  });
});
