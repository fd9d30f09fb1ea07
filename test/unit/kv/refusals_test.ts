import type { BatchItem, Contend, Operation, Txn, TxnOperation } from "../../../src/kv/command.ts";
import {
  batchItemsMax,
  keyBytesMax,
  txnOperationsMax,
  valueBytesMax,
} from "../../../src/kv/record.ts";
import { idempotencyRefusal, leasesPerCommandMax, refusalOf } from "../../../src/kv/refusals.ts";
import { bytes, del, delRange, put } from "../../harness/kv_commands.ts";
import { MemoryStore } from "../../harness/kv_store.ts";
import { assert, describe, it } from "../../harness/test.ts";

const asked = { conditions: {}, prev: false, returnValue: false };
const long = new Uint8Array(keyBytesMax + 1);
const huge = new Uint8Array(valueBytesMax + 1);
const keyReason = "key has 0 bytes, allowed are 1 … 8192";
const longReason = "key has 8193 bytes, allowed are 1 … 8192";

function txn(more: Partial<Txn>): Txn {
  return { kind: "txn", compares: [], then: [], otherwise: [], ...more };
}

function gets(count: number): readonly TxnOperation[] {
  return Array.from({ length: count }, (_, at) => ({ kind: "get", key: bytes(`k${at}`) }));
}

function nested(depth: number): Txn {
  return depth === 0 ? txn({}) : txn({ then: [{ kind: "txn", txn: nested(depth - 1) }] });
}

function items(count: number): readonly BatchItem[] {
  return Array.from({ length: count }, () => put("k", ""));
}

function ids(count: number): readonly string[] {
  return Array.from({ length: count }, (_, at) => String(at));
}

function counter(operand: string): Operation {
  return { kind: "update", key: bytes("n"), change: { kind: "add", operand }, ...asked };
}

const tooMany = "allowed are 128 of each, nested ones counted";
const integerReason = "value is not a signed 64-bit integer in decimal";
const ttlReason = (ms: number): string => `ttl is ${ms} ms, allowed are 1000 … 31622400000`;

const free: Contend = {
  ...{ kind: "contend", area: "lock", name: bytes("l"), value: bytes(""), queue: false },
};
const lock: Contend = { ...free, ttlMs: 1_000 };

const refused: readonly (readonly [Operation, string])[] = [
  [put("", "v"), keyReason],
  [put(long, "v"), longReason],
  [put("k", huge), "value has 8388609 bytes, allowed are 0 … 8388608"],
  [put("k", "v", { mediaType: "" }), "mediaType is not 1 … 255 characters of printable ASCII"],
  [put("k", "v", { ttlMs: 999 }), ttlReason(999)],
  [put("k", "v", { ttlMs: 366 * 86_400_000 + 1 }), ttlReason(366 * 86_400_000 + 1)],
  [put("k", "v", { ttlMs: 1_000, lease: "1" }), "lease and ttl are not given together"],
  [del(""), keyReason],
  [delRange("a", "b", { limit: 0 }), "limit is 0, allowed are 1 … 10000"],
  [delRange("a", "b", { limit: 10_001 }), "limit is 10001, allowed are 1 … 10000"],
  [delRange("a", "b", { conditions: { ifValue: "absent" } }), "ifValue needs a single key"],
  [{ kind: "merge", key: bytes(""), patch: bytes("{}"), ...asked }, keyReason],
  [
    { kind: "merge", key: bytes("k"), patch: bytes("{"), ...asked },
    "the patch is not JSON: at byte 1 it ends where a member name belongs",
  ],
  [
    { kind: "update", key: long, change: { kind: "append", bytes: bytes("") }, ...asked },
    longReason,
  ],
  [
    { kind: "update", key: bytes("k"), change: { kind: "append", bytes: huge }, ...asked },
    "value has 8388609 bytes, allowed are 0 … 8388608",
  ],
  [counter("9223372036854775808"), integerReason],
  [counter("-9223372036854775809"), integerReason],
  [counter("01"), integerReason],
  [counter("+1"), integerReason],
  [counter("-0"), integerReason],
  [counter(""), integerReason],
  [counter("1.0"), integerReason],
  [{ kind: "compact", revision: 0 }, "revision is 0, not 1 or more"],
  [{ kind: "grantLease", ttlMs: 999 }, ttlReason(999)],
  [
    { kind: "grantLease", ttlMs: 1_000, id: "0" },
    "id is 0, allowed is any other signed 64-bit integer",
  ],
  [{ kind: "keepLeases", ids: [] }, "0 ids are named, allowed are 1 … 1000"],
  [{ kind: "keepLeases", ids: ids(1_001) }, "1001 ids are named, allowed are 1 … 1000"],
  [{ ...lock, name: bytes("") }, "the name has 0 bytes, allowed are 1 … 1024"],
  [{ ...lock, name: long.subarray(0, 1_025) }, "the name has 1025 bytes, allowed are 1 … 1024"],
  [{ ...lock, value: long.subarray(0, 1_025) }, "the owner has 1025 bytes, allowed are 0 … 1024"],
  [{ ...lock, ttlMs: 999 }, ttlReason(999)],
  [{ ...lock, lease: "1" }, "either lease or ttl is given, and not both"],
  [free, "either lease or ttl is given, and not both"],
  [
    { ...lock, area: "election", value: huge.subarray(0, 65_537) },
    "the value has 65537 bytes, allowed are 0 … 65536",
  ],
  [
    { kind: "leave", area: "lock", name: bytes(""), token: 1, onlyWaiting: true },
    "the name has 0 bytes, allowed are 1 … 1024",
  ],
  [
    { kind: "proclaim", name: bytes("e"), token: 1, value: huge.subarray(0, 65_537) },
    "the value has 65537 bytes, allowed are 0 … 65536",
  ],
  [{ kind: "expireLeases", leases: [] }, "0 leases are named, allowed are 1 … 1000"],
  [{ kind: "batch", items: [] }, "the batch has 0 items, allowed are 1 … 1000"],
  [{ kind: "batch", items: items(1_001) }, "the batch has 1001 items, allowed are 1 … 1000"],
  [{ kind: "batch", items: [put("", "v")] }, keyReason],
  [
    { kind: "batch", items: [put("k", ""), { kind: "get", key: bytes("") }] },
    `number 2: ${keyReason}`,
  ],
  [{ kind: "batch", items: [put("k", ""), del(long)] }, `number 2: ${longReason}`],
  [{ kind: "batch", items: [delRange("a", "b")] }, "a batch deletes single keys, no ranges"],
];

const txnRefused: readonly (readonly [Txn, string])[] = [
  [
    txn({ then: gets(100), otherwise: gets(29) }),
    `the transaction has 129 operations and 0 compares, ${tooMany}`,
  ],
  [
    nested(129),
    `the transaction has 129 operations and 0 compares, ${tooMany}`,
  ],
  [
    txn({
      compares: Array.from({ length: 129 }, () => ({
        target: { kind: "key", key: bytes("k") },
        operator: "=",
        expected: { kind: "mod", count: 0 },
      })),
    }),
    `the transaction has 0 operations and 129 compares, ${tooMany}`,
  ],
  [txn({ then: [{ kind: "get", key: bytes("") }] }), keyReason],
  [txn({ then: [...gets(1), { kind: "get", key: long }] }), `number 2: ${longReason}`],
  [txn({ otherwise: [...gets(2), { kind: "get", key: long }] }), `number 3: ${longReason}`],
  [
    txn({ then: [{ kind: "delete", target: { kind: "key", key: bytes("") }, prev: false }] }),
    keyReason,
  ],
  [
    txn({ then: [{ kind: "put", put: { key: bytes("k"), value: huge, prev: false } }] }),
    "value has 8388609 bytes, allowed are 0 … 8388608",
  ],
  [
    txn({
      then: [
        ...gets(1),
        { kind: "txn", txn: txn({ then: [...gets(1), { kind: "get", key: bytes("") }] }) },
      ],
    }),
    `number 2: number 2: ${keyReason}`,
  ],
  ...[0, 10_001].map((limit): readonly [Txn, string] => [
    txn({
      then: [
        {
          kind: "range",
          range: { start: bytes(""), limit, reverse: false, keysOnly: false },
        },
      ],
    }),
    `limit is ${limit}, allowed are 1 … 10000`,
  ]),
  [
    txn({
      compares: [
        {
          target: { kind: "key", key: bytes("k") },
          operator: "=",
          expected: { kind: "value", bytes: huge },
        },
      ],
    }),
    "a value to compare has 8388609 bytes, allowed are 0 … 8388608",
  ],
];

const allowed: readonly Operation[] = [
  { kind: "nothing" },
  put(long.subarray(1), huge.subarray(1), { ttlMs: 1_000 }),
  put("k", "", { ttlMs: 366 * 86_400_000, mediaType: "x".repeat(255) }),
  delRange("", undefined, { limit: 10_000, conditions: { ifMatch: "any" } }),
  counter("9223372036854775807"),
  counter("-9223372036854775808"),
  { kind: "merge", key: bytes("k"), patch: bytes("null"), ...asked },
  { kind: "compact", revision: 1 },
  { kind: "grantLease", ttlMs: 1_000, id: "-9223372036854775808" },
  { kind: "keepLeases", ids: ids(leasesPerCommandMax) },
  { kind: "revokeLease", id: "0" },
  { kind: "batch", items: items(batchItemsMax) },
  txn({}),
  txn({ then: gets(txnOperationsMax - 1), otherwise: gets(1) }),
  nested(txnOperationsMax),
];

describe("what is refused whatever the store holds", () => {
  [...refused, ...txnRefused].forEach(([operation, reason], at) => {
    it(`is refused with one reason, at the door and in apply: ${operation.kind} ${at}`, () => {
      assert.equal(refusalOf(operation), reason);
      const result = new MemoryStore().do(operation);
      assert.deepEqual(result, { kind: "rejected", revision: 1, code: "bad_request", reason });
    });
  });

  allowed.forEach((operation, at) => {
    it(`does not go further than that: ${operation.kind} ${at}`, () => {
      assert.equal(refusalOf(operation), undefined);
    });
  });

  it("is a request that nobody could remember", () => {
    const good = { identity: "", key: "k", requestHash: new Uint8Array(32) };
    assert.equal(idempotencyRefusal(good), undefined);
    assert.equal(
      idempotencyRefusal({ ...good, key: "" }),
      "the idempotency key has 0 bytes, allowed are 1 … 255",
    );
    assert.equal(
      idempotencyRefusal({ ...good, key: "ü".repeat(128) }),
      "the idempotency key has 256 bytes, allowed are 1 … 255",
    );
    assert.equal(
      idempotencyRefusal({ ...good, identity: "x".repeat(256) }),
      "the identity has 256 bytes, allowed are 0 … 255",
    );
    assert.equal(
      idempotencyRefusal({ ...good, requestHash: new Uint8Array(0) }),
      "the request hash has 0 bytes, allowed are 1 … 32",
    );
  });
});
