import type { KeyTarget, Txn, TxnOperation, TxnPut } from "../../../src/kv/command.ts";
import { decodeOperation, encodeOperation } from "../../../src/kv/command_encoding.ts";
import { changesPerRevisionMax, valueBytesMax } from "../../../src/kv/record.ts";
import { recordsBytesMax, recordsMax, type Result } from "../../../src/kv/result.ts";
import { type Bytes, bytes, del, put, range } from "../../harness/kv_commands.ts";
import { MemoryStore } from "../../harness/kv_store.ts";
import { assert, describe, it } from "../../harness/test.ts";

function txn(...then: readonly TxnOperation[]): Txn {
  return { kind: "txn", compares: [], then, otherwise: [] };
}

function write(key: Bytes, value: Bytes, more: Partial<TxnPut> = {}): TxnOperation {
  return { kind: "put", put: { key: bytes(key), value: bytes(value), prev: false, ...more } };
}

function get(key: Bytes): TxnOperation {
  return { kind: "get", key: bytes(key) };
}

function list(start: string, end: string, limit = 10_000): TxnOperation {
  const flags = { reverse: false, keysOnly: false };
  return { kind: "range", range: { start: bytes(start), end: bytes(end), limit, ...flags } };
}

function remove(target: KeyTarget, prev = false): TxnOperation {
  return { kind: "delete", target, prev };
}

function key(name: string): KeyTarget {
  return { kind: "key", key: bytes(name) };
}

function keys(start: string, end: string): KeyTarget {
  return { kind: "range", start: bytes(start), end: bytes(end) };
}

function within(inner: Txn): TxnOperation {
  return { kind: "txn", txn: inner };
}

/** Puts `count` keys, a batch at a time. */
function fill(store: MemoryStore, count: number, value: Bytes = ""): void {
  for (let at = 0; at < count; at += 1_000) {
    const items = Array.from(
      { length: Math.min(1_000, count - at) },
      (_, more) => put(`k${String(at + more).padStart(5, "0")}`, value),
    );
    assert.equal(store.codeOf({ kind: "batch", items }), "batch");
  }
}

/** Code and state must be what they were before; then the operation is tried again. */
function assertUntouched(store: MemoryStore, operation: Txn, code: Result["kind"] | string): void {
  store.machine.commit();
  const before = [store.machine.status(), store.read(range()), store.tables.stored()] as const;
  const result = store.do(operation);
  assert.equal(result.kind === "rejected" ? result.code : result.kind, code);
  assert.equal(result.kind === "rejected" ? result.revision : 0, before[0].revision);
  const { applied: _applied, clusterTimeMs: _time, ...status } = store.machine.status();
  const { applied: _before, clusterTimeMs: _timeBefore, ...expected } = before[0];
  assert.deepEqual(status, expected);
  assert.deepEqual(store.read(range()), before[1]);
  store.assertIntact();
  const { leases, ledgerHash, changes, liveKeys, deadKeys } = store.tables.stored();
  assert.deepEqual({ leases, ledgerHash, changes, liveKeys, deadKeys }, {
    leases: before[2].leases,
    ledgerHash: before[2].ledgerHash,
    changes: before[2].changes,
    liveKeys: before[2].liveKeys,
    deadKeys: before[2].deadKeys,
  });
}

describe("a transaction", () => {
  it("does all in one revision, each operation after the ones before it", () => {
    const store = new MemoryStore();
    store.do(put("gone", "x"));
    const result = store.do(txn(
      ...[get("a"), write("a", "1"), get("a"), write("b", "2")],
      ...[list("a", "c"), remove(key("gone"), true), list("", "z", 1)],
    ));
    assert.ok(result.kind === "txn");
    assert.deepEqual(result.results.map((each) => each.kind), [
      ...["get", "put", "get", "put", "range", "delete", "range"],
    ]);
    const record = { key: bytes("a"), value: bytes("1"), create: 3, mod: 3, version: 1 };
    const other = { ...record, key: bytes("b"), value: bytes("2") };
    const was = { key: bytes("gone"), value: bytes("x"), create: 2, mod: 2, version: 1 };
    assert.deepEqual(result.results, [
      { kind: "get" },
      { kind: "put", revision: 3, create: 3, version: 1 },
      { kind: "get", record },
      { kind: "put", revision: 3, create: 3, version: 1 },
      { kind: "range", items: [record, other], more: false },
      { kind: "delete", revision: 3, deleted: 1, more: false, prev: [was] },
      { kind: "range", items: [record], more: true },
    ]);
    assert.equal(result.revision, 3);
    assert.equal(store.machine.revision, 3);
    store.assertIntact();
  });

  it("takes the branch that its compares choose, and no revision where nothing changes", () => {
    const store = new MemoryStore();
    const compares = [{
      target: key("a"),
      operator: "=",
      expected: { kind: "mod", count: 0 },
    }] as const;
    const create: Txn = { kind: "txn", compares, then: [write("a", "1")], otherwise: [get("a")] };
    const first = store.do(create);
    assert.ok(first.kind === "txn" && first.succeeded && first.revision === 2);
    const second = store.do(create);
    assert.ok(second.kind === "txn" && !second.succeeded && second.revision === 2);
    assert.equal(second.results[0]?.kind, "get");
    const empty = store.do(txn());
    assert.deepEqual(empty, { kind: "txn", revision: 2, succeeded: true, results: [] });
  });

  it("is refused in its bytes where a put within has conditions", () => {
    const plain = encodeOperation(txn(write("a", "b")));
    assert.ok(decodeOperation(plain).ok);
    // The last byte but one: the conditions of the put, before the empty branch.
    assert.equal(plain.at(-2), 0);
    const conditional = plain.with(plain.length - 2, 0x10);
    assert.deepEqual(decodeOperation(conditional), {
      ok: false,
      reason: "put with conditions in a transaction",
      isLater: false,
    });
  });
});

describe("a key that one path would change twice", () => {
  const twice: Readonly<Record<string, Txn>> = {
    "put and put": txn(write("a", "1"), write("a", "2")),
    "put and delete": txn(write("a", "1"), remove(key("a"))),
    "delete and put": txn(remove(key("a")), write("a", "1")),
    "delete and delete": txn(remove(key("a")), remove(key("a"))),
    "put and range": txn(write("b", "1"), remove(keys("a", "c"))),
    "range and put": txn(remove(keys("a", "c")), write("a", "1")),
    "put and nested put": txn(write("a", "1"), within(txn(write("a", "2")))),
    "nested put and put": txn(within(txn(within(txn(write("a", "2"))))), write("a", "1")),
    "two nested ones": txn(within(txn(write("b", "1"))), within(txn(remove(keys("", "z"))))),
  };
  for (const [name, operation] of Object.entries(twice)) {
    it(`makes it impossible as a whole: ${name}`, () => {
      const store = new MemoryStore();
      store.do(put("a", "0"));
      store.do(put("other", "0", { ttlMs: 5_000 }));
      assertUntouched(
        store,
        txn(write("first", "1", { ttlMs: 1_000 }), write("other", "1"), ...operation.then),
        "duplicate_key",
      );
    });
  }

  it("is not one that was deleted although it was not there, nor one in the other branch", () => {
    const store = new MemoryStore();
    store.do(put("dead", "x"));
    store.do(del("dead"));
    const result = store.do(txn(
      ...[remove(key("absent")), write("absent", "1"), remove(key("dead")), write("dead", "1")],
      ...[remove(keys("x", "z")), write("y", "1")],
    ));
    assert.equal(result.kind, "txn");
    const both: Txn = { ...txn(write("absent", "2")), otherwise: [write("absent", "3")] };
    assert.equal(store.codeOf(both), "txn");
    assert.equal(store.value("absent"), "2");
  });
});

describe("a transaction that turns out to be impossible", () => {
  it("takes back keys, leases and facts, and the next one goes through", () => {
    const store = new MemoryStore();
    store.do({ kind: "grantLease", id: "7", ttlMs: 1_000 });
    store.do(put("leased", "v", { lease: "7" }));
    store.do(put("private", "v", { ttlMs: 1_000 }));
    store.do(put("dead", "v"));
    store.do(del("dead"));
    const good = [
      write("leased", "w"),
      write("private", "w", { lease: "7" }),
      write("dead", "again", { ttlMs: 2_000 }),
      write("new", "v", { lease: "7" }),
      remove(keys("x", "z")),
    ];
    assertUntouched(store, txn(...good, write("x", "v", { lease: "8" })), "lease_not_found");
    assertUntouched(store, txn(...good, within(txn(write("new", "v")))), "duplicate_key");
    assert.equal(store.codeOf(txn(...good)), "txn");
    // Numbers that were tried are not tried again.
    assert.deepEqual(
      ["leased", "private", "dead", "new"].map((name) => store.record(name)?.lease),
      [undefined, "7", "4", "7"],
    );
    store.assertIntact();
  });

  it("is so again after a crash, and what was there before it is not lost", () => {
    const store = new MemoryStore();
    store.do(put("a", "1"));
    store.machine.commit();
    store.do(put("b", "1", { ttlMs: 1_000 }));
    store.do(txn(write("c", "1", { ttlMs: 1_000 }), write("c", "2")));
    store.do(put("d", "1", { ttlMs: 1_000 }));
    const before = store.machine.status();
    store.crash();
    assert.deepEqual(store.machine.status(), before);
    assert.deepEqual(store.keys(), ["a", "b", "d"]);
    assert.deepEqual(["b", "d"].map((name) => store.record(name)?.lease), ["1", "3"]);
    store.assertIntact();
  });
});

describe("the limits of a transaction", () => {
  it("are ten thousand changes, whatever made them", () => {
    const store = new MemoryStore();
    fill(store, changesPerRevisionMax);
    const all = remove(keys("k", "l"));
    assertUntouched(store, txn(all, write("one more", "")), "range_too_large");
    assertUntouched(store, txn(write("one more", ""), within(txn(all))), "range_too_large");
    assert.equal(store.codeOf(txn(all, remove(key("absent")))), "txn");
    assert.equal(store.machine.status().liveKeys, 0);
    fill(store, changesPerRevisionMax + 1);
    assertUntouched(store, txn(all), "range_too_large");
  });

  it("are so many bytes that are read, by whatever reads", () => {
    const store = new MemoryStore();
    const half = new Uint8Array(valueBytesMax);
    for (const name of ["a", "b", "c"]) store.do(put(name, half));
    // Two keys of one byte are what is too much.
    assert.equal(2 * valueBytesMax, recordsBytesMax);
    assertUntouched(store, txn(get("a"), get("b")), "range_too_large");
    assertUntouched(store, txn(remove(key("a"), true), get("b")), "range_too_large");
    assertUntouched(
      store,
      txn(write("a", "", { prev: true }), within(txn(get("b")))),
      "range_too_large",
    );
    assert.equal(store.codeOf(txn(get("a"), get("absent"))), "txn");
    // A range ends before the answer would grow too long, and says that there is more.
    const listed = store.do(txn(list("a", "z")));
    assert.ok(listed.kind === "txn" && listed.results[0]?.kind === "range");
    assert.deepEqual([listed.results[0].items.length, listed.results[0].more], [1, true]);
    store.do(put("b", half.subarray(2)));
    assert.equal(store.codeOf(txn(get("a"), get("b"))), "txn");
  });

  it("are ten thousand records that are read", () => {
    const store = new MemoryStore();
    fill(store, recordsMax + 1);
    const most = store.do(txn(list("k", "l")));
    assert.ok(most.kind === "txn" && most.results[0]?.kind === "range");
    assert.deepEqual([most.results[0].items.length, most.results[0].more], [recordsMax, true]);
    assertUntouched(store, txn(list("k", "l"), get("k00000")), "range_too_large");
    assertUntouched(
      store,
      txn(...Array.from({ length: 128 }, () => list("k", "l"))),
      "range_too_large",
    );
    const halves = [list("k", "l", recordsMax / 2), within(txn(list("k", "l", recordsMax / 2)))];
    assert.equal(store.codeOf(txn(...halves)), "txn");
    assertUntouched(store, txn(...halves, get("k00000")), "range_too_large");
  });

  it("let 128 operations through", () => {
    const store = new MemoryStore();
    const puts = Array.from({ length: 128 }, (_, at) => write(`k${at}`, `${at}`));
    assert.equal(store.codeOf(txn(...puts)), "txn");
    assert.equal(store.machine.revision, 2);
    assert.equal(store.codeOf(txn(...puts, write("more", ""))), "bad_request");
  });
});
