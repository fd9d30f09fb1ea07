import type { BatchItem } from "../../../src/kv/command.ts";
import { keyBytesMax, valueBytesMax } from "../../../src/kv/record.ts";
import {
  type BatchDone,
  batchRecordsBytesMax,
  currentValueBytesMax,
} from "../../../src/kv/result.ts";
import { encodeResult } from "../../../src/kv/result_encoding.ts";
import { frameBytesMax } from "../../../src/grpc/peer_connection.ts";
import { type Bytes, bytes, del, put } from "../../harness/kv_commands.ts";
import { MemoryStore } from "../../harness/kv_store.ts";
import { assert, describe, it } from "../../harness/test.ts";

function get(key: Bytes): BatchItem {
  return { kind: "get", key: bytes(key) };
}

function batch(store: MemoryStore, ...items: readonly BatchItem[]): BatchDone["results"] {
  const result = store.do({ kind: "batch", items });
  assert.ok(result.kind === "batch");
  assert.equal(result.revision, store.machine.revision);
  return result.results;
}

/** The kind of each result, or the code of its refusal. */
function kinds(results: BatchDone["results"]): readonly string[] {
  return results.map((each) => each.kind === "rejected" ? each.code : each.kind);
}

const large = new Uint8Array(valueBytesMax);

describe("a batch", () => {
  it("does each item by itself, in order, each in a revision of its own", () => {
    const store = new MemoryStore();
    const results = batch(
      store,
      put("a", "1"),
      put("a", "2", { conditions: { ifNoneMatch: "any" } }),
      get("a"),
      put("a", "3", { conditions: { ifMatch: [2] }, prev: true }),
      put("b", "1", { lease: "9" }),
      del("absent"),
      del("a"),
      put("a", "4", { ttlMs: 1_000 }),
      put("c", "1"),
      del("a"),
    );
    const record = { key: bytes("a"), value: bytes("1"), create: 2, mod: 2, version: 1 };
    assert.deepEqual(results, [
      { kind: "put", revision: 2, create: 2, version: 1 },
      { kind: "conditionFailed", revision: 2, current: record },
      { kind: "get", record },
      { kind: "put", revision: 3, create: 2, version: 2, prev: record },
      { kind: "rejected", revision: 3, code: "lease_not_found", reason: "there is no lease 9" },
      { kind: "delete", revision: 3, deleted: 0, more: false, prev: [] },
      { kind: "delete", revision: 4, deleted: 1, more: false, prev: [] },
      { kind: "put", revision: 5, create: 5, version: 1, lease: "1" },
      { kind: "put", revision: 6, create: 6, version: 1 },
      { kind: "delete", revision: 7, deleted: 1, more: false, prev: [] },
    ]);
    assert.deepEqual(store.keys(), ["c"]);
    store.assertIntact();
  });

  it("may write a key as often as it likes", () => {
    const store = new MemoryStore();
    batch(store, ...Array.from({ length: 1_000 }, (_, at) => put("k", `${at}`)));
    assert.equal(store.record("k")?.version, 1_000);
    assert.equal(store.machine.revision, 1_001);
    store.assertIntact();
  });
});

describe("what a batch answers", () => {
  /** Two records that are together longer than an answer may become, and each is shorter. */
  function filled(): MemoryStore {
    const store = new MemoryStore();
    assert.ok(valueBytesMax < batchRecordsBytesMax && batchRecordsBytesMax < 2 * valueBytesMax);
    for (const name of ["a", "b"]) store.do(put(name, large));
    for (const name of ["c", "d"]) store.do(put(name, "small"));
    return store;
  }

  it("is so much that is read, and then nothing more; writes go on", () => {
    const store = filled();
    const results = batch(store, get("a"), get("b"), get("d"), put("e", "1"), del("e"), get("e"));
    assert.deepEqual(kinds(results), [
      ...["get", "get", "range_too_large", "put", "delete", "range_too_large"],
    ]);
  });

  const readers: Readonly<Record<string, (key: string) => BatchItem>> = {
    "read by get": get,
    "before a put": (key) => put(key, "", { prev: true }),
    "before a delete": (key) => del(key, { prev: true }),
  };
  for (const [name, read] of Object.entries(readers)) {
    it(`counts what is ${name}`, () => {
      const store = filled();
      const results = batch(store, read("a"), read("b"), read("c"), put("d", "x"));
      assert.equal(results[2]?.kind, "rejected");
      assert.deepEqual(kinds(results).slice(2), ["range_too_large", "put"]);
      assert.equal(store.value("c"), "small");
      store.assertIntact();
    });
  }

  it("leaves out the values of records whose conditions failed", () => {
    const store = filled();
    const value = new Uint8Array(currentValueBytesMax).fill(7);
    store.do(put("e", value));
    const create = put("e", "", { conditions: { ifNoneMatch: "any" } });
    const [early, , , late] = batch(store, create, get("a"), get("b"), create);
    assert.ok(early?.kind === "conditionFailed" && late?.kind === "conditionFailed");
    assert.deepEqual(early.current?.value, value);
    assert.equal(early.valueOmitted, undefined);
    const nothing = new Uint8Array(0);
    assert.deepEqual(late.current, { ...early.current, key: nothing, value: nothing });
    assert.equal(late.valueOmitted, true);
    const failed = batch(store, ...Array.from({ length: 300 }, () => create), get("d"));
    const shown = failed.filter((each) => each.kind === "conditionFailed" && !each.valueOmitted);
    assert.equal(shown.length, batchRecordsBytesMax / currentValueBytesMax);
    assert.equal(failed.at(-1)?.kind, "rejected");
  });

  it("fits into one message between nodes, whatever is asked for", () => {
    const store = new MemoryStore();
    const longKey = new Uint8Array(keyBytesMax).fill(0x6b);
    const mediaType = "a/" + "b".repeat(253);
    for (const key of ["a", "b", "c", longKey]) store.do(put(key, large, { mediaType }));
    const small = put(longKey, "", { conditions: { ifNoneMatch: "any" } });
    const nearlyFull = put("a", new Uint8Array(batchRecordsBytesMax - valueBytesMax - 2));
    store.do(nearlyFull);
    for (const rest of [small, put("d", "1"), get(longKey), get("absent")]) {
      const items = [get("a"), get("b"), get("c"), ...Array.from({ length: 997 }, () => rest)];
      const answer = store.do({ kind: "batch", items });
      const { length } = encodeResult(answer);
      assert.ok(length < frameBytesMax - 64 * 1024, `${length} bytes, ${rest.kind}`);
    }
  });
});
