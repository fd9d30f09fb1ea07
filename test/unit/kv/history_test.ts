import type { Answer, HistoryQuery } from "../../../src/kv/query.ts";
import { bytes, del, put } from "../../harness/kv_commands.ts";
import { MemoryStore } from "../../harness/kv_store.ts";
import { assert, describe, it } from "../../harness/test.ts";

/** The revisions of the items, a deletion with a minus before it; then where to go on. */
function told(store: MemoryStore, more: Partial<HistoryQuery> = {}): readonly unknown[] {
  const query: HistoryQuery = {
    kind: "history",
    key: bytes("a"),
    limit: 100,
    bytesMax: 1e6,
    ...more,
  };
  const answer: Answer = store.read(query);
  if (answer.kind !== "history") return [answer.kind];
  const items = answer.items.map((item) => item.kind === "version" ? item.record.mod : -item.mod);
  return answer.next === undefined ? items : [...items, `before ${answer.next}`];
}

/** a: written at 2 and 4, deleted at 5, written at 7 and 8; others between them. */
function filled(): MemoryStore {
  const store = new MemoryStore();
  for (const each of [put("a", "1"), put("x", ""), put("a", "2"), del("a"), put("x", "")]) {
    store.do(each);
  }
  for (const each of [put("a", "3"), put("a", "4"), put("x", "")]) store.do(each);
  return store;
}

describe("the history of a key", () => {
  it("is told from the newest change back, as it was known at a revision, or before one", () => {
    const store = filled();
    assert.deepEqual(told(store), [8, 7, -5, 4, 2]);
    assert.deepEqual(told(store, { revision: 7 }), [7, -5, 4, 2]);
    assert.deepEqual(told(store, { revision: 6 }), [-5, 4, 2]);
    assert.deepEqual(told(store, { before: 7 }), [-5, 4, 2]);
    assert.deepEqual(told(store, { before: 5, revision: 8 }), [4, 2]);
    assert.deepEqual(told(store, { before: 99, revision: 4 }), [4, 2]);
    assert.deepEqual(told(store, { before: 2 }), []);
    assert.deepEqual(told(store, { key: bytes("never") }), []);
  });

  it("comes in pages, each going on where the one before ended", () => {
    const store = filled();
    assert.deepEqual(told(store, { limit: 2 }), [8, 7, "before 7"]);
    assert.deepEqual(told(store, { limit: 2, before: 7 }), [-5, 4, "before 4"]);
    assert.deepEqual(told(store, { limit: 2, before: 4 }), [2]);
    assert.deepEqual(told(store, { limit: 5 }), [8, 7, -5, 4, 2]);
    assert.deepEqual(told(store, { bytesMax: 1 }), [8, "before 8"]);
  });

  it("counts the bytes of the key as it was asked for, not those that stand for it inside", () => {
    const store = new MemoryStore();
    const key = Uint8Array.of(0xff);
    for (let left = 3; left > 0; left--) store.do({ ...put("a", "four"), key });
    assert.deepEqual(told(store, { key, bytesMax: 10 }), [4, 3, 2]);
    assert.deepEqual(told(store, { key, bytesMax: 9 }), [4, 3, "before 3"]);
  });

  it("ends with what the oldest revision shows, whether more is there or not", () => {
    for (const isPurged of [false, true]) {
      for (
        const [oldest, expected] of [
          [1, [8, 7, -5, 4, 2]],
          [3, [8, 7, -5, 4, 2]],
          [4, [8, 7, -5, 4]],
          [5, [8, 7]],
          [6, [8, 7]],
          [7, [8, 7]],
          [8, [8]],
          [9, [8]],
        ] as const
      ) {
        const store = filled();
        store.do({ kind: "compact", revision: oldest });
        while (isPurged && store.machine.purge());
        assert.deepEqual(told(store), expected, `oldest ${oldest}`);
      }
    }
  });

  it("before a revision that is given up has what the oldest one shows of that time", () => {
    const store = filled();
    store.do({ kind: "compact", revision: 3 });
    // The version of revision 2 is what revision 3 shows.
    assert.deepEqual(told(store, { before: 3 }), [2]);
    assert.deepEqual(told(store, { before: 2 }), []);
    assert.deepEqual(told(store, { revision: 2 }), ["compacted"]);
  });

  it("is refused where a change is missing that compaction has not taken", () => {
    const store = filled();
    store.do({ kind: "compact", revision: 3 });
    while (store.machine.purge());
    store.tables.removeChange(3);
    assert.throws(() => told(store), /change 3 is missing/);
  });
});
