/** Watch, met over a socket: what is told, in which order, and how a watch ends. */

import { compressionAlgorithms, type StatusObject } from "@grpc/grpc-js";
import { codec, method, type Wire } from "../../../src/grpc/codec.ts";
import { lossyText, utf8 } from "../../../src/lib/bytes.ts";
import { grpcStatus } from "../../../src/service/errors.ts";
import { TestGrpcClient } from "../../harness/grpc_client.ts";
import { type GrpcFront, type GrpcFrontLimits, startGrpcFront } from "../../harness/grpc_front.ts";
import { GrpcReader } from "../../harness/grpc_reader.ts";
import { del, put } from "../../harness/kv_commands.ts";
import { afterEach, assert, describe, it } from "../../harness/test.ts";
import { until } from "../../harness/wait.ts";

const service = "d_engine.client.RaftClientService";
const watchMethod = method(service, "Watch");
const writeMethod = method(service, "HandleClientWrite");
const scanMethod = method(service, "HandleClientScan");
type WatchRequest = Wire["d_engine.client.WatchRequest"];
type WatchResponse = Wire["d_engine.client.WatchResponse"];

let front: GrpcFront;

async function start(limits: GrpcFrontLimits = {}): Promise<void> {
  front = await startGrpcFront(undefined, limits);
}

afterEach(async () => {
  await front.close();
  assert.equal(front.watches.size, 0, "whoever has gone holds nothing");
  assert.deepEqual(front.internalErrors, []);
});

function watch(
  asked: Partial<Omit<WatchRequest, "key">> & { readonly key?: string } = {},
  options: ConstructorParameters<typeof GrpcReader>[3] = {},
): GrpcReader<WatchRequest, WatchResponse> {
  const { key = "", ...more } = asked;
  const request = { clientId: 1, prefix: true, prevKv: false, ...more, key: utf8(key) };
  return new GrpcReader(front.client, watchMethod, request, options);
}

/** Open from here on. */
async function opened(
  ...given: Parameters<typeof watch>
): Promise<GrpcReader<WatchRequest, WatchResponse>> {
  const reader = watch(...given);
  assert.ok((await reader.headers)["x-request-id"] !== undefined, "the watch is open");
  return reader;
}

const names = ["put", "delete", "canceled", "progress"];

function shown(answer: WatchResponse | undefined): string {
  if (answer === undefined) return "end";
  const { revision, eventType, key, value, error, prevValue } = answer;
  const before = prevValue.length === 0 ? "" : ` was ${lossyText(prevValue)}`;
  const code = error === 0 ? "" : ` error ${error}`;
  return `${revision} ${names[eventType]} ${lossyText(key)}=${lossyText(value)}${before}${code}`;
}

const told = async (reader: GrpcReader<WatchRequest, WatchResponse>, count: number) =>
  (await reader.take(count)).map(shown);

function reasonOf({ metadata }: StatusObject): string {
  const [bytes] = metadata.get("grpc-status-details-bin");
  assert.ok(bytes instanceof Uint8Array);
  const { details } = codec("google.rpc.Status").decode(bytes);
  return codec("google.rpc.ErrorInfo").decode(details[0]!.value).reason;
}

describe("Watch", () => {
  it("says at once that it is open, and tells what happens from then on", async () => {
    await start();
    front.kv.store.apply(put("a", "0"));
    const reader = watch({}, { metadata: { "x-request-id": "w-1" } });
    const headers = await reader.headers;
    assert.equal(headers["x-request-id"], "w-1");
    assert.equal(headers["kv-revision"], "2");
    front.kv.store.apply(put("a", "1"));
    front.kv.store.apply(del("a"));
    front.kv.store.apply(put("b", ""));
    assert.deepEqual(await told(reader, 3), ["3 put a=1", "4 delete a=", "5 put b="]);
    reader.cancel();
  });

  it("of a key or a prefix tells of nothing else", async () => {
    await start();
    const asked = [
      { key: "b", prefix: false },
      { key: "b" },
      { key: "" },
      { key: "b", prefix: false, prevKv: true },
    ];
    const readers = await Promise.all(asked.map((each) => opened(each)));
    for (const [at, key] of ["a", "b", "ba", "b", "c"].entries()) {
      front.kv.store.apply(put(key, `${at + 1}`));
    }
    const all = [
      ["3 put b=2", "5 put b=4"],
      ["3 put b=2", "4 put ba=3", "5 put b=4"],
      ["2 put a=1", "3 put b=2", "4 put ba=3", "5 put b=4", "6 put c=5"],
      ["3 put b=2", "5 put b=4 was 2"],
    ];
    for (const [at, reader] of readers.entries()) {
      assert.deepEqual(await told(reader, all[at]!.length), all[at]!);
      reader.cancel();
    }
  });

  it("tells every change once and in order, whatever comes between", async () => {
    await start();
    const count = 500;
    for (let n = 0; n < count; n++) front.kv.store.apply(put(`k${n % 7}`, `${n}`));
    const reader = await opened({}, { metadata: { "after-revision": "1" } });
    const live = await opened();
    for (let n = count; n < 2 * count; n++) front.kv.store.apply(put(`k${n % 7}`, `${n}`));
    const values = (answers: readonly WatchResponse[]) =>
      answers.map(({ value }) => lossyText(value));
    const numbers = Array.from({ length: 2 * count }, (_, n) => `${n}`);
    assert.deepEqual(values(await reader.take(2 * count)), numbers);
    assert.deepEqual(values(await live.take(count)), numbers.slice(count));
    front.kv.store.apply(put("end", "x"));
    assert.deepEqual(await told(reader, 1), [`${2 * count + 2} put end=x`]);
    assert.deepEqual(await told(live, 1), [`${2 * count + 2} put end=x`]);
    reader.cancel();
    live.cancel();
  });

  it("misses nothing beside a scan that comes after it", async () => {
    await start();
    const reader = await opened({ key: "/s/" });
    front.kv.store.apply(put("/s/a", "1"));
    const { response } = await front.client.unary(scanMethod, { clientId: 1, prefix: utf8("/s/") });
    front.kv.store.apply(put("/s/a", "2"));
    assert.equal(response.revision, 2);
    const behind = (await reader.take(2)).filter(({ revision }) => revision > response.revision);
    assert.deepEqual(behind.map(shown), ["3 put /s/a=2"]);
    reader.cancel();
  });

  it("takes a request that is compressed", async () => {
    await start();
    const client = new TestGrpcClient(front.server.clientRpcAddress, compressionAlgorithms.gzip);
    const request = { clientId: 1, key: utf8("x".repeat(500)), prefix: false, prevKv: false };
    const reader = new GrpcReader(client, watchMethod, request);
    await reader.headers;
    front.kv.store.apply(put("x".repeat(500), "1"));
    assert.match(shown(await reader.next()), /^2 put xx/);
    client.close();
    reader.cancel();
  });

  it("that is idle says how far it has come, and goes on", async () => {
    await start({ progressMs: 20 });
    const reader = await opened({ key: "a", prefix: false });
    assert.deepEqual(await told(reader, 2), ["1 progress =", "1 progress ="]);
    front.kv.store.apply(put("b", "1"));
    await until(async () => shown(await reader.next()) === "2 progress =", { what: "revision 2" });
    front.kv.store.apply(put("a", "1"));
    await until(async () => shown(await reader.next()) === "3 put a=1", { what: "the change" });
    reader.cancel();
  });

  it("waits for the revision that it is asked to be at", async () => {
    await start();
    const reader = watch({}, { metadata: { "min-revision": "3" } });
    front.kv.store.apply(put("a", "1"));
    front.kv.store.apply(put("a", "2"));
    assert.equal((await reader.headers)["kv-revision"], "3");
    front.kv.store.apply(put("a", "3"));
    assert.deepEqual(await told(reader, 1), ["4 put a=3"]);
    reader.cancel();
  });
});

describe("The place of a watch", () => {
  it("is one of those of the service; none is left means RESOURCE_EXHAUSTED", async () => {
    await start({ watchesMax: 2 });
    const [first, second] = [await opened(), await opened()];
    const status = await watch().status;
    assert.equal(status.code, grpcStatus.resourceExhausted);
    assert.match(status.details, /^2 watches are open/);
    assert.equal(reasonOf(status), "TOO_MANY_WATCHES");
    first.cancel();
    await until(() => front.watches.size === 1, { what: "the place" });
    const third = await opened();
    second.cancel();
    third.cancel();
    await until(() => front.watches.size === 0, { what: "all places" });
  });

  it("is not one of the requests", async () => {
    await start({ requestsMax: 2 });
    const readers = [];
    for (let n = 0; n < 5; n++) readers.push(await opened());
    const command = { insert: { key: utf8("a"), value: utf8("1"), ttlSecs: 0 } };
    const { response } = await front.client.unary(writeMethod, { clientId: 1, command });
    assert.equal(response.error, 0);
    for (const reader of readers) {
      assert.deepEqual(await told(reader, 1), ["2 put a=1"]);
      reader.cancel();
    }
  });

  it("is given back at the deadline and when the connection is cut", async () => {
    await start();
    const late = watch({}, { timeoutMs: 300 });
    assert.equal((await late.status).code, grpcStatus.deadlineExceeded);
    await until(() => front.watches.size === 0, { what: "the place" });
    const other = new TestGrpcClient(front.server.clientRpcAddress);
    const request = { clientId: 1, key: utf8("a"), prefix: false, prevKv: false };
    const cut = new GrpcReader(other, watchMethod, request);
    await cut.headers;
    assert.equal(front.watches.size, 1);
    cut.cancel();
    other.close();
    await until(() => front.watches.size === 0, { what: "the place" });
  });
});

describe("A watch ends", () => {
  it("with UNAVAILABLE when the node shuts down, and none begins then", async () => {
    await start();
    const reader = await opened();
    front.kv.store.apply(put("a", "1"));
    assert.deepEqual(await told(reader, 1), ["2 put a=1"]);
    front.watches.close();
    assert.equal(await reader.next(), undefined);
    const status = await reader.status;
    assert.equal(status.code, grpcStatus.unavailable);
    assert.equal(reasonOf(status), "DRAINING");
    assert.equal((await watch().status).code, grpcStatus.unavailable);
  });

  it("before it begins where its beginning is compacted", async () => {
    await start();
    for (const value of ["1", "2", "3"]) front.kv.store.apply(put("a", value));
    front.kv.store.compact(3);
    const status = await watch({}, { metadata: { "after-revision": "2" } }).status;
    assert.equal(status.code, grpcStatus.outOfRange);
    assert.equal(reasonOf(status), "REVISION_COMPACTED");
    const reader = await opened({}, { metadata: { "after-revision": "3" } });
    assert.deepEqual(await told(reader, 1), ["4 put a=3"]);
    reader.cancel();
  });

  it("before it begins where it asks for nothing that is", async () => {
    await start();
    const wrong = [
      [{ prefix: false }, {}, /key has 0 bytes, allowed are 1/],
      [{ key: "k".repeat(8 * 1024 + 1), prefix: false }, {}, /key has 8193 bytes/],
      [{ key: "k".repeat(8 * 1024 + 1) }, {}, /prefix has 8193 bytes/],
      [{}, { "after-revision": "-1" }, /after-revision is "-1", allowed is 0/],
      [{}, { "min-revision": "x" }, /min-revision is "x"/],
    ] as const;
    for (const [asked, metadata, said] of wrong) {
      const status = await watch(asked, { metadata }).status;
      assert.equal(status.code, grpcStatus.invalidArgument);
      assert.match(status.details, said);
    }
  });
});
