/** Clients that close their connections: their places are free for others at once. */

import { connect, type Socket } from "node:net";
import { method } from "../../src/grpc/codec.ts";
import { utf8 } from "../../src/lib/bytes.ts";
import { RawHttp2Client } from "../harness/raw_http2.ts";
import {
  makeServerCluster,
  type ServedNode,
  type ServerCluster,
} from "../harness/server_cluster.ts";
import { after, before, describe, it } from "../harness/test.ts";
import { until } from "../harness/wait.ts";

const readMethod = method("d_engine.client.RaftClientService", "HandleClientRead");
const rateLimited = 4004;
const placesMax = 4;
const soon = { timeout: 120_000 };

let cluster: ServerCluster;
let node: ServedNode;

before(async () => {
  cluster = await makeServerCluster(1);
  node = cluster.node(1);
  await node.start({ "limits.requests_waiting_max": String(placesMax) });
  await cluster.ready();
});

after(() => cluster.remove());

/** Sends a request, and leaves the connection open. */
function ask(target: string): Promise<Socket> {
  const { hostname, port, host } = new URL(node.url);
  const socket = connect(Number(port), hostname);
  socket.on("error", () => {});
  const request = `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
  return new Promise((resolve) => socket.write(request, () => resolve(socket)));
}

const read = async (): Promise<number> => (await node.fetch("/v1/kv/a")).status;

describe("Readers that wait for what never comes", soon, () => {
  const targets = {
    "a revision": "/v1/kv/a?min_revision=99999999&timeout=60s",
    "a revision, at level eventual":
      "/v1/kv/a?min_revision=99999999&consistency=eventual&timeout=60s",
    "a view of the future": "/v1/kv/a?revision=99999999&timeout=60s",
    "a page of the future": "/v1/kv?revision=99999999&timeout=60s",
  };
  for (const [name, target] of Object.entries(targets)) {
    it(`${name}: hold all places, and none when they have gone`, async () => {
      const sockets = await Promise.all(Array.from({ length: placesMax }, () => ask(target)));
      await until(async () => await read() === 429, { what: "all places to be taken" });
      for (const socket of sockets) socket.destroy();
      // Far sooner than their own time is up.
      await until(async () => await read() === 404, { what: "a free place", withinMs: 30_000 });
    });
  }

  it("can cancel their calls as well", async () => {
    const client = new RawHttp2Client(node.rpcAddress);
    const ask = (headers: Readonly<Record<string, string>> = {}) => {
      const message = readMethod.request.encode({ clientId: 1, keys: [utf8("a")] });
      const call = client.call(readMethod.path, headers).take().send(message);
      call.stream.end();
      return call;
    };
    const read = async (): Promise<number> => {
      const call = ask();
      const message = await until(() => call.message, { what: "an answer" });
      return readMethod.response.decode(message).error;
    };
    const calls = Array.from({ length: placesMax }, () => ask({ "min-revision": "99999999" }));
    await until(async () => await read() === rateLimited, { what: "all places to be taken" });
    for (const call of calls) call.stream.close(8);
    await until(async () => await read() === 0, { what: "a free place" });
    client.cut();
  });
});
