/** The listener itself: strangers, crowds, addresses, closing. */

import { connect, createServer } from "node:net";
import { method } from "../../src/grpc/codec.ts";
import { serverCredentials } from "../../src/grpc/credentials.ts";
import { startGrpcServer } from "../../src/grpc/server.ts";
import { utf8 } from "../../src/lib/bytes.ts";
import { Prng } from "../../src/lib/prng.ts";
import { grpcStatus } from "../../src/service/errors.ts";
import { statusOf, TestGrpcClient } from "../harness/grpc_client.ts";
import { type GrpcFront, startGrpcFront } from "../harness/grpc_front.ts";
import { after, assert, before, describe, it } from "../harness/test.ts";
import { pause, until } from "../harness/wait.ts";

const writeMethod = method("d_engine.client.RaftClientService", "HandleClientWrite");
const statusMethod = method("skein.cluster.v1.RaftClusterService", "Status");
const watchMethod = method("grpc.health.v1.Health", "Watch");

let front: GrpcFront;

before(async () => {
  front = await startGrpcFront();
});

after(() => front.close());

const put = (key: string) => ({
  clientId: 1,
  command: { insert: { key: utf8(key), value: utf8("1"), ttlSecs: 0 } },
});

describe("the listener", () => {
  it("survives a hundred clients that connect, call and close", async () => {
    for (let wave = 0; wave < 10; wave++) {
      await Promise.all(Array.from({ length: 10 }, async (_, n) => {
        const each = new TestGrpcClient(front.server.rpcAddress);
        for (let i = 0; i < 5; i++) await each.unary(writeMethod, put(`c${n}`));
        const stream = each.stream(watchMethod);
        const first = new Promise((resolve) => stream.on("data", resolve));
        stream.write({ service: "" });
        await first;
        each.close();
        if (n % 2 === 0) stream.cancel();
      }));
    }
    assert.equal((await front.client.unary(statusMethod, { local: true })).response.ready, true);
  });

  it("survives bytes that are no HTTP/2, and connections that say nothing", async () => {
    const [host, port] = front.server.rpcAddress.split(":");
    const prng = new Prng(7);
    for (let n = 0; n < 30; n++) {
      const socket = connect(Number(port), host);
      socket.on("error", () => {});
      const bytes = Uint8Array.from({ length: 1 + prng.below(300) }, () => prng.below(256));
      const preface = n % 3 === 0 ? "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" : "";
      socket.write(Buffer.concat([Buffer.from(preface), bytes]));
      if (n % 2 === 0) socket.end();
      await pause(2);
      socket.destroy();
    }
    assert.equal((await front.client.unary(statusMethod, { local: true })).response.ready, true);
  });

  it("names an address that it cannot have", async () => {
    const busy = createServer();
    await new Promise<void>((resolve) => busy.listen(0, "127.0.0.1", resolve));
    const at = busy.address();
    const port = typeof at === "object" && at !== null ? at.port : 0;
    const attempt = startGrpcServer({
      rpcAddress: `127.0.0.1:${port}`,
      credentials: serverCredentials(undefined, false),
      peerMethods: [],
      clientMethods: [],
      onInternalError: () => {},
    });
    await assert.rejects(attempt, {
      message: `Cannot listen for gRPC on 127.0.0.1:${port}: the address is in use`,
    });
    await new Promise((resolve) => busy.close(resolve));
  });

  it("keeps clients off the address for peers when they have one of their own", async () => {
    const both = await startGrpcFront("127.0.0.1:0");
    assert.notEqual(both.server.rpcAddress, both.server.clientRpcAddress);
    const atPeers = new TestGrpcClient(both.server.rpcAddress);
    const status = await statusOf(atPeers.unary(statusMethod, { local: true }));
    assert.equal(status.code, grpcStatus.unimplemented);
    assert.equal((await both.client.unary(statusMethod, { local: true })).response.ready, true);
    atPeers.close();
    await both.close();
  });

  it("closes although a stream stays open, and is not there any more", async () => {
    const { server, client } = await startGrpcFront();
    const stream = client.stream(watchMethod);
    const first = new Promise((resolve) => stream.on("data", resolve));
    const cut = new Promise((resolve) => stream.on("status", resolve));
    stream.write({ service: "" });
    await first;
    await server.close(100);
    await cut;
    const late = new TestGrpcClient(server.rpcAddress);
    const status = await statusOf(late.unary(statusMethod, { local: true }));
    assert.equal(status.code, grpcStatus.unavailable);
    late.close();
    client.close();
  });

  it("lets calls under way end before it closes", async () => {
    const { kv, server, client } = await startGrpcFront();
    let release = (): void => {};
    kv.before = () => new Promise((resolve) => release = resolve);
    const writing = client.unary(writeMethod, put("late"));
    await until(() => kv.writes > 0, { what: "the write to arrive" });
    const closed = server.close(60_000);
    release();
    assert.equal((await writing).response.error, 0);
    await closed;
    client.close();
  });
});
