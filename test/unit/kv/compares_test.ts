import type { Compare, Expected, KeyTarget, Txn } from "../../../src/kv/command.ts";
import { comparedBytesMax } from "../../../src/kv/compares.ts";
import { changesPerRevisionMax, valueBytesMax } from "../../../src/kv/record.ts";
import { bytes, del, put } from "../../harness/kv_commands.ts";
import { MemoryStore } from "../../harness/kv_store.ts";
import { assert, describe, it } from "../../harness/test.ts";

function key(name: string): KeyTarget {
  return { kind: "key", key: bytes(name) };
}

function range(start: string, end: string): KeyTarget {
  return { kind: "range", start: bytes(start), end: bytes(end) };
}

function asks(...compares: readonly Compare[]): Txn {
  return { kind: "txn", compares, then: [], otherwise: [] };
}

/** Whether the compares hold, or why the store does not say. */
function holds(store: MemoryStore, ...compares: readonly Compare[]): boolean | string {
  const result = store.do(asks(...compares));
  if (result.kind === "txn") return result.succeeded;
  return result.kind === "rejected" ? result.code : result.kind;
}

const operators = ["<", "=", "!=", ">"] as const;

/** Which of the operators hold: for example "< !=". */
function holding(store: MemoryStore, target: KeyTarget, expected: Expected): string {
  return operators.filter((operator) => holds(store, { target, operator, expected }) === true)
    .join(" ");
}

const below = "< !=";
const equal = "=";
const above = "!= >";

/** a: version 2, create 2, mod 3, lease -7; dead: deleted; b without a lease. */
function filled(): MemoryStore {
  const store = new MemoryStore();
  store.do({ kind: "grantLease", id: "-7", ttlMs: 1_000 });
  store.do(put("a", "one", { lease: "-7" }));
  store.do(put("a", "two", { lease: "-7" }));
  store.do(put("dead", "x"));
  store.do(del("dead"));
  store.do(put("b", "three"));
  return store;
}

describe("a compare", () => {
  it("is of the value by unsigned bytes, the shorter one first", () => {
    const store = filled();
    const value = (text: string | Uint8Array): Expected => ({ kind: "value", bytes: bytes(text) });
    assert.equal(holding(store, key("a"), value("two")), equal);
    for (const greater of ["twp", "twoo", "x", Uint8Array.of(0x80)]) {
      assert.equal(holding(store, key("a"), value(greater)), below);
    }
    for (const smaller of ["twn", "tw", "", "Two", Uint8Array.of(0x74, 0x77, 0x6e, 0xff)]) {
      assert.equal(holding(store, key("a"), value(smaller)), above);
    }
  });

  it("is of version, create, mod and lease", () => {
    const store = filled();
    const numbers = { version: 2, create: 2, mod: 3 } as const;
    for (const kind of ["version", "create", "mod"] as const) {
      const count = numbers[kind];
      assert.equal(holding(store, key("a"), { kind, count: count + 1 }), below);
      assert.equal(holding(store, key("a"), { kind, count }), equal);
      assert.equal(holding(store, key("a"), { kind, count: count - 1 }), above);
    }
    assert.equal(holding(store, key("a"), { kind: "lease", lease: "-6" }), below);
    assert.equal(holding(store, key("a"), { kind: "lease", lease: "-7" }), equal);
    assert.equal(holding(store, key("a"), { kind: "lease", lease: "-10" }), above);
    assert.equal(holding(store, key("b"), { kind: "lease", lease: "0" }), equal);
    assert.equal(
      holding(store, key("b"), { kind: "lease", lease: "9223372036854775807" }),
      below,
    );
  });

  for (const name of ["absent", "dead"]) {
    it(`takes a key that is not there for zero, except in its value: ${name}`, () => {
      const store = filled();
      for (const kind of ["version", "create", "mod"] as const) {
        assert.equal(holding(store, key(name), { kind, count: 0 }), equal);
        assert.equal(holding(store, key(name), { kind, count: 1 }), below);
      }
      assert.equal(holding(store, key(name), { kind: "lease", lease: "0" }), equal);
      assert.equal(holding(store, key(name), { kind: "lease", lease: "-1" }), above);
      for (const text of ["", "x"]) {
        assert.equal(holding(store, key(name), { kind: "value", bytes: bytes(text) }), "");
      }
    });
  }

  it("of a range holds when it holds for every key of it", () => {
    const store = filled();
    const isNew = { operator: ">", expected: { kind: "mod", count: 3 } } as const;
    assert.equal(holds(store, { target: range("a", "c"), ...isNew }), false);
    assert.equal(holds(store, { target: range("b", "c"), ...isNew }), true);
    assert.equal(holds(store, { target: range("b", "z"), ...isNew }), true);
    const isThere = { operator: ">", expected: { kind: "version", count: 0 } } as const;
    assert.equal(holds(store, { target: range("a", "z"), ...isThere }), true);
  });

  it("of a range without keys is that of a key that is not there", () => {
    const store = filled();
    for (const target of [range("d", "e"), range("x", "a"), range("dead", "e")]) {
      assert.equal(holding(store, target, { kind: "version", count: 0 }), equal);
      assert.equal(holding(store, target, { kind: "value", bytes: bytes("") }), "");
    }
  });

  it("sees what the operations before its transaction did, within another one", () => {
    const store = filled();
    const inner = asks({
      target: key("new"),
      operator: "=",
      expected: { kind: "version", count: 1 },
    });
    const result = store.do({
      ...asks(),
      then: [
        { kind: "txn", txn: inner },
        { kind: "put", put: { key: bytes("new"), value: bytes("v"), prev: false } },
        { kind: "txn", txn: inner },
      ],
    });
    assert.ok(result.kind === "txn");
    const succeeded = result.results.map((each) => each.kind === "txn" && each.succeeded);
    assert.deepEqual(succeeded, [false, false, true]);
  });
});

describe("what compares may look at", () => {
  function wide(): MemoryStore {
    const store = new MemoryStore();
    for (let at = 0; at < changesPerRevisionMax; at += 1_000) {
      const items = Array.from({ length: 1_000 }, (_, more) => put(`k${at + more}`, "v"));
      store.do({ kind: "batch", items });
    }
    return store;
  }

  const everyKey: Compare = {
    target: range("", "z"),
    operator: "=",
    expected: { kind: "version", count: 1 },
  };

  it("is ten thousand keys, all compares of a command together", () => {
    const store = wide();
    const one: Compare = { ...everyKey, target: key("k0") };
    assert.equal(holds(store, everyKey), true);
    assert.equal(holds(store, everyKey, one), "range_too_large");
    assert.equal(holds(store, one, everyKey), "range_too_large");
    store.do(put("more", "v"));
    assert.equal(holds(store, everyKey), "range_too_large");
    store.do(del("k5"));
    assert.equal(holds(store, everyKey), true);
    assert.equal(
      store.do({ ...asks(), then: [{ kind: "txn", txn: asks(everyKey, one) }] }).kind,
      "rejected",
    );
  });

  it("is every key of a range, wherever in it the one stands that differs", () => {
    const store = new MemoryStore();
    // Each is the very next one that there can be behind the one before.
    const names = Array.from({ length: 800 }, (_, at) => `k${"\0".repeat(at)}`);
    store.do({ kind: "batch", items: names.map((name) => put(name, "v")) });
    assert.equal(holds(store, everyKey), true);
    for (const name of names) {
      store.do(put(name, "v"));
      assert.equal(holds(store, everyKey), false, `key of ${name.length} bytes`);
      for (const each of [del(name), put(name, "v")]) store.do(each);
    }
    assert.equal(holds(store, everyKey), true);
  });

  it("ends with the first one that does not hold", () => {
    const store = wide();
    const fails: Compare = { ...everyKey, expected: { kind: "version", count: 2 } };
    // It fails at the first key; the others are not looked at.
    assert.equal(holds(store, fails, everyKey, everyKey), false);
    const result = store.do({
      ...asks(fails),
      otherwise: [{ kind: "txn", txn: asks(everyKey) }],
    });
    assert.equal(result.kind, "rejected");
  });

  it("is so many bytes of values, of which those of another length count nothing", () => {
    const store = new MemoryStore();
    const large = comparedBytesMax / valueBytesMax;
    for (let at = 0; at <= large; at++) store.do(put(`k${at}`, new Uint8Array(valueBytesMax)));
    const target = range("k", "l");
    const greater: Compare = {
      target,
      operator: ">",
      expected: { kind: "value", bytes: bytes("") },
    };
    assert.equal(holds(store, greater), "range_too_large");
    const differs: Compare = { ...greater, operator: "!=" };
    assert.equal(holds(store, differs, differs, differs), true);
    assert.equal(holds(store, { ...greater, operator: "=" }), false);
    store.do(del("k0"));
    assert.equal(holds(store, greater), true);
    assert.equal(holds(store, greater, { ...greater, target: key("k1") }), "range_too_large");
  });
});
