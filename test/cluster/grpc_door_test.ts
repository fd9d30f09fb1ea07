/** Calls that are not let in, or not for long: nothing that clients send may grow without bound. */

import { gzipSync } from "node:zlib";
import { method } from "../../src/grpc/codec.ts";
import { utf8 } from "../../src/lib/bytes.ts";
import { ByteBudget } from "../../src/lib/byte_budget.ts";
import { grpcStatus } from "../../src/service/errors.ts";
import { type GrpcFront, startGrpcFront } from "../harness/grpc_front.ts";
import { type RawCall, RawHttp2Client } from "../harness/raw_http2.ts";
import { afterEach, assert, beforeEach, describe, it } from "../harness/test.ts";
import { pause, standstill, until } from "../harness/wait.ts";

const mebi = 1024 * 1024;
const writeMethod = method("d_engine.client.RaftClientService", "HandleClientWrite");
const readMethod = method("d_engine.client.RaftClientService", "HandleClientRead");
const transferMethod = method("skein.cluster.v1.RaftClusterService", "TransferLeadership");
const checkMethod = method("grpc.health.v1.Health", "Check");
const watchMethod = method("grpc.health.v1.Health", "Watch");
const reflectMethod = method("grpc.reflection.v1.ServerReflection", "ServerReflectionInfo");
const rateLimited = 4004;

let memory: ByteBudget;
let front: GrpcFront;
let raw: RawHttp2Client;

beforeEach(async () => {
  memory = new ByteBudget(4 * mebi);
  front = await startGrpcFront(undefined, { memory, requestsMax: 10 });
  raw = new RawHttp2Client(front.server.rpcAddress);
});

afterEach(async () => {
  raw.cut();
  await front.close();
});

const put = (value: Uint8Array) =>
  writeMethod.request.encode({
    clientId: 1,
    command: { insert: { key: utf8("a"), value, ttlSecs: 0 } },
  });

function refusalOf(call: RawCall): number | undefined {
  return call.message === undefined ? undefined : writeMethod.response.decode(call.message).error;
}

describe("memory for requests", () => {
  it("is counted while a message arrives, and refused in the words of the dialect", async () => {
    const message = put(new Uint8Array(1.2 * mebi));
    const most = message.subarray(0, mebi);
    const slow = [1, 2, 3].map(() => raw.call(writeMethod.path).take().begin(message.length, most));
    await until(() => memory.heldBytes >= 3 * mebi, { what: "three parts" });
    const late = raw.call(writeMethod.path).take().begin(2 * mebi, new Uint8Array(2 * mebi - 1));
    await until(() => late.status, { what: "the refusal" });
    assert.equal(late.status, "0");
    assert.equal(refusalOf(late), rateLimited);
    assert.ok(memory.heldBytes < 3 * mebi + 1024, "the refused call holds nothing");
    for (const call of slow) call.stream.end(message.subarray(mebi));
    await until(() => slow.every((call) => call.status), { what: "the slow ones' answers" });
    assert.deepEqual(slow.map(refusalOf), [0, 0, 0]);
    await until(() => memory.heldBytes === 0, { what: "everything to be given back" });
    assert.equal(front.kv.writes, 3);
  });

  it("is given back when a client cancels, or its connection is cut", async () => {
    const half = new Uint8Array(mebi);
    const cancelled = raw.call(writeMethod.path).begin(2 * mebi, half);
    raw.call(writeMethod.path).begin(2 * mebi, half);
    await until(() => memory.heldBytes >= 2 * mebi, { what: "two halves" });
    cancelled.stream.close(8);
    await until(() => memory.heldBytes < mebi + 1024, { what: "the cancelled half" });
    raw.cut();
    await until(() => memory.heldBytes === 0, { what: "the other half" });
  });

  it("is given back when the time for a message is up", { timeout: 20_000 }, async () => {
    const call = raw.call(writeMethod.path).take().begin(2 * mebi, new Uint8Array(mebi));
    await until(() => memory.heldBytes >= mebi, { what: "the half" });
    await until(() => call.status, { what: "the refusal" });
    assert.equal(refusalOf(call), 1001);
    assert.equal(memory.heldBytes, 0);
    assert.equal(front.kv.writes, 0);
  });

  it("counts what compressed bytes become", async () => {
    const gzip = { "grpc-encoding": "gzip" };
    const bomb = gzipSync(put(new Uint8Array(6 * mebi)));
    assert.ok(bomb.length < 100_000);
    const call = raw.call(writeMethod.path, gzip).take().send(bomb, true);
    await until(() => call.status, { what: "the refusal" });
    assert.equal(refusalOf(call), rateLimited);
    const small = raw.call(writeMethod.path, gzip).take().send(gzipSync(put(utf8("1"))), true);
    small.stream.end();
    await until(() => small.status, { what: "the answer" });
    assert.equal(refusalOf(small), 0);
    const broken = raw.call(writeMethod.path, gzip).take().send(utf8("no gzip"), true);
    await until(() => broken.status, { what: "the refusal" });
    assert.equal(broken.status, String(grpcStatus.invalidArgument));
    await until(() => memory.heldBytes === 0, { what: "everything to be given back" });
  });

  it("is held until the answer has been taken", async () => {
    front.kv.store.apply({
      kind: "put",
      key: utf8("big"),
      value: new Uint8Array(2 * mebi),
      conditions: {},
      prev: false,
    });
    const asked = readMethod.request.encode({ clientId: 1, keys: [utf8("big")] });
    const call = raw.call(readMethod.path).send(asked);
    call.stream.end();
    await until(() => call.trailers[":status"], { what: "the head of the answer" });
    await standstill();
    assert.ok(memory.heldBytes > 0);
    call.take();
    await until(() => call.status, { what: "the answer" });
    await until(() => memory.heldBytes === 0, { what: "everything to be given back" });
  });
});

describe("memory for answers", () => {
  const asked = readMethod.request.encode({ clientId: 1, keys: [utf8("big")] });
  /** A read of 2 MiB; who does not `take` leaves most of the answer to the node. */
  const read = (headers: Readonly<Record<string, string>> = {}) => {
    const call = raw.call(readMethod.path, headers).send(asked);
    call.stream.end();
    return call;
  };
  const answerOf = async (call: RawCall) => {
    await until(() => call.take().status, { what: "the answer" });
    return readMethod.response.decode(call.message ?? new Uint8Array()).error;
  };

  beforeEach(() => {
    const value = new Uint8Array(2 * mebi);
    front.kv.store.apply({ kind: "put", key: utf8("big"), value, conditions: {}, prev: false });
  });

  it("is limited while they are not taken, and writes go on meanwhile", async () => {
    const untaken = read();
    await until(() => untaken.trailers[":status"], { what: "the head of the answer" });
    assert.equal(await answerOf(read()), rateLimited);
    const write = raw.call(writeMethod.path).take().send(put(new Uint8Array(3 * mebi)));
    write.stream.end();
    assert.equal(await answerOf(write), 0);
    assert.equal(await answerOf(untaken), 0);
    await until(async () => await answerOf(read()) === 0, { what: "room again" });
  });

  it("is given back when the client has gone, or does not take its answer in time", async () => {
    const gone = read();
    await until(() => gone.trailers[":status"], { what: "the head of the answer" });
    gone.stream.close(8);
    await until(async () => await answerOf(read()) === 0, { what: "room after it has gone" });
    // On Deno the order of what happens at the deadline is not always the same.
    for (let attempt = 0; attempt < 3; attempt++) {
      const late = read({ "grpc-timeout": "1100m" });
      await until(() => late.trailers[":status"], { what: "the head of the answer" });
      assert.equal(await answerOf(read()), rateLimited);
      await until(async () => await answerOf(read()) === 0, { what: "room after its time" });
      late.take();
      await until(() => late.isClosed, { what: "the end of the call" });
      assert.equal(late.status, undefined, "nothing is kept of what was given back");
    }
    await until(() => memory.heldBytes === 0, { what: "everything to be given back" });
  });
});

describe("the number of calls", () => {
  it("is limited; refusals say that nothing was done, and probes are answered", async () => {
    let release = (): void => {};
    const held = new Promise<void>((resolve) => release = resolve);
    front.kv.before = () => held;
    const waiting = Array.from({ length: 10 }, () => {
      const call = raw.call(writeMethod.path).take().send(put(utf8("1")));
      call.stream.end();
      return call;
    });
    await until(() => front.kv.writes === 10, { what: "ten to wait" });
    const unread = raw.call(writeMethod.path).take();
    await until(() => unread.status, { what: "a refusal before the message" });
    assert.equal(refusalOf(unread), rateLimited);
    const other = raw.call(transferMethod.path).take();
    await until(() => other.status, { what: "a refusal by status" });
    assert.equal(other.status, String(grpcStatus.resourceExhausted));
    assert.match(other.trailers["grpc-message"] ?? "", /10%20calls|10 calls/);
    assert.equal(
      (await front.client.unary(checkMethod, { service: "" })).response.status,
      1,
    );
    release();
    await until(() => waiting.every((call) => call.status), { what: "the answers" });
    const next = raw.call(writeMethod.path).take().send(put(utf8("1")));
    next.stream.end();
    await until(() => next.status, { what: "room again" });
    assert.equal(refusalOf(next), 0);
  });

  it("counts a call that never sends its message", async () => {
    for (let n = 0; n < 10; n++) raw.call(writeMethod.path);
    const refused = await until(() => {
      const call = raw.call(writeMethod.path).take();
      return until(() => call.status !== undefined && call, { what: "a status", withinMs: 300 });
    }, { what: "a refusal" });
    assert.equal(refusalOf(refused), rateLimited);
  });

  it("counts a call whose client has gone, for as long as somebody works at it", async () => {
    let release = (): void => {};
    const held = new Promise<void>((resolve) => release = resolve);
    front.kv.before = () => held;
    for (let n = 1; n <= 10; n++) {
      const call = raw.call(writeMethod.path).send(put(new Uint8Array(1_000)));
      call.stream.end();
      await until(() => front.kv.writes === n, { what: "the write to wait" });
      call.stream.close(8);
    }
    raw.cut();
    raw = new RawHttp2Client(front.server.rpcAddress);
    const refused = raw.call(writeMethod.path).take();
    await until(() => refused.status, { what: "the refusal" });
    assert.equal(refusalOf(refused), rateLimited);
    assert.ok(memory.heldBytes > 10_000);
    release();
    await until(() => memory.heldBytes === 0, { what: "everything to be given back" });
    const next = raw.call(writeMethod.path).take().send(put(utf8("1")));
    next.stream.end();
    await until(() => next.status, { what: "room again" });
    assert.equal(refusalOf(next), 0);
  });

  it("limits streams that stay open", async () => {
    const ask = () =>
      raw.call(watchMethod.path).take().send(watchMethod.request.encode({ service: "" }));
    const open = Array.from({ length: 1_000 }, ask);
    await until(() => open.every((call) => call.message), { what: "every first status" });
    const refused = ask();
    await until(() => refused.status, { what: "the refusal" });
    assert.equal(refused.status, String(grpcStatus.resourceExhausted));
    open[0]!.stream.close(8);
    await until(() => {
      const call = ask();
      return until(() => call.message, { what: "a status", withinMs: 300 });
    }, { what: "room again" });
  });
});

describe("a stream that asks and does not listen", () => {
  it("is ended", async () => {
    const asked = reflectMethod.request.encode({ host: "", listServices: "" });
    const call = raw.call(reflectMethod.path);
    const chatter = setInterval(() => {
      for (let n = 0; n < 100 && !call.stream.destroyed; n++) call.send(asked);
    }, 1);
    try {
      await until(() => call.isClosed || call.status, { what: "the end of the stream" });
    } finally {
      clearInterval(chatter);
    }
  });

  it("is ended, however slowly it asks", async () => {
    const asked = reflectMethod.request.encode({ host: "x".repeat(100_000), listServices: "" });
    const call = raw.call(reflectMethod.path);
    for (let n = 0; n < 50; n++) {
      if (!call.stream.destroyed) call.send(asked);
      await pause(5);
    }
    await until(() => call.take().status, { what: "the end of the stream" });
    assert.equal(call.status, String(grpcStatus.resourceExhausted));
    assert.ok(call.messages.length < 10, `${call.messages.length} answers`);
  });

  it("may not send a message that is no question", async () => {
    const call = raw.call(reflectMethod.path).take().begin(20 * mebi, new Uint8Array(mebi));
    await until(() => call.status, { what: "the refusal" });
    assert.equal(call.status, String(grpcStatus.resourceExhausted));
  });
});
