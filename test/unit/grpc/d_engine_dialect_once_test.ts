import type { CallContext } from "../../../src/grpc/call.ts";
import { clientMethods } from "../../../src/grpc/client_methods.ts";
import { method, type Wire } from "../../../src/grpc/codec.ts";
import { utf8 } from "../../../src/lib/bytes.ts";
import { backupsOf } from "../../harness/fake_backups.ts";
import { FakeClusterService, FakeKvService, watchesOf } from "../../harness/fake_services.ts";
import { assert, beforeEach, describe, it } from "../../harness/test.ts";

const facts = method("d_engine.client.RaftClientService", "HandleClientWrite");
type Command = Wire["d_engine.client.WriteCommand"];

let kv: FakeKvService;

beforeEach(() => {
  kv = new FakeKvService();
});

/** Writes as the server does, bytes in and bytes out. */
async function write(command: Command, metadata: Readonly<Record<string, string>> = {}) {
  const methods = clientMethods({
    kv,
    cluster: new FakeClusterService(),
    watches: watchesOf(kv),
    backups: backupsOf(kv),
    tls: false,
  });
  const found = methods.find(({ path }) => path === facts.path);
  assert.ok(found?.kind === "unary");
  const { signal } = new AbortController();
  const call: CallContext = {
    header: (name) => metadata[name],
    timeoutMs: undefined,
    signal,
    peer: "127.0.0.1:1",
  };
  const answer = await found.handle(facts.request.encode({ clientId: 1, command }), call);
  return { response: facts.response.decode(answer.message), headers: answer.headers ?? {} };
}

const insert = (key: string, value: string, ttlSecs = 0): Command => ({
  insert: { key: utf8(key), value: utf8(value), ttlSecs },
});
const swap = (key: string, expected: string | undefined, value: string): Command => ({
  compareAndSwap: {
    key: utf8(key),
    expectedValue: expected === undefined ? undefined : utf8(expected),
    newValue: utf8(value),
  },
});

describe("ttl_secs", () => {
  it("inserts with a time to live", async () => {
    await write(insert("a", "1", 31_622_400));
    const { operation } = kv.lastWrite!;
    assert.ok(operation.kind === "put");
    assert.equal(operation.ttlMs, 31_622_400_000);
    const answer = kv.store.read({ kind: "leases", limit: 9 });
    assert.ok(answer.kind === "leases");
    assert.deepEqual(answer.leases.map(({ ttlMs, isPrivate }) => [ttlMs, isPrivate]), [
      [31_622_400_000, true],
    ]);
    await write(insert("a", "2"));
    assert.equal("ttlMs" in kv.lastWrite!.operation, false);
    await write(insert("a", "3", 1));
    assert.equal(kv.store.revision, 4);
  });
});

describe("idempotency-key", () => {
  it("applies a write once under an idempotency key, and says that it repeats itself", async () => {
    const key = { "idempotency-key": "k 1~" };
    const first = await write(swap("a", undefined, "1"), key);
    assert.equal(first.response.writeResult?.succeeded, true);
    assert.equal("idempotency-replayed" in first.headers, false);
    const again = await write(swap("a", undefined, "1"), key);
    assert.equal(again.response.writeResult?.succeeded, true);
    assert.equal(again.headers["idempotency-replayed"], "true");
    assert.equal(again.headers["kv-revision"], "2");
    assert.equal(kv.store.revision, 2);
    const lost = { "idempotency-key": "k2" };
    for (const replayed of [undefined, "true"]) {
      const { response, headers } = await write(swap("a", "x", "2"), lost);
      assert.deepEqual([response.error, response.writeResult?.succeeded], [0, false]);
      assert.equal(headers["idempotency-replayed"], replayed);
    }
    const { requestHash } = kv.lastWrite!.options.idempotency!;
    assert.equal(requestHash.length, 32);
    await write(insert("a", "1"));
    assert.equal("idempotency" in kv.lastWrite!.options, false);
  });

  it("refuses a key that was used for another request", async () => {
    const key = { "idempotency-key": "k" };
    await write(insert("a", "1"), key);
    for (const other of [insert("a", "2"), insert("b", "1"), insert("a", "1", 5)]) {
      const { response, headers } = await write(other, key);
      assert.equal(response.error, 4003);
      assert.match(response.metadata?.debugMessage ?? "", /was used for another request$/);
      assert.equal(headers["kv-revision"], "2");
    }
    assert.equal(kv.store.revision, 2);
  });

  it("cannot tell of a number of a stream that is too old", async () => {
    const keyed = (seq: number) => write(insert("a", `${seq}`), { "idempotency-key": `w;${seq}` });
    await keyed(1);
    await keyed(300);
    const { response } = await keyed(1);
    assert.equal(response.error, 4006);
    assert.equal(response.metadata?.debugMessage, "outcome unknown");
  });
});
