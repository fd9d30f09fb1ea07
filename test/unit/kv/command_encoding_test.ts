/**
 * The bytes of commands, as testdata/commands.txt holds them: they stand in logs, and a log is
 * read by later versions, so none of them may change.
 */

import { readFileSync } from "node:fs";
import type { Command, KeyTarget, Operation, Txn } from "../../../src/kv/command.ts";
import {
  decodeCommand,
  decodeOperation,
  encodeCommand,
  encodeOperation,
} from "../../../src/kv/command_encoding.ts";
import { concatBytes, hex, utf8 } from "../../../src/lib/bytes.ts";
import { Prng } from "../../../src/lib/prng.ts";
import { del, delRange, put } from "../../harness/kv_commands.ts";
import { plain } from "../../harness/plain.ts";
import { assert, describe, it } from "../../harness/test.ts";

const wallMs = 1_763_640_000_123;
const requestHash = Uint8Array.from({ length: 32 }, (_, at) => at);

const everything: Command = {
  wallMs: Number.MAX_SAFE_INTEGER,
  idempotency: { identity: "user:ß", key: "client-1;42", requestHash },
  operation: put(Uint8Array.of(0, 255, 47), "välue", {
    mediaType: "text/plain; charset=utf-8",
    lease: "-9223372036854775808",
    ttlMs: 31_536_000_000,
    prev: true,
    conditions: {
      ifMatch: [1, 0, Number.MAX_SAFE_INTEGER],
      ifNoneMatch: [],
      ifValue: { equals: utf8("old") },
    },
  }),
};

/** With each kind of operation, compare and target in it. */
const fullTxn: Txn = {
  kind: "txn",
  compares: [
    { target: key("a"), operator: "=", expected: { kind: "value", bytes: utf8("10") } },
    { target: key("b"), operator: "!=", expected: { kind: "version", count: 0 } },
    { target: range("c", "d"), operator: "<", expected: { kind: "create", count: 300 } },
    { target: range("e"), operator: ">", expected: { kind: "mod", count: 1 } },
    { target: key("f"), operator: "=", expected: { kind: "lease", lease: "-7" } },
  ],
  then: [
    { kind: "put", put: { key: utf8("a"), value: utf8("1"), prev: false } },
    {
      kind: "put",
      put: {
        ...{ key: utf8("b"), value: utf8("2"), mediaType: "text/plain", lease: "8", prev: true },
      },
    },
    { kind: "put", put: { key: utf8("c"), value: utf8("3"), ttlMs: 1_000, prev: false } },
    { kind: "get", key: utf8("g") },
    { kind: "range", range: { start: utf8(""), limit: 1, reverse: false, keysOnly: false } },
    { kind: "delete", target: key("h"), prev: true },
    { kind: "delete", target: range("i", "j"), prev: false },
    { kind: "delete", target: range("k"), prev: false },
  ],
  otherwise: [
    {
      kind: "range",
      range: { start: utf8("l"), end: utf8("m"), limit: 10_000, reverse: true, keysOnly: true },
    },
  ],
};

const emptyTxn: Txn = { kind: "txn", compares: [], then: [], otherwise: [] };

const restoreId = "0123456789abcdef";

const lock = { area: "lock", name: utf8("a/b") } as const;

const asked = { conditions: {}, prev: false, returnValue: false };
const askedAll = { conditions: { ifMatch: [57] }, prev: true, returnValue: true };

const samples: Readonly<Record<string, Command>> = {
  nothing: { wallMs: 0, operation: { kind: "nothing" } },
  put: { wallMs, operation: put("cfg/a", "on") },
  "put-empty-value": { wallMs, operation: put("k", "") },
  "put-create-only": { wallMs, operation: put("k", "v", { conditions: { ifNoneMatch: "any" } }) },
  "put-compare-and-set": { wallMs, operation: put("k", "v", { conditions: { ifMatch: [57] } }) },
  "put-update-only": { wallMs, operation: put("k", "v", { conditions: { ifMatch: "any" } }) },
  "put-if-absent": { wallMs, operation: put("k", "v", { conditions: { ifValue: "absent" } }) },
  "put-lease": { wallMs, operation: put("k", "v", { lease: "9223372036854775807" }) },
  "put-ttl": { wallMs, operation: put("k", "v", { ttlMs: 30_000 }) },
  "put-everything": everything,
  "delete-key": { wallMs, operation: del("cfg/a") },
  "delete-range": { wallMs, operation: delRange("cfg/", "cfg0", { limit: 10_000, prev: true }) },
  "delete-to-the-end": { wallMs, operation: delRange("", undefined, { prev: true }) },
  "delete-conditions": {
    wallMs,
    operation: del("k", { conditions: { ifMatch: [2, 300], ifValue: { equals: utf8("") } } }),
  },
  ...samplesOf({
    merge: { kind: "merge", key: utf8("k"), patch: utf8('{"a":null}'), ...asked },
    "merge-everything": { kind: "merge", key: utf8("k"), patch: utf8("{}"), ...askedAll },
    "update-add": {
      ...{ kind: "update", key: utf8("n"), change: { kind: "add", operand: "-1" }, ...asked },
    },
    "update-min": {
      kind: "update",
      key: utf8("n"),
      change: { kind: "min", operand: "-9223372036854775808" },
      ...askedAll,
    },
    "update-max": {
      ...{ kind: "update", key: utf8("n"), change: { kind: "max", operand: "7" }, ...asked },
    },
    "update-append": {
      kind: "update",
      key: utf8("n"),
      change: { kind: "append", bytes: Uint8Array.of(0, 255) },
      ...{ ...asked, returnValue: true },
    },
    "txn-empty": emptyTxn,
    "txn-everything": fullTxn,
    "txn-nested": {
      ...emptyTxn,
      then: [{ kind: "txn", txn: { ...emptyTxn, otherwise: [{ kind: "txn", txn: fullTxn }] } }],
    },
    batch: {
      kind: "batch",
      items: [
        put("a", "1", { conditions: { ifNoneMatch: "any" } }),
        { kind: "get", key: utf8("a") },
        del("b", { conditions: { ifMatch: [3] } }),
        delRange("c", "d", { limit: 5, prev: true }),
      ],
    },
    compact: { kind: "compact", revision: 70_000 },
    "raise-data-version": { kind: "raiseDataVersion", version: 5 },
    "grant-lease": { kind: "grantLease", ttlMs: 30_000 },
    "grant-lease-id": { kind: "grantLease", ttlMs: 1_000, id: "-9223372036854775808" },
    "keep-leases": { kind: "keepLeases", ids: ["1", "-2", "9223372036854775807"] },
    "revoke-lease": { kind: "revokeLease", id: "-2" },
    contend: { kind: "contend", ...lock, value: utf8("me"), ttlMs: 30_000, queue: false },
    "contend-lease": {
      ...{ kind: "contend", area: "election", name: Uint8Array.of(0, 255), value: utf8("") },
      ...{ lease: "-2", queue: true },
    },
    leave: { kind: "leave", ...lock, token: 300, onlyWaiting: false },
    "leave-waiting": {
      ...{ kind: "leave", area: "election", name: utf8("e"), token: 7, onlyWaiting: true },
      asked: Number.MAX_SAFE_INTEGER,
    },
    proclaim: { kind: "proclaim", name: utf8("e"), token: 7, value: utf8("here") },
    "begin-restore": {
      ...{ kind: "beginRestore", id: restoreId, over: "any", revision: 300, oldest: 7 },
      ...{ clusterTimeMs: 70_000, leasesNumbered: 2, blocks: 3, crc32c: 0xfedcba98 },
      above: Number.MAX_SAFE_INTEGER,
    },
    "stage-restore": {
      ...{ kind: "stageRestore", id: restoreId, first: 200 },
      blocks: [Uint8Array.of(0, 255), utf8("block")],
    },
    "commit-restore": { kind: "commitRestore", id: restoreId },
    "step-restore": { kind: "stepRestore", id: restoreId, recordsMax: 512 },
    "abort-restore": { kind: "abortRestore", id: restoreId },
    "expire-leases": {
      kind: "expireLeases",
      leases: [{ id: "1", deadlineMs: 0 }, { id: "-2", deadlineMs: Number.MAX_SAFE_INTEGER }],
    },
  }),
};

function samplesOf(
  operations: Readonly<Record<string, Operation>>,
): Readonly<Record<string, Command>> {
  return Object.fromEntries(
    Object.entries(operations).map(([name, operation]) => [name, { wallMs, operation }]),
  );
}

function key(name: string): KeyTarget {
  return { kind: "key", key: utf8(name) };
}

/** `end` absent: no upper bound. */
function range(start: string, end?: string): KeyTarget {
  return {
    kind: "range",
    start: utf8(start),
    ...(end === undefined ? {} : { end: utf8(end) }),
  };
}

const fixtures = new Map(
  readFileSync(new URL("./testdata/commands.txt", import.meta.url), "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const [name, bytes] = line.split(" ");
      return [name ?? "", Uint8Array.fromHex(bytes ?? "")] as const;
    }),
);

describe("the bytes of commands", () => {
  for (const [name, command] of Object.entries(samples)) {
    it(`are those of the fixture: ${name}`, () => {
      const fixture = fixtures.get(name);
      assert.ok(fixture, `${name} ${hex(encodeCommand(command))}`);
      const decoded = decodeCommand(fixture);
      assert.ok(decoded.ok);
      assert.deepEqual(plain(decoded.value), plain(command));
      assert.equal(hex(encodeCommand(decoded.value)), hex(fixture));
    });
  }

  it("has no fixture that nobody checks", () => {
    assert.deepEqual([...fixtures.keys()].sort(), Object.keys(samples).sort());
  });

  it("hold the operation as a follower hands it on", () => {
    for (const { operation } of Object.values(samples)) {
      const alone = encodeOperation(operation);
      const decoded = decodeOperation(alone);
      assert.ok(decoded.ok);
      assert.deepEqual(plain(decoded.value), plain(operation));
      const whole = encodeCommand({ wallMs: 1, operation });
      assert.equal(hex(whole.subarray(whole.length - alone.length)), hex(alone));
    }
  });
});

function reasonOf(bytes: Uint8Array): string {
  const decoded = decodeCommand(bytes);
  return decoded.ok ? "decoded" : decoded.reason;
}

describe("commands that cannot be read", () => {
  const plainPut = encodeCommand({ wallMs: 0, operation: put("k", "v") });

  it("are refused at every length that cuts them", () => {
    for (const [name, command] of Object.entries(samples)) {
      const whole = encodeCommand(command);
      for (let length = 0; length < whole.length; length++) {
        assert.notEqual(reasonOf(whole.subarray(0, length)), "decoded", `${name}, ${length} bytes`);
      }
      assert.equal(reasonOf(whole), "decoded");
    }
  });

  it("are refused with the reason", () => {
    const edited = (at: number, byte: number): Uint8Array => plainPut.with(at, byte);
    const twoBytes = Uint8Array.of(7, 7);
    assert.equal(hex(plainPut), "0100000101000" + "16b0176" + "00");
    assert.equal(reasonOf(edited(0, 2)), "command of version 2, known is 1");
    assert.equal(reasonOf(edited(1, 4)), "command has unknown flags 0x4");
    assert.equal(reasonOf(edited(3, 9)), "operation of version 9, known is 1");
    assert.equal(reasonOf(edited(4, 21)), "operation of unknown kind 21");
    const contend = encodeCommand(samples["contend"]!);
    assert.equal(reasonOf(contend.with(10, 3)), "contest of unknown area 3");
    assert.equal(reasonOf(contend.with(11, 8)), "contend has unknown flags 0x8");
    const leave = encodeCommand(samples["leave"]!);
    assert.equal(reasonOf(leave.with(11, 4)), "leave has unknown flags 0x4");
    assert.equal(reasonOf(edited(5, 16)), "put has unknown flags 0x10");
    assert.equal(reasonOf(edited(10, 64)), "conditions has unknown flags 0x40");
    assert.equal(reasonOf(edited(10, 3)), "condition of unknown form 3");
    assert.equal(reasonOf(concatBytes([plainPut, twoBytes])), "2 bytes behind the end");
  });

  it("are refused for text that is none, and for a lease id that is none", () => {
    const withLease = (lease: string): string =>
      reasonOf(encodeCommand({ wallMs: 0, operation: put("k", "v", { lease }) }));
    assert.equal(withLease("0"), "decoded");
    assert.equal(withLease("-1"), "decoded");
    for (const wrong of ["", "-0", "01", "+1", "1.0", "9223372036854775808", "1e3", "١"]) {
      assert.equal(withLease(wrong), "lease id is no signed 64-bit integer", wrong);
    }
    const typed = encodeCommand({ wallMs: 0, operation: put("k", "v", { mediaType: "ab" }) });
    const broken = typed.with(typed.indexOf(0x61), 0xff);
    assert.match(reasonOf(broken), /^text that is not UTF-8/);
  });

  it("never throw, whatever the bytes", () => {
    const prng = new Prng(20_261_120);
    const originals = Object.values(samples).map(encodeCommand);
    let decoded = 0;
    for (let round = 0; round < 20_000; round++) {
      const bytes = originals[prng.below(originals.length)]!.slice();
      for (let flips = 1 + prng.below(3); flips > 0; flips--) {
        bytes[prng.below(bytes.length)] = prng.below(256);
      }
      const result = decodeCommand(bytes);
      if (!result.ok) continue;
      decoded++;
      // What was understood can be said again.
      const again = decodeCommand(encodeCommand(result.value));
      assert.ok(again.ok);
      assert.deepEqual(again.value, result.value);
    }
    assert.ok(decoded > 1_000, `${decoded} of the damaged commands could still be read`);
  });

  it("are told apart from operations of another version", () => {
    const operation: Operation = { kind: "nothing" };
    const decoded = decodeOperation(encodeOperation(operation).with(0, 0));
    const reason = "operation of version 0, known is 1";
    assert.deepEqual(decoded, { ok: false, reason, isLater: false });
    const later = decodeOperation(encodeOperation(operation).with(0, 2));
    assert.ok(!later.ok && later.isLater);
  });
});
