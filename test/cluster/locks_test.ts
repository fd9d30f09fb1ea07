/** Locks and elections on three real nodes: whoever waits at which of them. */

import { connect } from "node:net";
import {
  makeServerCluster,
  type ServedNode,
  type ServerCluster,
} from "../harness/server_cluster.ts";
import { after, assert, before, describe, it } from "../harness/test.ts";
import { until } from "../harness/wait.ts";

const soon = { timeout: 180_000 };

let cluster: ServerCluster;

before(async () => {
  cluster = await makeServerCluster();
  await cluster.start();
});

after(() => cluster.remove());

interface Told {
  readonly status: number;
  readonly json: Readonly<Record<string, unknown>>;
}

async function ask(node: ServedNode, line: string, body?: unknown): Promise<Told> {
  const [method = "", path = ""] = line.split(" ");
  const headers = body === undefined ? {} : { "Content-Type": "application/json" };
  const text = body === undefined ? {} : { body: JSON.stringify(body) };
  const response = await node.fetch(path, { method, headers, ...text });
  return { status: response.status, json: await response.json() };
}

async function waiting(name: string): Promise<unknown> {
  return (await ask(cluster.node(1), `GET /v1/locks/${name}`)).json["waiting"];
}

const ttl = { ttl: "60s" };

describe("Those who wait for a lock at different nodes", soon, () => {
  it("get it in turn, with rising tokens", async () => {
    const held = await ask(cluster.node(1), "POST /v1/locks/turn", ttl);
    let token = Number(held.json["token"]);
    const waits = [];
    for (const node of cluster.nodes) {
      const before = waits.length;
      waits.push(ask(node, "POST /v1/locks/turn?wait=60s", ttl));
      await until(async () => await waiting("turn") === before + 1, { what: "it to wait" });
    }
    for (const wait of waits) {
      assert.equal(
        (await ask(cluster.node(2), `DELETE /v1/locks/turn?token=${token}`)).status,
        200,
      );
      const { status, json } = await wait;
      assert.equal(status, 200, JSON.stringify(json));
      assert.ok(Number(json["token"]) > token, `${json["token"]} after ${token}`);
      token = Number(json["token"]);
    }
  });

  it("get it when the lease of the holder is over", async () => {
    await ask(cluster.node(1), "POST /v1/locks/late", { ttl: "1s" });
    const { status } = await ask(cluster.node(3), "POST /v1/locks/late?wait=60s", ttl);
    assert.equal(status, 200);
  });

  it("keep their places for longer than their own leases would live", async () => {
    const held = await ask(cluster.node(1), "POST /v1/locks/long", { ttl: "4s" });
    const { status, json } = await ask(
      cluster.node(2),
      "POST /v1/locks/long?wait=60s",
      { ttl: "1s" },
    );
    assert.equal(status, 200, JSON.stringify(json));
    assert.ok(Number(json["token"]) > Number(held.json["token"]));
  });

  it("leave the line when they hang up", async () => {
    await ask(cluster.node(1), "POST /v1/locks/gone", ttl);
    const { hostname, port, host } = new URL(cluster.node(2).url);
    const socket = connect(Number(port), hostname);
    socket.on("error", () => {});
    const body = JSON.stringify(ttl);
    socket.write(
      `POST /v1/locks/gone?wait=60s HTTP/1.1\r\nHost: ${host}\r\n` +
        `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    await until(async () => await waiting("gone") === 1, { what: "it to wait" });
    socket.destroy();
    await until(async () => await waiting("gone") === 0, { what: "it to have left" });
  });

  it("are told when their node shuts down, and have left the line", async () => {
    await ask(cluster.node(1), "POST /v1/locks/down", ttl);
    const leader = await cluster.leader();
    const node = cluster.others(leader, cluster.node(1))[0]!;
    const wait = ask(node, "POST /v1/locks/down?wait=60s", ttl);
    await until(async () => await waiting("down") === 1, { what: "it to wait" });
    await node.stop();
    const { status, json } = await wait;
    assert.equal(`${status} ${json["code"]}`, "503 draining");
    assert.equal(await waiting("down"), 0);
    await node.start();
    await cluster.ready();
  });
});
