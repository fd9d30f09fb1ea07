/** Watches over real sockets: nodes that stop, clients that do not read, many at once. */

import { FrameReader } from "../harness/frame_reader.ts";
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
  await cluster.start();
});

after(() => cluster.remove());

async function put(node: ServedNode, key: string, value: string): Promise<number> {
  const response = await node.fetch(`/v1/kv/${key}`, { method: "PUT", body: value });
  assert.ok(response.ok, String(response.status));
  await response.body?.cancel();
  return Number(response.headers.get("kv-revision"));
}

async function watch(node: ServedNode, query: string): Promise<FrameReader> {
  const response = await fetch(`${node.url}/v1/watch?${query}`);
  assert.equal(response.status, 200);
  return new FrameReader(response);
}

/** The revisions of the next so many changes. */
async function changes(reader: FrameReader, count: number): Promise<readonly number[]> {
  const seen: number[] = [];
  while (seen.length < count) {
    const frame = await reader.next();
    assert.ok(frame !== undefined, `the stream ended behind ${seen.length} changes`);
    if (frame.event === "change") seen.push(Number(frame.id));
  }
  return seen;
}

describe("A watch over a socket", () => {
  it("tells at every node what was written at another", async () => {
    const readers = await Promise.all(cluster.nodes.map((node) => watch(node, "prefix=w/")));
    const written: number[] = [];
    for (const [at, node] of cluster.nodes.entries()) written.push(await put(node, `w/${at}`, "1"));
    for (const reader of readers) {
      assert.deepEqual(await changes(reader, 3), written);
      await reader.close();
    }
  });

  it("goes on at another node, without gap or repetition, when its node stops", async () => {
    const leader = await cluster.leader();
    const [first, second] = cluster.others(leader);
    assert.ok(first !== undefined && second !== undefined);
    const reader = await watch(first, "prefix=moved/");
    const written = [await put(leader, "moved/a", "1"), await put(leader, "moved/a", "2")];
    assert.deepEqual(await changes(reader, 1), written.slice(0, 1));
    const stopped = first.stop();
    const last: string[] = [];
    for (let frame = await reader.next(); frame !== undefined; frame = await reader.next()) {
      last.push(frame.event);
    }
    assert.equal(last.at(-1), "closing");
    await stopped;
    written.push(await put(leader, "moved/b", "3"));
    const seen = last.filter((event) => event === "change").length + 1;
    const other = await watch(second, `prefix=moved/&after=${written[seen - 1]}`);
    assert.deepEqual(await changes(other, written.length - seen), written.slice(seen));
    await other.close();
    await cluster.start();
  });

  it("that nobody reads costs its place alone, and tells everything afterwards", async () => {
    const leader = await cluster.leader();
    const response = await fetch(`${leader.url}/v1/watch?prefix=big/`);
    const value = "x".repeat(256 * 1024);
    const written: number[] = [];
    for (let count = 0; count < 64; count++) written.push(await put(leader, "big/a", value));
    const reader = new FrameReader(response);
    assert.deepEqual(await changes(reader, written.length), written);
    await reader.close();
  });

  it("gives its place back when its client goes", async () => {
    const leader = await cluster.leader();
    await leader.stop();
    await leader.start({ "limits.watches_max": "3" });
    await cluster.ready();
    const readers = [];
    for (let count = 0; count < 3; count++) readers.push(await watch(leader, "key=gone"));
    const refused = await leader.fetch("/v1/watch?key=gone");
    assert.equal(refused.status, 429);
    assert.match(await refused.text(), /"code":"too_many_watches"/);
    await readers[0]!.close();
    await until(async () => {
      const response = await fetch(`${leader.url}/v1/watch?key=gone`);
      await response.body?.cancel();
      return response.status === 200;
    }, { what: "the place to be free" });
    await Promise.all(readers.map((reader) => reader.close()));
  });
});
