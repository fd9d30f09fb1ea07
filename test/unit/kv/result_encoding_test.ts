/** The bytes of results, as testdata/results.txt holds them: two versions may exchange them. */

import { readFileSync } from "node:fs";
import type { KvRecord } from "../../../src/kv/record.ts";
import { rejectedCodes, type Result } from "../../../src/kv/result.ts";
import { decodeResult, encodeResult } from "../../../src/kv/result_encoding.ts";
import { hex, utf8 } from "../../../src/lib/bytes.ts";
import { Prng } from "../../../src/lib/prng.ts";
import { plain } from "../../harness/plain.ts";
import { assert, describe, it } from "../../harness/test.ts";

const small: KvRecord = { key: utf8("a"), value: utf8("1"), create: 2, mod: 2, version: 1 };
const full: KvRecord = {
  key: Uint8Array.of(0, 255),
  value: utf8("välue"),
  create: 300,
  mod: Number.MAX_SAFE_INTEGER,
  version: 70_000,
  lease: "-5",
  mediaType: "text/plain",
};

const samples: Readonly<Record<string, Result>> = {
  none: { kind: "none" },
  put: { kind: "put", revision: 2, create: 2, version: 1 },
  "put-prev": { kind: "put", revision: 9, create: 3, version: 4, prev: full },
  delete: { kind: "delete", revision: 10, deleted: 0, more: false, prev: [] },
  "delete-more": { kind: "delete", revision: 300, deleted: 2, more: true, prev: [small, full] },
  nothing: { kind: "nothing", revision: 1 },
  "condition-failed": { kind: "conditionFailed", revision: 57, current: small },
  "condition-failed-absent": { kind: "conditionFailed", revision: 57 },
  "condition-failed-long": {
    kind: "conditionFailed",
    revision: 57,
    current: { ...full, value: new Uint8Array(0) },
    valueOmitted: true,
  },
  rejected: { kind: "rejected", revision: 8, code: "lease_full", reason: "lease 7 is full" },
  "put-value": { kind: "put", revision: 9, create: 3, version: 4, value: utf8("42") },
  "put-lease": {
    ...{ kind: "put", revision: 9, create: 3, version: 4, prev: full, value: utf8("42") },
    lease: "-7",
  },
  txn: {
    kind: "txn",
    revision: 12,
    succeeded: false,
    results: [
      { kind: "put", revision: 12, create: 12, version: 1 },
      { kind: "get" },
      { kind: "get", record: small },
      { kind: "range", items: [small, full], more: true },
      { kind: "delete", revision: 12, deleted: 0, more: false, prev: [] },
      { kind: "txn", revision: 12, succeeded: true, results: [] },
    ],
  },
  batch: {
    kind: "batch",
    revision: 13,
    results: [
      { kind: "put", revision: 12, create: 12, version: 1 },
      { kind: "get", record: small },
      { kind: "conditionFailed", revision: 12 },
      { kind: "rejected", revision: 12, code: "bad_request", reason: "no" },
      { kind: "delete", revision: 13, deleted: 1, more: false, prev: [] },
    ],
  },
  compacted: { kind: "compacted", revision: 900, oldest: 300 },
  granted: { kind: "granted", revision: 4, lease: { id: "-7", ttlMs: 30_000 } },
  kept: { kind: "kept", revision: 4, leases: [{ id: "8", ttlMs: 1_000 }, undefined] },
  ended: { kind: "ended", revision: 5, leases: 2, deleted: 300 },
  contest: {
    ...{ kind: "contest", revision: 9, before: 1, hasLeft: false },
    holder: { token: 5, lease: "8", value: utf8("me") },
    own: { token: 300, lease: "-7" },
  },
  "contest-left": {
    ...{ kind: "contest", revision: 9, before: 0, hasLeft: true },
    own: { token: 5, lease: "8" },
  },
  "contest-free": { kind: "contest", revision: 9, before: 0, hasLeft: false },
  "contest-kept": {
    ...{ kind: "contest", revision: 9, before: 3, hasLeft: false },
    holder: { token: 5, lease: "8" },
  },
  "restore-none": { kind: "restore", revision: 9 },
  restore: {
    ...{ kind: "restore", revision: 9 },
    restore: { id: "0123456789abcdef", phase: "loading", next: 300 },
  },
  replayed: { kind: "nothing", revision: 1, replayed: true, omitted: true },
};

const fixtures = new Map(
  readFileSync(new URL("./testdata/results.txt", import.meta.url), "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const [name, bytes] = line.split(" ");
      return [name ?? "", Uint8Array.fromHex(bytes ?? "")] as const;
    }),
);

describe("the bytes of results", () => {
  for (const [name, result] of Object.entries(samples)) {
    it(`are those of the fixture: ${name}`, () => {
      const fixture = fixtures.get(name);
      assert.ok(fixture, `${name} ${hex(encodeResult(result))}`);
      const decoded = decodeResult(fixture);
      assert.ok(decoded.ok);
      assert.deepEqual(plain(decoded.value), plain(result));
      assert.equal(hex(encodeResult(decoded.value)), hex(fixture));
    });
  }

  it("has no fixture that nobody checks", () => {
    assert.deepEqual([...fixtures.keys()].sort(), Object.keys(samples).sort());
  });

  it("give each code of a refusal the number that it has for ever", () => {
    const numbers = rejectedCodes.map((code) =>
      encodeResult({ kind: "rejected", revision: 1, code, reason: "" }).at(4)
    );
    assert.deepEqual(Object.fromEntries(rejectedCodes.map((code, at) => [code, numbers[at]])), {
      ...{ bad_request: 0, range_too_large: 1, duplicate_key: 2, value_type_mismatch: 3 },
      ...{ value_too_large: 4, lease_not_found: 5, lease_full: 6, conflict: 7 },
      ...{ idempotency_mismatch: 8, idempotency_expired: 9, overloaded: 10, not_ready: 11 },
    });
  });
});

describe("results that cannot be read", () => {
  it("are refused at every length that cuts them", () => {
    for (const result of Object.values(samples)) {
      const whole = encodeResult(result);
      for (let length = 0; length < whole.length; length++) {
        assert.equal(decodeResult(whole.subarray(0, length)).ok, false, result.kind);
      }
    }
  });

  it("are refused with the reason", () => {
    const reasonOf = (bytes: Uint8Array): string => {
      const decoded = decodeResult(bytes);
      return decoded.ok ? "decoded" : decoded.reason;
    };
    const nothing = encodeResult({ kind: "nothing", revision: 1 });
    assert.equal(reasonOf(nothing.with(0, 0)), "result of version 0, known is 2");
    assert.equal(reasonOf(nothing.with(1, 4)), "result has unknown flags 0x4");
    assert.equal(reasonOf(nothing.with(2, 5)), "result of unknown kind 5");
    const absent = encodeResult({ kind: "conditionFailed", revision: 1 });
    assert.equal(reasonOf(absent.with(4, 4)), "conditionFailed has unknown flags 0x4");
    const gone = encodeResult({ kind: "delete", revision: 1, deleted: 0, more: false, prev: [] });
    assert.equal(reasonOf(gone.with(5, 2)), "boolean of 2");
    const contest = encodeResult(samples["contest-free"]!);
    assert.equal(reasonOf(contest.with(4, 16)), "contest has unknown flags 0x10");
    assert.equal(reasonOf(contest.with(4, 2)), "contest with a value of nobody");
    const results = [{ kind: "get" as const }];
    const txn = encodeResult({ kind: "txn", revision: 1, succeeded: true, results });
    assert.equal(reasonOf(txn.with(6, 0).subarray(0, 7)), "none in a transaction");
    assert.equal(reasonOf(Uint8Array.of(2, 0, 9, 0)), "get outside of a transaction");
  });

  it("never throw, whatever the bytes", () => {
    const prng = new Prng(7);
    const originals = Object.values(samples).map(encodeResult);
    let decoded = 0;
    for (let round = 0; round < 20_000; round++) {
      const bytes = originals[prng.below(originals.length)]!.slice();
      bytes[prng.below(bytes.length)] = prng.below(256);
      if (decodeResult(bytes).ok) decoded++;
    }
    assert.ok(decoded > 1_000, `${decoded} of the damaged results could still be read`);
  });
});
