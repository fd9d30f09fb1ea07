/** What every front refuses alike, and how large answers are read. */

import type { GetQuery, KvRecord, Query } from "../../../src/service/contract.ts";
import { checkOperation, checkQuery } from "../../../src/service/limits.ts";
import { utf8 } from "../../../src/lib/bytes.ts";
import { del, get, put, range } from "../../harness/kv_commands.ts";
import { failureOf, ServedFakeNode, within, writtenBy } from "../../harness/served_node.ts";
import { assert, describe, it } from "../../harness/test.ts";
import { standstill } from "../../harness/wait.ts";

const soon = { timeout: 30_000 };
const limits = { valueBytesMax: 100 };
const long = "k".repeat(8_192);
const tooLong = `${long}k`;
const mebi = 1024 * 1024;

describe("The limits of a request", () => {
  const refused = async (run: () => void): Promise<string> =>
    await failureOf(Promise.resolve().then(run));

  it("are those of keys and of the configured value", async () => {
    const allowed = [
      put(long, "x".repeat(100)),
      put("k", ""),
      del(long),
      { kind: "nothing" } as const,
    ];
    for (const operation of allowed) checkOperation(operation, limits);
    const rows = [
      [put("k", "x".repeat(101)), "value_too_large, not_applied, final"],
      [put("", "x"), "bad_request, not_applied, final"],
      [put(tooLong, "x"), "key_too_long, not_applied, final"],
      [del(""), "bad_request, not_applied, final"],
      [del(tooLong), "key_too_long, not_applied, final"],
    ] as const;
    for (const [operation, expected] of rows) {
      assert.equal(await refused(() => checkOperation(operation, limits)), expected);
    }
  });

  it("hold for every key that is read", async () => {
    checkQuery(get("k", long));
    checkQuery(range());
    assert.equal(await refused(() => checkQuery(get("k", ""))), "bad_request, no outcome, final");
    assert.equal(
      await refused(() => checkQuery(get("k", tooLong))),
      "key_too_long, no outcome, final",
    );
  });
});

describe("A node", soon, () => {
  it("refuses what is too large before anybody is asked", async () => {
    const served = new ServedFakeNode();
    const value = "x".repeat(101);
    assert.equal(
      await failureOf(served.kv.write(put("k", value), within(60_000))),
      "value_too_large, not_applied, final",
    );
    const level = "linearizable";
    assert.equal(
      await failureOf(served.kv.read(get(tooLong), { ...within(60_000), level })),
      "key_too_long, no outcome, final",
    );
    assert.deepEqual([served.node.proposals, served.node.reads], [[], []]);
  });
});

/** A node whose keys name the lengths of their values, in bytes; what is asked of it is noted. */
function holding(): { readonly served: ServedFakeNode; readonly asked: GetQuery[] } {
  const served = new ServedFakeNode();
  const asked: GetQuery[] = [];
  const recordOf = (key: Uint8Array): KvRecord | undefined => {
    const length = Number(new TextDecoder().decode(key));
    if (length === 0) return undefined;
    return { key, value: new Uint8Array(length), create: 2, mod: 2, version: 1 };
  };
  served.node.answer = (query: Query) => {
    assert.ok(query.kind === "get");
    asked.push(query);
    const records: (KvRecord | undefined)[] = [];
    let bytes = 0;
    for (const key of query.keys) {
      if (bytes > query.bytesMax) break;
      const record = recordOf(key);
      records.push(record);
      bytes += record?.value.length ?? 0;
    }
    return { kind: "records", revision: query.revision ?? served.revision, records };
  };
  return { served, asked };
}

describe("A read of many keys", soon, () => {
  const eventually = { ...within(60_000), level: "eventual" } as const;
  const keysOf = (lengths: readonly number[]): Uint8Array[] =>
    lengths.map((length) => utf8(String(length)));
  const read = (served: ServedFakeNode, lengths: readonly number[], bytesMax = 16 * mebi) =>
    served.kv.read({ kind: "get", keys: keysOf(lengths), bytesMax }, eventually);

  it("goes in slices of one view, and leaves room for others after each mebibyte", async () => {
    const { served, asked } = holding();
    const askedBeforeRest: number[] = [];
    served.onRest = (goOn) => {
      served.revision++;
      // The loop goes round when nothing can go on without it.
      void standstill().then(() => {
        askedBeforeRest.push(asked.length);
        goOn();
      });
    };
    const lengths = [3 * mebi, 5, 0, 2 * mebi, ...Array.from({ length: 600 }, () => 7), 0];
    const { answer, header } = await read(served, lengths);
    assert.ok(answer.kind === "records");
    assert.deepEqual(answer.records.map((record) => record?.value.length ?? 0), lengths);
    assert.deepEqual([answer.revision, header.revision], [10, 10]);
    assert.deepEqual(
      asked.map(({ revision, keys, bytesMax }) => [revision, keys.length, bytesMax]),
      [[undefined, 256, mebi], ...[256, 256, 256, 89].map((keys) => [10, keys, mebi])],
    );
    // The first slice and the second hold more than a mebibyte, the others less together.
    assert.deepEqual(askedBeforeRest.slice(0, 2), [1, 2]);
  });

  it("is refused as soon as it is known to hold too much, keys counted", async () => {
    const { served, asked } = holding();
    const expected = "range_too_large, no outcome, final";
    const lengths = Array.from({ length: 10_000 }, () => 2 * mebi);
    assert.equal(await failureOf(read(served, lengths)), expected);
    assert.equal(asked.length, 8);
    assert.equal((await read(served, [5, 5], 12)).answer.kind, "records");
    assert.equal(await failureOf(read(served, [5, 5], 11)), expected);
  });

  it("ends when its time is up, or its client has gone", async () => {
    const { served } = holding();
    served.onRest = (goOn) => {
      served.nowMs += 60_000;
      void standstill().then(goOn);
    };
    const lengths = [2 * mebi, 1];
    assert.equal(await failureOf(read(served, lengths)), "timeout, no outcome, retryable");
    const client = new AbortController();
    served.onRest = (goOn) => {
      client.abort();
      void standstill().then(goOn);
    };
    const query = { kind: "get", keys: keysOf(lengths), bytesMax: 16 * mebi } as const;
    assert.equal(
      await failureOf(served.kv.read(query, { ...eventually, signal: client.signal })),
      "timeout, no outcome, final",
    );
  });
});

describe("Reads of many clients", soon, () => {
  it("leave room for others after each mebibyte, and go on in order", async () => {
    const { served } = holding();
    const rests: (() => void)[] = [];
    served.onRest = (goOn) => void rests.push(goOn);
    const answered: number[] = [];
    const ask = async (length: number) => {
      const query = { kind: "get", keys: [utf8(String(length))], bytesMax: 16 * mebi } as const;
      await served.kv.read(query, { ...within(60_000), level: "eventual" });
      answered.push(length);
    };
    const asked = [1, 8 * mebi, 2, 3, 3 * mebi, 4, 2 * mebi, 5].map(ask);
    const after: number[][] = [];
    for (;;) {
      await standstill();
      after.push(answered.splice(0));
      const rest = rests.shift();
      if (rest === undefined) break;
      rest();
    }
    assert.deepEqual(after, [[1, 8 * mebi], [2, 3, 3 * mebi], [4, 2 * mebi], [5], []]);
    await Promise.all(asked);
  });

  it("are dropped while they wait when their clients go", async () => {
    const { served, asked } = holding();
    const rests: (() => void)[] = [];
    served.onRest = (goOn) => void rests.push(goOn);
    const client = new AbortController();
    const read = (more: { readonly signal?: AbortSignal }) => {
      const query = { kind: "get", keys: [utf8(String(2 * mebi))], bytesMax: 16 * mebi } as const;
      return served.kv.read(query, { ...within(60_000), level: "eventual", ...more });
    };
    await read({});
    const failure = failureOf(read({ signal: client.signal }));
    client.abort();
    await standstill();
    rests[0]?.();
    assert.equal(await failure, "timeout, no outcome, final");
    assert.equal(asked.length, 1);
  });
});

describe("A forwarded write", soon, () => {
  it("is refused by the leader's limits, too, and does not travel beyond the own", async () => {
    const served = new ServedFakeNode(2);
    served.onForward = () => writtenBy(2, { kind: "nothing", revision: 1 });
    const failure = failureOf(served.kv.write(put("k", "x".repeat(101)), within(60_000)));
    assert.equal(await failure, "value_too_large, not_applied, final");
    assert.deepEqual(served.forwarded, []);
  });
});
