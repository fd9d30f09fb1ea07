import type { TxnOperation } from "../../../src/kv/command.ts";
import type { Answer, ChangesQuery } from "../../../src/kv/query.ts";
import { lossyText } from "../../../src/lib/bytes.ts";
import { bytes, del, delRange, prefix, put } from "../../harness/kv_commands.ts";
import { MemoryStore } from "../../harness/kv_store.ts";
import { assert, describe, it } from "../../harness/test.ts";

type Changes = Answer & { readonly kind: "changes" };

const query: ChangesQuery = {
  ...{ kind: "changes", range: prefix("a/"), from: { after: 1 }, prev: false },
  ...{ changesMax: 1_000, bytesMax: 1_000_000 },
};

function follow(store: MemoryStore, more: Partial<ChangesQuery> = {}): Changes {
  const answer = store.read({ ...query, ...more });
  assert.ok(answer.kind === "changes", answer.kind);
  return answer;
}

/** Each revision with its keys: `revision:key,key`, and `…` behind one that goes on. */
function told({ revisions }: Changes): readonly string[] {
  return revisions.map(({ revision, events, isPartial }) => {
    const keys = events.map((event) =>
      lossyText(event.kind === "put" ? event.record.key : event.key)
    );
    return `${revision}:${keys.join()}${isPartial ? "…" : ""}`;
  });
}

/** One revision that changes all of these keys, in this order. */
function changeAll(store: MemoryStore, ...keys: readonly string[]): void {
  const then = keys.map((key): TxnOperation => {
    return { kind: "put", put: { key: bytes(key), value: bytes("v"), prev: false } };
  });
  assert.equal(store.codeOf({ kind: "txn", compares: [], then, otherwise: [] }), "txn");
}

describe("the changes of a range", () => {
  it("are told revision by revision, with times, and without what is elsewhere", () => {
    const store = new MemoryStore();
    changeAll(store, "a/1", "b/1", "a/2");
    store.do(put("b/2", "v"));
    store.do(delRange("a/", "b0"));
    const answer = follow(store, { prev: true });
    assert.deepEqual(told(answer), ["2:a/1,a/2", "4:a/1,a/2"]);
    assert.deepEqual([answer.through, answer.revision, answer.next], [4, 4, 9]);
    assert.deepEqual(answer.revisions.map(({ times }) => times.timeMs), [10, 30]);
    const [first, second] = answer.revisions.map(({ events }) => events[0]);
    const record = { key: bytes("a/1"), value: bytes("v"), create: 2, mod: 2, version: 1 };
    assert.deepEqual(first, { kind: "put", record });
    assert.deepEqual(second, { kind: "delete", key: bytes("a/1"), mod: 4, prev: record });
  });

  it("begin behind a revision that can be read, whether its last row is there or not", () => {
    const store = new MemoryStore();
    for (const each of [put("a/1", "v"), del("a/1"), put("a/1", "w")]) store.do(each);
    store.do({ kind: "compact", revision: 3 });
    const live = { from: { live: 2 } };
    assert.deepEqual(told(follow(store, live)), ["3:a/1", "4:a/1"], "the rows are still there");
    while (store.machine.purge());
    assert.deepEqual(told(follow(store, { from: { after: 3 }, prev: true })), ["4:a/1"]);
    const gone = store.read({ ...query, from: { after: 2 } });
    assert.deepEqual(gone, { kind: "compacted", oldest: 3 });
    for (const from of [{ number: 2 }, live.from]) {
      assert.deepEqual(store.read({ ...query, from }), gone);
    }
    assert.deepEqual(store.read({ ...query, from: { after: 5 } }), {
      kind: "future",
      revision: 4,
    });
  });

  it("are given up in the midst of them, whether the rows that come are there or not", () => {
    const store = new MemoryStore();
    for (const each of [put("a/1", "v"), put("a/2", "v"), put("a/2", "w")]) store.do(each);
    const from = { number: 1 };
    assert.deepEqual(told(follow(store, { from })), ["2:a/1", "3:a/2", "4:a/2"]);
    store.do({ kind: "compact", revision: 4 });
    const gone = { kind: "compacted", oldest: 4 };
    assert.deepEqual(store.read({ ...query, from }), gone);
    while (store.machine.purge());
    // Its first row is the newest of its key, and stays: that the next one lacks is no damage.
    assert.deepEqual(store.read({ ...query, from }), gone);
  });

  for (const [place, number] of [["last", 3], ["middle", 2]] as const) {
    it(`are refused where the ${place} row is missing though nothing is compacted`, () => {
      const store = new MemoryStore();
      changeAll(store, "a/1", "a/2", "a/3");
      store.tables.removeChange(number);
      assert.throws(() => follow(store), new RegExp(`change ${number} is missing`));
    });
  }

  it("are read with few values more than are told", () => {
    const store = new MemoryStore();
    const value = "v".repeat(100);
    for (let round = 0; round < 400; round++) {
      store.do(put(`a/${round}`, value));
      store.do(put(`b/${round}`, value));
    }
    let read = 0;
    const slice = store.tables.changeSlice.bind(store.tables);
    store.tables.changeSlice = (...asked) => {
      const rows = slice(...asked);
      for (const row of rows) if (row.value !== undefined) read++;
      return rows;
    };
    for (const many of [1, 5, 50, 300]) {
      read = 0;
      const page = follow(store, { bytesMax: many * 105 });
      assert.ok(page.revisions.length >= many && page.revisions.length < many * 1.1);
      assert.ok(read <= many * 2 + 8, `${read} read for ${many}`);
    }
    read = 0;
    assert.equal(follow(store, { range: prefix("c/") }).revisions.length, 0);
    assert.equal(read, 0);
  });

  it("of a long revision come in parts, of which the last one says that it is", () => {
    const store = new MemoryStore();
    changeAll(store, "a/1", "a/2", "b/1", "a/3");
    const parts: string[] = [];
    const throughs: number[] = [];
    let from: ChangesQuery["from"] = { after: 1 };
    for (let pages = 0; pages < 4; pages++) {
      const page = follow(store, { from, changesMax: 1 });
      parts.push(...told(page));
      throughs.push(page.through);
      from = { number: page.next };
    }
    assert.deepEqual(parts, ["2:a/1…", "2:a/2…", "2:a/3"]);
    assert.deepEqual(throughs, [1, 1, 1, 2]);
  });

  it("are finished with the last one in the range, whatever else the revision changes", () => {
    const store = new MemoryStore();
    changeAll(store, "b/0", "a/1", "a/2", "b/1", "b/2", "b/3");
    store.do(put("b/4", "v"));
    const first = follow(store, { changesMax: 3 });
    // Nothing of this revision will follow: a reader that waits for more would wait for ever.
    assert.deepEqual(told(first), ["2:a/1,a/2"]);
    assert.equal(first.through, 2);
    const rest = follow(store, { from: { number: first.next } });
    assert.deepEqual(told(rest), []);
    assert.equal(rest.through, 3);
  });

  it("are cut by their bytes, a value of any length whole", () => {
    const store = new MemoryStore();
    for (const key of ["a/1", "a/2"]) store.do(put(key, new Uint8Array(100_000)));
    const first = follow(store, { bytesMax: 10 });
    assert.deepEqual(told(first), ["2:a/1"]);
    const event = first.revisions[0]?.events[0];
    assert.ok(event?.kind === "put" && event.record.value.length === 100_000);
    assert.deepEqual(told(follow(store, { from: { number: first.next } })), ["3:a/2"]);
  });

  it("are cut before what has no room behind others, the record before included", () => {
    const store = new MemoryStore();
    const write = (key: string, length: number) => store.do(put(key, new Uint8Array(length)));
    for (const length of [0, 0, 100, 0]) write("a/1", length);
    const within = (bytesMax: number, prev: boolean) => told(follow(store, { bytesMax, prev }));
    assert.deepEqual(within(105, false), ["2:a/1", "3:a/1"]);
    assert.deepEqual(within(109, false), ["2:a/1", "3:a/1", "4:a/1"]);
    assert.deepEqual(within(111, true), ["2:a/1", "3:a/1", "4:a/1"]);
    assert.deepEqual(within(212, true), ["2:a/1", "3:a/1", "4:a/1", "5:a/1"]);
  });
});
