/** What the store asks of its tables, on each backend, below the level of commands. */

import type { Change } from "../../src/kv/change.ts";
import { changeCrc32c } from "../../src/kv/checksum.ts";
import { initialKvMeta, type KvTables, sliceValueBytesMax } from "../../src/kv/ports.ts";
import { type Bytes, bytes } from "../harness/kv_commands.ts";
import { assert, describe, it } from "../harness/test.ts";
import { type KvPlace, texts } from "./state_machine_place.ts";
import { memoryPlace, runtime, sqlitePlace } from "./state_machine_places.ts";

const places: Readonly<Record<string, () => KvPlace>> = {
  [`sqlite on ${runtime.name}`]: sqlitePlace,
  memory: memoryPlace,
};

/** A change of its own chain; `version` 0 is a deletion. */
function change(number: number, key: Bytes, more: Partial<Change> = {}): Change {
  const value = more.value ?? bytes(`value ${number}`);
  const facts = {
    ...{ number, previous: 0, skip: 0, depth: 1, revision: number + 1, create: 2, version: 1 },
    ...{ lease: undefined, mediaType: undefined, key: bytes(key), timeMs: 10, wallMs: 11 },
    ...more,
    ...{ value, valueBytes: value.length },
  };
  return { ...facts, crc32c: changeCrc32c(facts) };
}

const gone = { version: 0, create: 0, value: new Uint8Array(0) };

function fill(tables: KvTables): void {
  tables.append(change(1, "a"), "absent");
  tables.append(change(2, "b"), "absent");
  tables.append(change(3, "c"), "absent");
  tables.append(change(4, "b", gone), "live");
  tables.append(change(5, "a", { version: 2, previous: 1, depth: 2 }), "live");
  tables.append(change(6, "d"), "absent");
  tables.append(change(7, "d", gone), "live");
  tables.append(change(8, "d", { previous: 7, skip: 6, depth: 3 }), "dead");
}

const all = { start: new Uint8Array(0), reverse: false, rowsMax: 100 };

for (const [name, makePlace] of Object.entries(places)) {
  const withTables = (run: (tables: KvTables, place: KvPlace) => void) => (): void => {
    const place = makePlace();
    try {
      run(place.open(), place);
    } finally {
      place.remove();
    }
  };

  describe(`kv tables: ${name}`, () => {
    it(
      "begin as an empty store",
      withTables((tables) => {
        assert.deepEqual(tables.stored(), initialKvMeta);
        assert.deepEqual(tables.liveSlice({ ...all, values: true }), []);
        assert.equal(tables.firstFrom(0), undefined);
        assert.equal(tables.newestIn(all, 0), 0);
      }),
    );

    it(
      "give a change back column by column",
      withTables((tables) => {
        const full = change(Number.MAX_SAFE_INTEGER, "k", {
          ...{ revision: 2 ** 52, create: 2 ** 40, version: 70_000, lease: "-9223372036854775808" },
          ...{
            timeMs: 2 ** 51,
            wallMs: 2 ** 50,
            mediaType: "a/b",
            previous: 2 ** 33,
            skip: 2 ** 32,
            depth: 12,
          },
        });
        tables.append(full, "absent");
        const { value, crc32c: _, timeMs: _time, wallMs: _wall, ...keyed } = full;
        const { key, ...head } = keyed;
        const { number, previous, skip, depth } = head;
        assert.deepEqual(pick(tables.live(key), full), full);
        assert.deepEqual(pick(tables.change(full.number), full), full);
        assert.deepEqual(pick(tables.keyedChange(full.number), keyed), keyed);
        assert.deepEqual(pick(tables.head(key), head), head);
        assert.deepEqual(pick(tables.link(number), { number, previous, skip, depth }), {
          ...{ number, previous, skip, depth },
        });
        assert.equal(tables.keyedChange(full.number)?.value, undefined);
        const [slice] = tables.liveSlice({ ...all, values: true });
        assert.deepEqual(slice?.value, value);
      }),
    );

    it(
      "know the newest change of each key, live or dead",
      withTables((tables) => {
        fill(tables);
        assert.deepEqual(["a", "b", "c", "d", "e"].map((key) => tables.head(bytes(key))?.number), [
          ...[5, 4, 3, 8, undefined],
        ]);
        assert.deepEqual(["a", "b", "c", "d", "e"].map((key) => tables.live(bytes(key))?.number), [
          ...[5, undefined, 3, 8, undefined],
        ]);
        assert.equal(tables.change(99), undefined);
        assert.deepEqual(
          [0, 4, 8, 9].map((number) => tables.firstFrom(number)?.revision),
          [2, 5, 9, undefined],
        );
      }),
    );

    it(
      "slice live keys, and those that died after a change",
      withTables((tables) => {
        fill(tables);
        const live = (more: object): readonly string[] =>
          texts(tables.liveSlice({ ...all, values: false, ...more }).map(({ key }) => key));
        assert.deepEqual(live({}), ["a", "c", "d"]);
        assert.deepEqual(live({ reverse: true, rowsMax: 2 }), ["d", "c"]);
        assert.deepEqual(live({ start: bytes("b"), end: bytes("d") }), ["c"]);
        const dead = (more: object): readonly string[] =>
          tables.deadSlice({ ...all, after: 0, ...more })
            .map(({ key, number }) => `${texts([key])}${number}`);
        tables.append(change(9, "a", { ...gone, previous: 5 }), "live");
        tables.append(change(10, "c", { ...gone, previous: 3 }), "live");
        assert.deepEqual(dead({}), ["a9", "b4", "c10"]);
        assert.deepEqual(dead({ after: 3, rowsMax: 2 }), ["a9", "b4"]);
        assert.deepEqual(dead({ after: 4 }), ["a9", "c10"]);
        assert.deepEqual(dead({ reverse: true, rowsMax: 2 }), ["c10", "b4"]);
        assert.deepEqual(dead({ start: bytes("b"), end: bytes("c") }), ["b4"]);
      }),
    );

    it(
      "count live keys and tell where the counting stopped",
      withTables((tables) => {
        fill(tables);
        assert.deepEqual(tables.countLive(all), { count: 3 });
        assert.deepEqual(tables.countLive({ ...all, rowsMax: 3 }), { count: 3 });
        assert.deepEqual(tables.countLive({ ...all, rowsMax: 2 }), { count: 2, next: bytes("d") });
        assert.deepEqual(tables.countLive({ ...all, rowsMax: 2, reverse: true }), {
          ...{ count: 2, next: bytes("a") },
        });
        assert.deepEqual(tables.countLive({ ...all, end: bytes("c"), rowsMax: 1 }), { count: 1 });
      }),
    );

    it(
      "find the newest change of a range",
      withTables((tables) => {
        fill(tables);
        const range = { start: bytes("a"), end: bytes("d") };
        assert.equal(tables.newestIn(range, 2), 5);
        assert.equal(tables.newestIn(range, 1), undefined);
        assert.equal(tables.newestIn({ start: bytes("b"), end: bytes("c") }, 1), 4);
        assert.equal(tables.newestIn({ start: bytes("b"), end: bytes("c") }, 0), undefined);
        assert.equal(tables.newestIn(all, Number.MAX_SAFE_INTEGER), 8);
        const last = (after: number, through: number): number =>
          tables.lastChangeIn({ start: bytes("b"), end: bytes("d") }, { after, through });
        assert.deepEqual([last(0, 8), last(0, 4), last(0, 3), last(0, 1)], [4, 4, 3, 0]);
        assert.deepEqual([last(3, 8), last(4, 8)], [4, 0]);
        assert.equal(tables.lastChangeIn({ start: bytes("b") }, { after: 0, through: 9 }), 8);
      }),
    );

    it(
      "leave long values out of slices",
      withTables((tables) => {
        const [fits, long] = [sliceValueBytesMax, sliceValueBytesMax + 1].map((length) =>
          new Uint8Array(length).fill(3)
        );
        tables.append(change(1, "fits", { value: fits! }), "absent");
        tables.append(change(2, "long", { value: long! }), "absent");
        const slice = tables.liveSlice({ ...all, values: true });
        assert.deepEqual(slice.map(({ value }) => value?.length), [fits?.length, undefined]);
        assert.deepEqual(slice.map(({ valueBytes }) => valueBytes), [fits?.length, long?.length]);
        assert.deepEqual(tables.change(2)?.value, long);
      }),
    );

    it(
      "take back everything since the last commit",
      withTables((tables, place) => {
        fill(tables);
        const meta = { ...initialKvMeta, changes: 8, revision: 9 };
        tables.commit(meta, "normal");
        const state = (from: KvTables): unknown => [
          from.deadSlice({ ...all, after: 0 }).map(({ number }) => number),
          from.liveSlice({ ...all, values: true }).map(({ number }) => number),
          from.firstFrom(9),
        ];
        const committed = state(tables);
        tables.append(change(9, "a", { ...gone, previous: 5 }), "live");
        tables.append(change(10, "a", { previous: 9 }), "dead");
        tables.append(change(11, "b", { previous: 4 }), "dead");
        tables.append(change(12, "b", { ...gone, previous: 11 }), "live");
        tables.append(change(13, "new"), "absent");
        assert.notDeepEqual(state(tables), committed);
        tables.rollback();
        assert.deepEqual(state(tables), committed);
        assert.deepEqual(tables.stored(), meta);
        tables.rollback();
        place.crash();
        const after = place.open();
        assert.deepEqual(state(after), committed);
        assert.deepEqual(after.stored(), meta);
      }),
    );
  });
}

/** The members of `found` that `like` has: a backend may give more than it is asked for. */
function pick(found: object | undefined, like: object): object {
  const entries = Object.entries(found ?? {});
  return Object.fromEntries(entries.filter(([name]) => name in like));
}
