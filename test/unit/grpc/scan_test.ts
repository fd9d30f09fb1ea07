/** HandleClientScan over a socket. */

import { codec, method } from "../../../src/grpc/codec.ts";
import { lossyText, utf8 } from "../../../src/lib/bytes.ts";
import { ByteBudget } from "../../../src/lib/byte_budget.ts";
import { grpcStatus, ServiceError } from "../../../src/service/errors.ts";
import { statusOf } from "../../harness/grpc_client.ts";
import { type GrpcFront, startGrpcFront } from "../../harness/grpc_front.ts";
import { bytes, put } from "../../harness/kv_commands.ts";
import { RawHttp2Client } from "../../harness/raw_http2.ts";
import { afterEach, assert, beforeEach, describe, it } from "../../harness/test.ts";
import { until } from "../../harness/wait.ts";

const scanMethod = method("d_engine.client.RaftClientService", "HandleClientScan");
const mebi = 1024 * 1024;
let front: GrpcFront;

beforeEach(async () => {
  front = await startGrpcFront(undefined, { memory: new ByteBudget(20 * mebi) });
});

afterEach(() => front.close());

async function scan(prefix: Uint8Array | string, metadata: Readonly<Record<string, string>> = {}) {
  const asked = { clientId: 1, prefix: typeof prefix === "string" ? utf8(prefix) : prefix };
  return await front.client.unary(scanMethod, asked, { metadata });
}

async function keys(prefix: Uint8Array | string): Promise<string> {
  const { response } = await scan(prefix);
  return response.entries.map(({ key }) => lossyText(key)).join(" ");
}

describe("HandleClientScan", () => {
  it("gives everything under a prefix, in order, with the store's revision", async () => {
    for (const key of ["/b", "/a/2", "/a/10", "/a", "c"]) front.kv.store.apply(put(key, `${key}!`));
    const { response, headers } = await scan("/a/");
    assert.deepEqual(
      response.entries.map(({ key, value }) => [lossyText(key), lossyText(value)]),
      [["/a/10", "/a/10!"], ["/a/2", "/a/2!"]],
    );
    assert.equal(response.revision, 6);
    assert.equal(headers["kv-revision"], "6");
    assert.equal(headers["kv-consistency"], "linearizable");
    assert.equal(await keys("/a"), "/a /a/10 /a/2");
    assert.equal(await keys(""), "/a /a/10 /a/2 /b c");
    const none = await scan("x");
    assert.deepEqual([none.response.entries, none.response.revision], [[], 6]);
  });

  it("of the last bytes has no end", async () => {
    const last = Uint8Array.of(0xff, 0xff);
    const key = Uint8Array.of(0xff, 0xff, 7);
    front.kv.store.apply({ kind: "put", key, value: bytes("1"), conditions: {}, prev: false });
    assert.equal((await scan(last)).response.entries.length, 1);
  });

  it("is of one revision, however many pages it is read in", async () => {
    const operations = Array.from({ length: 2_500 }, (_, n) => put(`k${10_000 + n}`, "old"));
    for (const operation of operations) front.kv.store.apply(operation);
    const { revision } = front.kv.store;
    front.kv.before = () => {
      // Between any two pages.
      if (front.kv.reads > 1) front.kv.store.apply(put("k12499", "new"));
    };
    const { response } = await scan("k");
    assert.ok(front.kv.reads >= 3, String(front.kv.reads));
    assert.equal(response.entries.length, 2_500);
    assert.equal(response.revision, revision);
    assert.ok(response.entries.every(({ value }) => lossyText(value) === "old"));
    assert.deepEqual(
      response.entries.map(({ key }) => lossyText(key)),
      operations.map((_, n) => `k${10_000 + n}`),
    );
  });

  it("waits for the revision that it is asked to be at", async () => {
    const waiting = scan("a", { "min-revision": "2" });
    front.kv.store.apply(put("a", "1"));
    assert.equal((await waiting).response.entries.length, 1);
  });

  it("is refused above 16 MiB, as soon as that is known", async () => {
    const value = "x".repeat(mebi);
    for (let n = 0; n < 15; n++) front.kv.store.apply(put(`a${100 + n}`, value));
    assert.equal((await scan("a")).response.entries.length, 15);
    for (let n = 15; n < 40; n++) front.kv.store.apply(put(`a${100 + n}`, value));
    front.kv.reads = 0;
    const status = await statusOf(scan("a"));
    assert.equal(status.code, grpcStatus.invalidArgument);
    assert.match(status.details, /more than 16777216 bytes/);
    const [details] = status.metadata.get("grpc-status-details-bin");
    assert.ok(details instanceof Uint8Array);
    const info = codec("google.rpc.Status").decode(details).details[0]!;
    assert.equal(codec("google.rpc.ErrorInfo").decode(info.value).reason, "RANGE_TOO_LARGE");
    assert.ok(front.kv.reads < 20, `${front.kv.reads} pages were read`);
  });

  it("tells by a status what is wrong", async () => {
    front.kv.before = () => {
      throw new ServiceError("no_leader", "No leader is known", { retryable: true });
    };
    assert.equal((await statusOf(scan("a"))).code, grpcStatus.unavailable);
    assert.equal(
      (await statusOf(scan("a".repeat(8 * 1024 + 1)))).details,
      "The prefix has 8193 bytes, allowed are 0 … 8192",
    );
  });

  it("is counted while its answer is not taken", async () => {
    for (let n = 0; n < 15; n++) front.kv.store.apply(put(`a${n}`, "x".repeat(mebi)));
    const raw = new RawHttp2Client(front.server.rpcAddress);
    const ask = () => {
      const asked = scanMethod.request.encode({ clientId: 1, prefix: utf8("a") });
      const call = raw.call(scanMethod.path).send(asked);
      call.stream.end();
      return call;
    };
    const untaken = ask();
    await until(() => untaken.trailers[":status"], { what: "the head of the answer" });
    const refused = ask().take();
    await until(() => refused.status, { what: "the refusal" });
    assert.equal(refused.status, String(grpcStatus.resourceExhausted));
    untaken.take();
    await until(() => untaken.status, { what: "the answer" });
    assert.equal(scanMethod.response.decode(untaken.message!).entries.length, 15);
    raw.cut();
  });
});
