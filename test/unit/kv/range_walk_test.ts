import { answerQuery } from "../../../src/kv/reads.ts";
import { keysVisitMax } from "../../../src/kv/range_walk.ts";
import { Store } from "../../../src/kv/store.ts";
import { utf8 } from "../../../src/lib/bytes.ts";
import { MemoryKvTables } from "../../../src/storage/memory/kv_tables.ts";
import { range } from "../../harness/kv_commands.ts";
import { assert, describe, it } from "../../harness/test.ts";

describe("a walk through keys that its view does not show", () => {
  const store = new Store(new MemoryKvTables());
  const content = { value: new Uint8Array(0), mediaType: undefined, lease: undefined };
  const more = 10;
  for (let at = 0; at < keysVisitMax + more; at++) {
    const stamp = { revision: store.revision + 1, timeMs: 0, wallMs: 0 };
    store.put(stamp, utf8(String(at).padStart(6, "0")), content, undefined);
  }

  it("ends after so many, and goes on from there", () => {
    // The first revision is the empty store: all keys were written after it.
    const empty = answerQuery(store, range({ revision: 1 }));
    assert.equal(empty.kind, "range");
    if (empty.kind !== "range") return;
    assert.equal(empty.count, 0);
    assert.deepEqual(empty.next, utf8(String(keysVisitMax)));
    const rest = answerQuery(store, range({ revision: 1, start: empty.next! }));
    assert.ok(rest.kind === "range" && rest.next === undefined && rest.count === 0);
  });

  it("counts those that it shows, in both directions", () => {
    const reverse = answerQuery(store, range({ revision: 3, reverse: true, countOnly: true }));
    assert.ok(reverse.kind === "range" && reverse.count === 0);
    const end = reverse.kind === "range" ? reverse.next : undefined;
    assert.deepEqual(end, utf8("000009\0"));
    const rest = answerQuery(
      store,
      range({ revision: 3, reverse: true, countOnly: true, end: end! }),
    );
    assert.ok(rest.kind === "range" && rest.count === 2 && rest.next === undefined);
  });

  it("ends after so many that were dead by then", () => {
    for (let at = 0; at < keysVisitMax + more; at++) {
      const key = utf8(String(at).padStart(6, "0"));
      store.delete({ revision: store.revision + 1, timeMs: 0, wallMs: 0 }, key, store.head(key)!);
    }
    const revision = store.revision;
    store.put({ revision: revision + 1, timeMs: 0, wallMs: 0 }, utf8("z"), content, undefined);
    const dead = answerQuery(store, range({ revision }));
    assert.ok(dead.kind === "range" && dead.count === 0);
    assert.deepEqual(dead.next, utf8(String(keysVisitMax)));
  });
});

/** Tables that count the bytes of the values that are read from them in slices. */
class CountedTables extends MemoryKvTables {
  valueBytes = 0;

  override liveSlice(
    slice: Parameters<MemoryKvTables["liveSlice"]>[0],
  ): ReturnType<MemoryKvTables["liveSlice"]> {
    const rows = super.liveSlice(slice);
    for (const { value } of rows) this.valueBytes += value?.length ?? 0;
    return rows;
  }
}

describe("a walk through keys with values", () => {
  const valueBytes = 100;
  const tables = new CountedTables();
  const store = new Store(tables);
  const content = { value: new Uint8Array(valueBytes), mediaType: undefined, lease: undefined };
  for (let at = 0; at < 500; at++) {
    const stamp = { revision: store.revision + 1, timeMs: 0, wallMs: 0 };
    store.put(stamp, utf8(`${String(at >> 2).padStart(3, "0")}/${at % 4}`), content, undefined);
  }

  for (const revision of [store.revision, store.revision - 1]) {
    for (const reverse of [false, true]) {
      const where = `at revision ${revision}${reverse ? ", backwards" : ""}`;

      it(`reads little more than it shows where bytes end it: ${where}`, () => {
        for (const shown of [1, 5, 50, 300]) {
          tables.valueBytes = 0;
          const bytesMax = (shown - 1) * (valueBytes + 5);
          const answer = answerQuery(store, range({ revision, reverse, bytesMax }));
          assert.ok(answer.kind === "range" && answer.next !== undefined);
          assert.equal(answer.count, shown);
          assert.ok(tables.valueBytes <= (2 * shown + 16) * valueBytes, `${tables.valueBytes}`);
        }
      });

      it(`reads no values of the folders that it skips: ${where}`, () => {
        tables.valueBytes = 0;
        const delimiter = { bytes: utf8("/"), prefixLength: 0 };
        const answer = answerQuery(store, range({ revision, reverse, delimiter }));
        assert.ok(answer.kind === "range" && answer.prefixes.length === 125);
        assert.equal(tables.valueBytes, 0);
        const inside = { delimiter: { ...delimiter, prefixLength: 4 }, end: utf8("001") };
        const folder = answerQuery(store, range({ revision, reverse, ...inside }));
        assert.ok(folder.kind === "range");
        assert.deepEqual(folder.items.map(({ value }) => value.length), Array(4).fill(valueBytes));
      });
    }
  }
});

describe("a walk through keys that were written often since", () => {
  it("counts the changes on the way back among what it looks at", () => {
    const store = new Store(new MemoryKvTables());
    const content = { value: new Uint8Array(0), mediaType: undefined, lease: undefined };
    for (let at = 0; at < 120_000; at++) {
      const key = utf8(String(at % 8_000).padStart(4, "0"));
      const stamp = { revision: store.revision + 1, timeMs: 0, wallMs: 0 };
      store.put(stamp, key, content, store.head(key));
    }
    let links = 0;
    const link = store.tables.link.bind(store.tables);
    store.tables.link = (number) => {
      links++;
      return link(number);
    };
    // Fifteen versions of each key: fourteen steps back to the first one.
    const first = answerQuery(store, range({ revision: 8_001, limit: 9_000 }));
    assert.ok(first.kind === "range" && first.next !== undefined);
    assert.ok(links < keysVisitMax + 256 * 15, `${links} links were followed`);
    const { next: start, count } = first;
    const rest = answerQuery(store, range({ revision: 8_001, limit: 9_000, start }));
    assert.ok(rest.kind === "range" && rest.next === undefined);
    assert.equal(count + rest.count, 8_000);
  });
});

describe("a walk in the past", () => {
  const tables = new CountedTables();
  const store = new Store(tables);
  const content = { value: new Uint8Array(1), mediaType: undefined, lease: undefined };
  const stamp = () => ({ revision: store.revision + 1, timeMs: 0, wallMs: 0 });
  const keys = Array.from({ length: 2_000 }, (_, at) => utf8(String(at).padStart(4, "0")));
  for (const key of keys) store.put(stamp(), key, content, undefined);
  // All but some in the middle.
  for (const key of [...keys.slice(0, 900), ...keys.slice(1_000)]) {
    store.delete(stamp(), key, store.head(key)!);
  }
  const { revision } = store;
  store.put(stamp(), utf8("z"), content, undefined);

  for (const reverse of [false, true]) {
    it(`passes dead keys without reading live ones${reverse ? ", backwards" : ""}`, () => {
      tables.valueBytes = 0;
      const answer = answerQuery(store, range({ revision, reverse }));
      assert.ok(answer.kind === "range" && answer.count === 100);
      assert.ok(tables.valueBytes < 1_000, `${tables.valueBytes} values were read`);
    });
  }
});
