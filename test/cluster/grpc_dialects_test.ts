/** The dialects for clients, met by an ordinary grpc-js client over a socket. */

import { createHash } from "node:crypto";
import { compressionAlgorithms } from "@grpc/grpc-js";
import { codec, method } from "../../src/grpc/codec.ts";
import { concatBytes, utf8 } from "../../src/lib/bytes.ts";
import { grpcStatus, ServiceError } from "../../src/service/errors.ts";
import { fakeBackup } from "../harness/fake_backups.ts";
import { statusOf, TestGrpcClient } from "../harness/grpc_client.ts";
import { type GrpcFront, startGrpcFront } from "../harness/grpc_front.ts";
import { GrpcReader } from "../harness/grpc_reader.ts";
import { after, assert, before, beforeEach, describe, it } from "../harness/test.ts";
import { until } from "../harness/wait.ts";

const writeMethod = method("d_engine.client.RaftClientService", "HandleClientWrite");
const readMethod = method("d_engine.client.RaftClientService", "HandleClientRead");
const statusMethod = method("skein.cluster.v1.RaftClusterService", "Status");
const transferMethod = method("skein.cluster.v1.RaftClusterService", "TransferLeadership");

let front: GrpcFront;

before(async () => {
  front = await startGrpcFront();
});

after(() => front.close());

beforeEach(() => {
  front.kv.before = () => {};
  front.cluster.before = () => {};
  front.internalErrors.length = 0;
});

const put = (key: string, value: Uint8Array) => ({
  clientId: 1,
  command: { insert: { key: utf8(key), value, ttlSecs: 0 } },
});

describe("the d-engine dialect over a socket", () => {
  it("writes and reads, and carries metadata both ways", async () => {
    const metadata = { "x-request-id": "r-1" };
    const written = await front.client.unary(writeMethod, put("a", utf8("1")), { metadata });
    assert.equal(written.response.writeResult?.succeeded, true);
    assert.equal(written.headers["x-request-id"], "r-1");
    const revision = String(written.headers["kv-revision"]);
    const request = { clientId: 1, keys: [utf8("a"), utf8("nothing")] };
    const found = await front.client.unary(readMethod, request, {
      metadata: { "min-revision": revision },
    });
    assert.equal(found.response.readData?.results.length, 1);
    assert.equal(found.headers["kv-revision"], revision);
  });

  const read = { clientId: 1, keys: [utf8("a")] };

  it("tells the service how much time the client has", async () => {
    await front.client.unary(readMethod, read, { timeoutMs: 55_000 });
    const timeoutMs = front.kv.lastRead?.options.timeoutMs ?? 0;
    assert.ok(timeoutMs > 30_000 && timeoutMs <= 55_000, String(timeoutMs));
  });

  it("tells the service that the client is gone", async () => {
    let signal: AbortSignal | undefined;
    front.kv.before = () => {
      signal = front.kv.lastRead?.options.signal;
      return new Promise(() => {});
    };
    // On a busy machine a call's time may be up before it arrives.
    for (let timeoutMs = 100; signal === undefined; timeoutMs *= 2) {
      const status = await statusOf(front.client.unary(readMethod, read, { timeoutMs }));
      assert.equal(status.code, grpcStatus.deadlineExceeded);
    }
    await until(() => signal?.aborted, { what: "the signal" });
  });

  it("does not tell of a client that is gone once it was answered", async () => {
    const request = { clientId: 1, keys: [utf8("a")] };
    await front.client.unary(readMethod, request);
    const signal = front.kv.lastRead?.options.signal;
    // By the time that later calls are through, the stream of the first is over.
    for (let later = 0; later < 3; later++) await front.client.unary(readMethod, request);
    assert.equal(signal?.aborted, false);
  });

  it("gives every call an id of its own where the client gave none", async () => {
    const request = { clientId: 1, keys: [utf8("a")] };
    const ids = new Set<unknown>();
    for (let call = 0; call < 3; call++) {
      ids.add((await front.client.unary(readMethod, request)).headers["x-request-id"]);
    }
    assert.equal(ids.size, 3);
  });

  it("never shows the inside of a failure", async () => {
    front.kv.before = () => {
      throw new TypeError("secret of line 42");
    };
    const status = await statusOf(front.client.unary(writeMethod, put("a", utf8("1"))));
    assert.equal(status.code, grpcStatus.internal);
    assert.equal(status.details, "Internal error");
    assert.ok(!JSON.stringify(status.metadata).includes("secret"));
    assert.equal(front.internalErrors.length, 1);
  });

  it("refuses bytes that are no message, and goes on", async () => {
    const status = await statusOf(
      front.client.raw(writeMethod.path, Buffer.from("0affffffff", "hex")),
    );
    assert.equal(status.code, grpcStatus.invalidArgument);
    assert.match(status.details, /ClientWriteRequest/);
    await front.client.unary(writeMethod, put("b", utf8("1")));
  });

  it("does not stand still over a request of millions of empty parts", async () => {
    // `keys` of one and `command` of the other, again and again.
    const bytes = Buffer.alloc(12 * 1024 * 1024, Buffer.from([0x12, 0]));
    for (const { path } of [readMethod, writeMethod]) {
      const status = await statusOf(front.client.raw(path, bytes));
      assert.equal(status.code, grpcStatus.invalidArgument);
      assert.match(status.details, /more than 20000 fields/);
    }
    await front.client.unary(writeMethod, put("b", utf8("1")));
  });

  it("refuses more than 16 MiB, and goes on", async () => {
    const status = await statusOf(
      front.client.unary(writeMethod, put("a", new Uint8Array(16 * 1024 * 1024 + 1))),
    );
    assert.equal(status.code, grpcStatus.resourceExhausted);
    await front.client.unary(writeMethod, put("b", utf8("1")));
  });

  it("carries values up to their limit", async () => {
    const value = new Uint8Array(8 * 1024 * 1024).fill(7);
    assert.equal((await front.client.unary(writeMethod, put("big", value))).response.error, 0);
    const { response } = await front.client.unary(readMethod, { clientId: 1, keys: [utf8("big")] });
    assert.equal(response.readData?.results[0]?.value.length, value.length);
  });

  it("takes compressed requests, and is not blown up by one", async () => {
    const gzip = new TestGrpcClient(front.server.rpcAddress, compressionAlgorithms.gzip);
    const value = new Uint8Array(1024 * 1024);
    assert.equal((await gzip.unary(writeMethod, put("zip", value))).response.error, 0);
    const bomb = put("bomb", new Uint8Array(64 * 1024 * 1024));
    assert.equal(
      (await statusOf(gzip.unary(writeMethod, bomb))).code,
      grpcStatus.resourceExhausted,
    );
    gzip.close();
    await front.client.unary(writeMethod, put("b", utf8("1")));
  });

  it("knows an unknown method for one", async () => {
    const status = await statusOf(
      front.client.raw("/d_engine.client.RaftClientService/Nope", utf8("")),
    );
    assert.equal(status.code, grpcStatus.unimplemented);
  });
});

describe("skein.cluster.v1.RaftClusterService", () => {
  it("streams a backup: what it is, then its bytes in pieces", async () => {
    const bytes = new Uint8Array(600_000).map((_, at) => at % 251);
    front.backups.next = fakeBackup("b1", bytes);
    const snapshot = method("skein.cluster.v1.RaftClusterService", "Snapshot");
    const reader = new GrpcReader(front.client, snapshot, {}, {
      metadata: { "min-revision": "7" },
    });
    const first = await reader.next();
    assert.equal(first?.header?.bytes, 600_000);
    assert.equal(first?.header?.revision, 9);
    const digest = createHash("sha256").update(bytes).digest();
    assert.deepEqual([...first?.header?.digest ?? []], [...digest]);
    const chunks = [first?.chunk ?? new Uint8Array(0)];
    for (let next = await reader.next(); next !== undefined; next = await reader.next()) {
      assert.equal(next.header, null);
      chunks.push(next.chunk);
    }
    assert.ok(chunks.length > 1);
    assert.deepEqual(concatBytes(chunks), bytes);
    assert.equal((await reader.status).code, grpcStatus.ok);
    assert.equal((await reader.headers)["kv-revision"], "9");
    assert.equal(front.backups.made.at(-1)?.minRevision, 7);
  });

  it("says why there is no backup", async () => {
    front.backups.next = new ServiceError("out_of_space", "The disk is full");
    const snapshot = method("skein.cluster.v1.RaftClusterService", "Snapshot");
    const { code } = await new GrpcReader(front.client, snapshot, {}).status;
    assert.equal(code, grpcStatus.resourceExhausted);
  });

  it("lists nodes and reports the status", async () => {
    const nodes = await front.client.unary(
      method("skein.cluster.v1.RaftClusterService", "ListNodes"),
      {},
    );
    assert.deepEqual(nodes.response.nodes.map(({ id }) => id), [1, 2, 3]);
    assert.equal(nodes.response.leader, 1);
    const { response } = await front.client.unary(statusMethod, { local: false });
    assert.equal(response.ready, true);
    assert.equal(response.view?.clusterId, "test-cluster");
    assert.equal(response.checks.length, 4);
  });

  it("hands leadership over", async () => {
    const { response } = await front.client.unary(transferMethod, { target: 2 });
    assert.equal(response.leader, 2);
    await front.client.unary(transferMethod, {});
    assert.equal(front.cluster.lastTransfer, undefined);
  });

  it("explains errors in google.rpc details", async () => {
    front.cluster.before = () => {
      throw new ServiceError("no_leader", "No leader is known", {
        outcome: "not_applied",
        retryable: true,
        retryAfterMs: 1_500,
      });
    };
    const status = await statusOf(front.client.unary(transferMethod, { target: 3 }));
    assert.equal(status.code, grpcStatus.unavailable);
    assert.equal(status.details, "No leader is known");
    const [bytes] = status.metadata.get("grpc-status-details-bin");
    assert.ok(bytes instanceof Uint8Array);
    const rich = codec("google.rpc.Status").decode(bytes);
    assert.equal(rich.code, grpcStatus.unavailable);
    assert.deepEqual(rich.details.map(({ typeUrl }) => typeUrl), [
      "type.googleapis.com/google.rpc.ErrorInfo",
      "type.googleapis.com/google.rpc.RetryInfo",
    ]);
    const info = codec("google.rpc.ErrorInfo").decode(rich.details[0]!.value);
    assert.equal(info.reason, "NO_LEADER");
    assert.equal(info.domain, "skein");
    assert.equal(info.metadata["outcome"], "not_applied");
    const retry = codec("google.rpc.RetryInfo").decode(rich.details[1]!.value);
    assert.equal(retry.retryDelay?.seconds, 1);
    assert.equal(retry.retryDelay?.nanos, 500_000_000);
  });
});
