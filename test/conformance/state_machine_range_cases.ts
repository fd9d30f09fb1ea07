/** Ranges: order, pages, folders, counts, tags, and all of it in the past. */

import { utf8 } from "../../src/lib/bytes.ts";
import { keysVisitMax } from "../../src/kv/range_walk.ts";
import type { RangeQuery } from "../../src/kv/query.ts";
import { del, delRange, get, prefix, put, range } from "../harness/kv_commands.ts";
import { assert } from "../harness/test.ts";
import { Driver, pagesOf, type StateMachineCase, texts } from "./state_machine_place.ts";

const letters = ["a", "b", "c", "d", "e", "f", "g"];

function numbered(count: number, digits = 4): readonly string[] {
  return Array.from({ length: count }, (_, at) => String(at).padStart(digits, "0"));
}

const tree = ["a", "a/", "a/1", "a/2", "a/b/1", "a/b/2", "a0", "b/1", "b//2", "c", "d/x"];
const slash = { bytes: utf8("/"), prefixLength: 0 };

/** Items and prefixes of all pages, as text, in the order of the pages. */
function listed(driver: Driver, query: Partial<RangeQuery>): readonly (readonly string[])[] {
  const pages = pagesOf(driver, query);
  return [
    pages.flatMap(({ items }) => texts(items.map(({ key }) => key))),
    pages.flatMap(({ prefixes }) => texts(prefixes)),
  ];
}

export const rangeCases: readonly StateMachineCase[] = [
  {
    name: "a range is in the order of unsigned bytes, forward and reverse",
    run: (place) => {
      const driver = new Driver(place);
      const keys = [[0], [0, 0], [0, 255], [1], [127], [128], [128, 0], [255], [255, 255]];
      const shuffled = [4, 0, 8, 2, 6, 1, 7, 3, 5];
      driver.doAll(shuffled.map((at) => put(Uint8Array.from(keys[at]!), "v")));
      const found = (query: Partial<RangeQuery>): readonly (readonly number[])[] =>
        driver.range(query).items.map(({ key }) => [...key]);
      assert.deepEqual(found({}), keys);
      assert.deepEqual(found({ reverse: true }), keys.toReversed());
      assert.deepEqual(found({ start: Uint8Array.of(0, 1), end: Uint8Array.of(128) }), [
        ...[[0, 255], [1], [127]],
      ]);
      assert.deepEqual(found({ ...prefix(Uint8Array.of(255)), reverse: true }), [[255, 255], [
        255,
      ]]);
      assert.deepEqual(found({ start: Uint8Array.of(5), end: Uint8Array.of(5) }), []);
      assert.deepEqual(found({ start: Uint8Array.of(6), end: Uint8Array.of(5) }), []);
    },
  },
  {
    name: "pages of any size give the whole range once, forward and reverse",
    run: (place) => {
      const driver = new Driver(place);
      driver.doAll(letters.map((letter) => put(letter, letter)));
      for (const reverse of [false, true]) {
        const expected = reverse ? letters.toReversed() : letters;
        for (let limit = 1; limit <= 8; limit++) {
          const pages = pagesOf(driver, { limit, reverse });
          assert.deepEqual(listed(driver, { limit, reverse })[0], expected);
          assert.equal(pages.length, Math.ceil(letters.length / limit));
          assert.deepEqual(pages.map(({ count }) => count), pages.map(({ items }) => items.length));
        }
      }
    },
  },
  {
    name: "slices within a page join without a seam",
    run: (place) => {
      const driver = new Driver(place);
      const keys = numbered(1_100);
      driver.doAll(keys.map((key) => put(key, key)));
      driver.doAll(keys.filter((_, at) => at % 3 === 0).map((key) => del(key)));
      const left = keys.filter((_, at) => at % 3 !== 0);
      for (const limit of [255, 256, 257, 733, 734, 10_000]) {
        assert.deepEqual(listed(driver, { limit })[0], left);
        assert.deepEqual(listed(driver, { limit, reverse: true })[0], left.toReversed());
        assert.deepEqual(listed(driver, { limit, revision: 1_101 })[0], keys);
      }
    },
  },
  {
    name: "a page ends after the record that passes its bytes",
    run: (place) => {
      const driver = new Driver(place);
      driver.doAll(letters.map((letter) => put(letter, "123456789")));
      const sizes = (bytesMax: number): readonly number[] =>
        pagesOf(driver, { bytesMax }).map(({ items }) => items.length);
      assert.deepEqual(sizes(70), [7]);
      assert.deepEqual(sizes(69), [7]);
      assert.deepEqual(sizes(30), [4, 3]);
      assert.deepEqual(sizes(0), [1, 1, 1, 1, 1, 1, 1]);
    },
  },
  {
    name: "long values are in the answer whole, and not at all when only keys are asked for",
    run: (place) => {
      const driver = new Driver(place);
      const value = new Uint8Array(100_000).fill(9);
      driver.doAll([put("a", value, { mediaType: "x/y" }), put("b", "short")]);
      const [a, b] = driver.range().items;
      assert.deepEqual(a?.value, value);
      assert.deepEqual(b?.value, utf8("short"));
      driver.do(put("a", "new"));
      assert.deepEqual(driver.range({ revision: 3 }).items[0]?.value, value);
      assert.deepEqual(driver.range({ revision: 3, keysOnly: true }).items, [
        {
          ...{ key: utf8("a"), value: new Uint8Array(0), create: 2, mod: 2, version: 1 },
          mediaType: "x/y",
        },
        { key: utf8("b"), value: new Uint8Array(0), create: 3, mod: 3, version: 1 },
      ]);
    },
  },
  {
    name: "folders are folded, forward and reverse, in pages of any size",
    run: (place) => {
      const driver = new Driver(place);
      driver.doAll(tree.map((key) => put(key, "v")));
      for (const revision of [driver.machine.revision, driver.machine.revision + 1]) {
        if (revision > driver.machine.revision) driver.do(put("zzz", "later"));
        for (const limit of [1, 2, 3, 100]) {
          const query = { limit, delimiter: slash, revision: tree.length + 1 };
          const [items, prefixes] = [["a", "a0", "c"], ["a/", "b/", "d/"]];
          assert.deepEqual(listed(driver, query), [items, prefixes]);
          assert.deepEqual(listed(driver, { ...query, reverse: true }), [
            items.toReversed(),
            prefixes.toReversed(),
          ]);
          const below = { bytes: utf8("/"), prefixLength: 2 };
          assert.deepEqual(listed(driver, { ...prefix("a/", query), delimiter: below, limit }), [
            ["a/", "a/1", "a/2"],
            ["a/b/"],
          ]);
        }
      }
      const twice = { bytes: utf8("//"), prefixLength: 0 };
      assert.deepEqual(listed(driver, { delimiter: twice, start: utf8("b") }), [
        ["b/1", "c", "d/x", "zzz"],
        ["b//"],
      ]);
    },
  },
  {
    name: "a folder at the end of all keys ends the walk",
    run: (place) => {
      const driver = new Driver(place);
      const last = Uint8Array.of(255, 255);
      driver.doAll([put("a", "v"), put(last, "v"), put(Uint8Array.of(255, 255, 1), "v")]);
      const delimiter = { bytes: Uint8Array.of(255), prefixLength: 1 };
      const answer = driver.range({ delimiter });
      assert.deepEqual(answer.prefixes, [last]);
      assert.deepEqual([answer.items.length, answer.next], [1, undefined]);
    },
  },
  {
    name: "a folder is skipped, not scanned",
    run: (place) => {
      const driver = new Driver(place);
      for (const folder of ["a", "b"]) {
        driver.doAll(numbered(3_000).map((key) => put(`${folder}/${key}`, "v")));
      }
      // The whole range is more than one answer may look at, its folders are not.
      assert.ok(keysVisitMax > 3);
      const tables = spied(driver);
      assert.deepEqual(texts(driver.range({ delimiter: slash }).prefixes), ["a/", "b/"]);
      assert.ok(tables.rows < 100, `${tables.rows} rows read`);
    },
  },
  {
    name: "counting needs no page, and goes on where it stopped",
    run: (place) => {
      const driver = new Driver(place);
      driver.doAll(numbered(25, 2).map((key) => put(key, "v")));
      driver.do(del("03"));
      for (const revision of [26, 27]) {
        for (const reverse of [false, true]) {
          for (const limit of [1, 7, 24, 25, 26, 100]) {
            const query = { countOnly: true, limit, reverse, revision };
            const pages = pagesOf(driver, query);
            const total = pages.reduce((sum, { count }) => sum + count, 0);
            assert.equal(total, revision === 26 ? 25 : 24);
            assert.ok(pages.every(({ items, count }) => items.length === 0 && count <= limit));
          }
        }
      }
      const folders = { countOnly: true, delimiter: { bytes: utf8("1"), prefixLength: 0 } };
      // "1" folds 10 … 19; 01 and 21 fold each by themselves.
      assert.equal(driver.range(folders).count, 15);
    },
  },
  {
    name: "the past stays as it was",
    run: (place) => {
      const driver = new Driver(place);
      driver.doAll([put("a", "1"), put("b", "1"), put("a", "2"), del("b"), put("b", "3")]);
      driver.do(delRange(""));
      const at = (revision: number): readonly string[] =>
        driver.range({ revision }).items.map(({ key, value }) =>
          `${texts([key])}=${texts([value])}`
        );
      assert.deepEqual([1, 2, 3, 4, 5, 6, 7].map(at), [
        [],
        ["a=1"],
        ["a=1", "b=1"],
        ["a=2", "b=1"],
        ["a=2"],
        ["a=2", "b=3"],
        [],
      ]);
      assert.deepEqual([1, 2, 4, 5, 6, 7].map((revision) => driver.value("b", revision)), [
        ...[undefined, undefined, "1", undefined, "3", undefined],
      ]);
      assert.deepEqual(driver.record("b", 6), {
        ...{ key: utf8("b"), value: utf8("3"), create: 6, mod: 6, version: 1 },
      });
    },
  },
  {
    name: "pages of the past are not moved by writes that come between them",
    run: (place) => {
      const driver = new Driver(place);
      driver.doAll(letters.map((letter) => put(letter, "old")));
      const first = driver.range({ limit: 2 });
      driver.doAll([del("c"), put("d", "new"), put("cc", "new"), del("g")]);
      const rest = driver.range({ start: first.next!, limit: 10, revision: first.revision });
      assert.deepEqual(rest.items.map(({ key, value }) => texts([key, value])), [
        ...letters.slice(2).map((letter) => [letter, "old"]),
      ]);
    },
  },
  {
    name: "a revision that is not there yet, or cannot be, is said so",
    run: (place) => {
      const driver = new Driver(place);
      driver.do(put("a", "1"));
      const future = { kind: "future", revision: 2 };
      assert.deepEqual(driver.machine.read({ ...get("a"), revision: 3 }), future);
      assert.deepEqual(driver.machine.read(range({ revision: 3 })), future);
      assert.deepEqual(driver.machine.read({ ...get("a"), revision: 0 }), {
        kind: "compacted",
        oldest: 1,
      });
      assert.equal(driver.machine.read({ ...get("a"), revision: 1 }).kind, "records");
    },
  },
  {
    name: "the tag of a list is the highest revision in its range, deletions included",
    run: (place) => {
      const driver = new Driver(place);
      const tag = (more: Partial<RangeQuery> = {}): number | undefined =>
        driver.range(prefix("a/", more)).changed;
      assert.equal(tag(), 1);
      driver.doAll([put("a/1", "v"), put("a/2", "v"), put("b", "v")]);
      assert.equal(tag(), 3);
      driver.do(del("a/1"));
      assert.equal(tag(), 5);
      assert.equal(tag({ limit: 1 }), 5);
      assert.equal(tag({ countOnly: true }), 5);
      assert.equal(tag({ revision: 4 }), 3);
      assert.equal(tag({ revision: 2 }), 2);
      driver.doAll([put("a0", "v"), del("a/2"), del("a/2")]);
      assert.equal(tag(), 7);
      // A great deal elsewhere: known where the answer is complete, left out where it is not.
      driver.doAll(numbered(2_000).map((key) => put(`b/${key}`, "v")));
      assert.equal(tag(), 7);
      assert.equal(driver.range({ limit: 1 }).changed, driver.machine.revision);
      driver.doAll([put("a/1", "v"), put("a/2", "v")]);
      const { revision } = driver.machine;
      driver.doAll(numbered(2_000).map((key) => put(`b/${key}`, "v")));
      assert.equal(tag({ limit: 1 }), undefined);
      assert.equal(tag({ limit: 2 }), revision);
      assert.equal(tag({ revision }), revision);
      assert.equal(tag({ revision: revision + 1_500 }), undefined);
    },
  },
];

/** Counts the rows that slices give from now on. */
function spied(driver: Driver): { readonly rows: number } {
  const seen = { rows: 0 };
  for (const tables of [driver.tables]) {
    const slice = tables.liveSlice.bind(tables);
    tables.liveSlice = (query) => {
      const rows = slice(query);
      seen.rows += rows.length;
      return rows;
    };
  }
  return seen;
}
