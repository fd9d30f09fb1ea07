import { answerBytesKept } from "../../../src/kv/idempotency.ts";
import type { KvRecord } from "../../../src/kv/record.ts";
import { answerToKeep, isKept, keptAnswer } from "../../../src/kv/remembered.ts";
import { type Outcome, type Rejected, rejectedCodes } from "../../../src/kv/result.ts";
import { utf8 } from "../../../src/lib/bytes.ts";
import { plain } from "../../harness/plain.ts";
import { assert, describe, it } from "../../harness/test.ts";

const record: KvRecord = { key: utf8("a"), value: utf8("1"), create: 2, mod: 2, version: 1 };
const put = { kind: "put", revision: 9, create: 3, version: 4 } as const;
const gone = { kind: "delete", revision: 9, deleted: 1, more: false } as const;

function holderOf(bytes: number) {
  return { token: 5, lease: "7", value: new Uint8Array(bytes).fill(97) };
}

/** What a repetition is answered. */
function again(outcome: Outcome): unknown {
  const bytes = answerToKeep(outcome);
  assert.ok(bytes.length <= answerBytesKept, `${bytes.length} bytes`);
  return plain(keptAnswer(bytes));
}

const replayed = { replayed: true } as const;
const omitted = { replayed: true, omitted: true } as const;

describe("an answer that is remembered", () => {
  const whole: readonly Outcome[] = [
    put,
    { ...put, value: utf8("-9223372036854775808") },
    { ...gone, prev: [] },
    { kind: "nothing", revision: 3 },
    { kind: "conditionFailed", revision: 3 },
    { kind: "rejected", revision: 3, code: "value_type_mismatch", reason: "" },
    { kind: "compacted", revision: 9, oldest: 4 },
    { kind: "granted", revision: 9, lease: { id: "-7", ttlMs: 1_000 } },
    { kind: "kept", revision: 9, leases: [undefined, { id: "1", ttlMs: 1_000 }] },
    { kind: "ended", revision: 9, leases: 1, deleted: 3 },
    { kind: "contest", revision: 9, before: 0, hasLeft: true, own: { token: 5, lease: "1" } },
    { kind: "contest", revision: 9, before: 1, hasLeft: false, holder: holderOf(1_024) },
    { kind: "txn", revision: 9, succeeded: true, results: [put, { kind: "get" }] },
    { kind: "batch", revision: 9, results: [put, { kind: "conditionFailed", revision: 9 }] },
  ];
  for (const outcome of whole) {
    it(`is whole where nothing was read: ${outcome.kind}`, () => {
      assert.deepEqual(again(outcome), plain({ ...outcome, ...replayed }));
    });
  }

  it("lacks what was read, and says so", () => {
    assert.deepEqual(again({ ...put, prev: record }), plain({ ...put, ...omitted }));
    assert.deepEqual(again({ ...gone, prev: [record] }), plain({ ...gone, prev: [], ...omitted }));
    assert.deepEqual(
      again({ kind: "conditionFailed", revision: 3, current: record, valueOmitted: true }),
      { kind: "conditionFailed", revision: 3, ...omitted },
    );
  });

  it("lacks what a leader says where that is long", () => {
    const contest = { kind: "contest", revision: 9, before: 1, hasLeft: false } as const;
    const { value: _value, ...holder } = holderOf(1_025);
    assert.deepEqual(
      again({ ...contest, holder: holderOf(1_025) }),
      plain({ ...contest, holder, ...omitted }),
    );
  });

  it("has a new value that is as short as a counter, and lacks a longer one", () => {
    const short = { ...put, value: new Uint8Array(64).fill(97) };
    assert.deepEqual(again(short), plain({ ...short, ...replayed }));
    const long = { ...put, value: new Uint8Array(65) };
    assert.deepEqual(again(long), plain({ ...put, ...omitted }));
    const both = { ...short, prev: record };
    assert.deepEqual(again(both), plain({ ...short, ...omitted }));
  });

  it("lacks what a transaction and a batch read, in every place", () => {
    const inner = {
      kind: "txn",
      revision: 9,
      succeeded: false,
      results: [{ kind: "get", record }, { ...gone, prev: [record] }],
    } as const;
    const txn: Outcome = {
      kind: "txn",
      revision: 9,
      succeeded: true,
      results: [
        { ...put, prev: record },
        { kind: "range", items: [record], more: true },
        inner,
      ],
    };
    assert.deepEqual(again(txn), {
      ...{ kind: "txn", revision: 9, succeeded: true, ...omitted },
      results: [
        put,
        { kind: "range", items: [], more: false },
        { ...inner, results: [{ kind: "get" }, { ...gone, prev: [] }] },
      ],
    });
    const rejected: Rejected = {
      kind: "rejected",
      revision: 9,
      code: "lease_full",
      reason: "full",
    };
    const batch: Outcome = {
      kind: "batch",
      revision: 9,
      results: [
        { kind: "get", record },
        { kind: "conditionFailed", revision: 9, current: record },
        rejected,
        { ...put, prev: record },
      ],
    };
    assert.deepEqual(again(batch), {
      ...{ kind: "batch", revision: 9, ...omitted },
      results: [
        { kind: "get" },
        { kind: "conditionFailed", revision: 9 },
        { ...rejected, reason: "" },
        put,
      ],
    });
  });

  it("lacks the words of a refusal, which another version may word differently", () => {
    const refused = { kind: "rejected", revision: 3, code: "lease_full" } as const;
    assert.deepEqual(again({ ...refused, reason: "full" }), {
      ...refused,
      reason: "",
      ...replayed,
    });
    assert.deepEqual(
      answerToKeep({ ...refused, reason: "full" }),
      answerToKeep({ ...refused, reason: "no room" }),
    );
  });

  it("lacks its parts where they are too many, and still says what it was", () => {
    const results = Array.from({ length: 1_000 }, () => put);
    const txn = { kind: "txn", revision: 9, succeeded: false } as const;
    assert.deepEqual(again({ ...txn, results }), { ...txn, results: [], ...omitted });
    const batch = { kind: "batch", revision: 9 } as const;
    assert.deepEqual(again({ ...batch, results }), { ...batch, results: [], ...omitted });
    const leases = Array.from({ length: 1_000 }, (_, at) => ({ id: String(at), ttlMs: 1_000 }));
    const kept = { kind: "kept", revision: 9 } as const;
    assert.deepEqual(again({ ...kept, leases }), { ...kept, leases: [], ...omitted });
  });

  it("keeps its parts up to the limit", () => {
    const results = Array.from({ length: 800 }, () => put);
    const batch = { kind: "batch", revision: 9 } as const;
    const most = results.findLastIndex((_, at) => {
      return answerToKeep({ ...batch, results: results.slice(0, at) }).length > answerBytesKept / 2;
    });
    const kept = keptAnswer(answerToKeep({ ...batch, results: results.slice(0, most) }));
    assert.ok(kept.kind === "batch" && most > 700);
    assert.equal(kept.results.length, most);
  });
});

describe("what is remembered", () => {
  it("is every answer but that the request was nonsense, or that there was no room", () => {
    assert.equal(isKept(put), true);
    assert.equal(isKept({ kind: "conditionFailed", revision: 3 }), true);
    const codes = rejectedCodes.filter((code) => {
      return !isKept({ kind: "rejected", revision: 3, code, reason: "" });
    });
    assert.deepEqual(codes, ["bad_request", "overloaded", "not_ready"]);
  });
});
