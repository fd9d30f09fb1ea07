/** The generator's two connections against real servers: hand-made bytes must be the protocol's. */

import { createServer as createHttpServer } from "node:http";
import { createServer, type Server } from "node:net";
import { grpcStatus } from "../../../../src/service/errors.ts";
import { CallError, offerUnary } from "../../../../src/grpc/call.ts";
import { method } from "../../../../src/grpc/codec.ts";
import { serverCredentials } from "../../../../src/grpc/credentials.ts";
import { type GrpcServer, startGrpcServer } from "../../../../src/grpc/server.ts";
import { utf8 } from "../../../../src/lib/bytes.ts";
import { grpcMessage, grpcPath, isGoodAnswer } from "../../../../scripts/bench/calls.ts";
import type { Connection, Failure } from "../../../../scripts/bench/connection.ts";
import { connectGrpc } from "../../../../scripts/bench/grpc_connection.ts";
import { connectRest } from "../../../../scripts/bench/rest_connection.ts";
import { after, assert, before, describe, it } from "../../../harness/test.ts";

const order = { system: "skein", operation: "linearizableRead", valueBytes: 256 } as const;

/** Collects answers, and lets a test wait for the next. */
class Answers {
  readonly #waiting: ((answer: readonly [number, Failure]) => void)[] = [];
  readonly #arrived: (readonly [number, Failure])[] = [];

  answered(client: number, failure: Failure): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#arrived.push([client, failure]);
    else waiting([client, failure]);
  }

  next(): Promise<readonly [number, Failure]> {
    const arrived = this.#arrived.shift();
    if (arrived !== undefined) return Promise.resolve(arrived);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

function portOf(server: Server): number {
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  return address.port;
}

describe("connectGrpc", () => {
  const paths: (string | undefined)[] = [];
  let server: GrpcServer;

  before(async () => {
    const facts = method("d_engine.client.RaftClientService", "HandleClientRead");
    server = await startGrpcServer({
      rpcAddress: "127.0.0.1:0",
      credentials: serverCredentials(undefined, false),
      peerMethods: [],
      clientMethods: [offerUnary(facts, ({ keys }, call) => {
        paths.push(call.header("te") ?? call.header("content-type"));
        const [key] = keys;
        const name = new TextDecoder().decode(key);
        if (name === "refused!") throw new CallError(grpcStatus.unavailable, "no");
        const results = name === "absent!!" ? [] : [{ key: key!, value: new Uint8Array(256) }];
        return Promise.resolve({ message: { error: 0, readData: { results } } });
      })],
      onInternalError: (_, error) => assert.fail(String(error)),
    });
  });
  after(() => server.close(0));

  async function open(answers: Answers): Promise<Connection> {
    const keys = ["00000001", "refused!", "absent!!"];
    return await connectGrpc({
      target: { host: "127.0.0.1", port: Number(server.rpcAddress.split(":").at(-1)) },
      path: grpcPath("skein", order.operation),
      messages: keys.map((key) =>
        grpcMessage("skein", order.operation, { key: utf8(key), value: utf8("") })
      ),
      isGood: (answer) => isGoodAnswer({ ...order, surface: "grpc" }, answer),
    }, answers);
  }

  it("calls again and again, many at once", async () => {
    const answers = new Answers();
    const connection = await open(answers);
    for (let turn = 0; turn < 3; turn++) {
      for (let client = 0; client < 20; client++) connection.send(client, 0);
      connection.flush();
      const got = new Set<number>();
      for (let client = 0; client < 20; client++) {
        const [answered, failure] = await answers.next();
        assert.equal(failure, undefined);
        got.add(answered);
      }
      assert.equal(got.size, 20);
    }
    connection.close();
    assert.equal(paths.length, 60);
  });

  it("goes on beyond the first flow-control window of either side", async () => {
    const answers = new Answers();
    const connection = await open(answers);
    // 65,535 bytes are 250 answers, or some 3,000 of these requests.
    for (let sent = 0; sent < 4_000; sent += 100) {
      for (let client = 0; client < 100; client++) connection.send(client, 0);
      connection.flush();
      for (let client = 0; client < 100; client++) {
        assert.equal((await answers.next())[1], undefined);
      }
    }
    connection.close();
  });

  it("tells a refused call and an answer without the value from a good one", async () => {
    const answers = new Answers();
    const connection = await open(answers);
    connection.send(7, 1);
    connection.flush();
    assert.deepEqual(await answers.next(), [7, "The call ended without a message"]);
    connection.send(8, 2);
    connection.flush();
    assert.deepEqual(await answers.next(), [8, "The message tells of an error"]);
    connection.send(9, 0);
    connection.flush();
    assert.deepEqual(await answers.next(), [9, undefined]);
    connection.close();
  });
});

describe("connectRest", () => {
  const isGood = (body: Uint8Array): boolean => isGoodAnswer({ ...order, surface: "rest" }, body);

  it("calls again on the same connection, and tells failures", async () => {
    const sockets = new Set<unknown>();
    const server = createHttpServer((request, response) => {
      sockets.add(request.socket);
      const found = request.url === "/found";
      response.writeHead(found ? 200 : 404).end(found ? "v".repeat(256) : "nothing there");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const requests = ["/found", "/lost"].map((path) =>
      utf8(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
    );
    const target = { host: "127.0.0.1", port: portOf(server) };
    const answers = new Answers();
    const connection = await connectRest({ target, requests, isGood }, answers);
    const got: (readonly [number, Failure])[] = [];
    for (const call of [0, 1, 0]) {
      connection.send(0, call);
      got.push(await answers.next());
    }
    connection.close();
    server.close();
    assert.deepEqual(got, [[0, undefined], [0, "status 404: nothing there"], [0, undefined]]);
    assert.equal(sockets.size, 1);
  });

  it("fails the call under way when the server goes, and every later one", async () => {
    const server = createServer((socket) => void socket.on("data", () => socket.destroy()));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const target = { host: "127.0.0.1", port: portOf(server) };
    const answers = new Answers();
    const requests = [utf8("GET / HTTP/1.1\r\n\r\n")];
    const connection = await connectRest({ target, requests, isGood }, answers);
    connection.send(0, 0);
    assert.notEqual((await answers.next())[1], undefined);
    connection.send(0, 0);
    assert.notEqual((await answers.next())[1], undefined);
    server.close();
  });
});
