/** What the store asks of its tables, on each backend, below the level of commands. */

import type { Change } from "../../src/kv/change.ts";
import { changeCrc32c, ledgerCrc32c } from "../../src/kv/checksum.ts";
import {
  initialKvMeta,
  type KeyRange,
  type KvTables,
  type LedgerRow,
  type Slice,
  sliceValueBytesMax,
} from "../../src/kv/ports.ts";
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

function row(key: Bytes, value: Bytes): LedgerRow {
  const columns = { key: bytes(key), value: bytes(value) };
  return { ...columns, crc32c: ledgerCrc32c(columns.key, columns.value) };
}

/** Each row of the ledger as text. */
function ledger(tables: KvTables, more: Partial<Slice> = {}): string {
  return tables.ledgerSlice({ ...all, ...more })
    .map(({ key, value }) => `${texts([key])}=${texts([value])}`).join(" ");
}

/** What can be asked of all parts of the tables. */
function state(tables: KvTables): unknown {
  return [
    tables.deadSlice(all).map(({ number }) => number),
    tables.liveSlice({ ...all, values: true }).map(({ number }) => number),
    Array.from({ length: 20 }, (_, number) => tables.change(number)?.number),
    ["a", "b", "c", "d"].map((key) => tables.head(bytes(key))?.number),
    tables.firstFrom(9),
    ledger(tables),
  ];
}

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
      "slice live keys, and dead ones",
      withTables((tables) => {
        fill(tables);
        const live = (more: object): readonly string[] =>
          texts(tables.liveSlice({ ...all, values: false, ...more }).map(({ key }) => key));
        assert.deepEqual(live({}), ["a", "c", "d"]);
        assert.deepEqual(live({ reverse: true, rowsMax: 2 }), ["d", "c"]);
        assert.deepEqual(live({ start: bytes("b"), end: bytes("d") }), ["c"]);
        const dead = (more: object): readonly string[] =>
          tables.deadSlice({ ...all, ...more })
            .map(({ key, number }) => `${texts([key])}${number}`);
        tables.append(change(9, "a", { ...gone, previous: 5 }), "live");
        tables.append(change(10, "c", { ...gone, previous: 3 }), "live");
        assert.deepEqual(dead({}), ["a9", "b4", "c10"]);
        assert.deepEqual(dead({ rowsMax: 2 }), ["a9", "b4"]);
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
        const lengths = (valuesIn: KeyRange): readonly unknown[] =>
          tables.changeSlice(1, { rowsMax: 9, valuesIn }).map(({ value }) => value?.length);
        assert.deepEqual(lengths(all), [fits?.length, undefined]);
        assert.deepEqual(lengths({ start: bytes("fits"), end: bytes("g") }), lengths(all));
        const nowhere = { start: bytes("f"), end: bytes("fits") };
        assert.deepEqual(lengths(nowhere), [undefined, undefined]);
      }),
    );

    it(
      "take back everything since the last commit",
      withTables((tables, place) => {
        fill(tables);
        const meta = { ...initialKvMeta, changes: 8, revision: 9 };
        tables.commit(meta, "normal");
        const committed = state(tables);
        tables.append(change(9, "a", { ...gone, previous: 5 }), "live");
        tables.append(change(10, "a", { previous: 9 }), "dead");
        tables.append(change(11, "b", { previous: 4 }), "dead");
        tables.append(change(12, "b", { ...gone, previous: 11 }), "live");
        tables.append(change(13, "new"), "absent");
        tables.setLedgerRow(row("k", "v"));
        tables.removeChange(1);
        tables.removeChange(2);
        tables.removeChange(4);
        tables.forgetDead(bytes("b"));
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

    it(
      "remove a change for good, and do not mind if it is gone",
      withTables((tables, place) => {
        fill(tables);
        for (const number of [1, 4, 1, 99]) tables.removeChange(number);
        tables.commit({ ...initialKvMeta, changes: 8, revision: 9 }, "normal");
        const left = (from: KvTables): readonly number[] =>
          [1, 2, 3, 4, 5, 6, 7, 8].filter((number) => from.change(number) !== undefined);
        assert.deepEqual(left(tables), [2, 3, 5, 6, 7, 8]);
        assert.equal(tables.link(1), undefined);
        assert.equal(tables.keyedChange(4), undefined);
        assert.deepEqual([1, 4].map((number) => tables.firstFrom(number)?.number), [2, 5]);
        assert.equal(tables.lastChangeIn({ start: bytes("b") }, { after: 0, through: 5 }), 3);
        assert.deepEqual(
          tables.changeSlice(1, { rowsMax: 3, valuesIn: all }).map(({ number }) => number),
          [2, 3, 5],
        );
        // The key is still known to be dead, until it is forgotten.
        assert.deepEqual(tables.deadSlice(all).map(({ number }) => number), [4]);
        place.crash();
        assert.deepEqual(left(place.open()), [2, 3, 5, 6, 7, 8]);
      }),
    );

    it(
      "forget a dead key, which then begins anew",
      withTables((tables) => {
        fill(tables);
        tables.append(change(9, "c", { ...gone, previous: 3 }), "live");
        tables.forgetDead(bytes("b"));
        tables.forgetDead(bytes("never"));
        assert.deepEqual(tables.deadSlice(all).map(({ number }) => number), [9]);
        assert.equal(tables.head(bytes("b")), undefined);
        assert.equal(tables.newestIn({ start: bytes("b"), end: bytes("c") }, 9), 0);
        tables.append(change(10, "b"), "absent");
        assert.equal(tables.live(bytes("b"))?.number, 10);
        // A live key is not touched by that.
        tables.forgetDead(bytes("a"));
        assert.equal(tables.live(bytes("a"))?.number, 5);
      }),
    );

    it(
      "keep rows of the ledger in the order of their keys",
      withTables((tables, place) => {
        assert.equal(tables.ledgerRow(bytes("a")), undefined);
        assert.equal(ledger(tables), "");
        for (const [key, value] of [["b", "2"], ["a", "1"], ["c", ""], ["b\0", "3"]] as const) {
          tables.setLedgerRow(row(key, value));
        }
        assert.equal(ledger(tables), "a=1 b=2 b\0=3 c=");
        assert.equal(ledger(tables, { reverse: true }), "c= b\0=3 b=2 a=1");
        assert.equal(ledger(tables, { start: bytes("b"), end: bytes("c") }), "b=2 b\0=3");
        assert.equal(ledger(tables, { start: bytes("b"), rowsMax: 1 }), "b=2");
        assert.equal(ledger(tables, { end: bytes("b\0"), rowsMax: 1, reverse: true }), "b=2");
        tables.setLedgerRow(row("b", "again"));
        assert.deepEqual(pick(tables.ledgerRow(bytes("b")), row("b", "")), row("b", "again"));
        tables.deleteLedgerRow(bytes("a"));
        tables.deleteLedgerRow(bytes("a"));
        assert.equal(ledger(tables), "b=again b\0=3 c=");
        tables.commit({ ...initialKvMeta, revision: 2 }, "normal");
        place.crash();
        assert.equal(ledger(place.open()), "b=again b\0=3 c=");
      }),
    );

    it(
      "keep the bytes of the ledger as they were when they were given",
      withTables((tables) => {
        const frame = bytes("key and value");
        const given = { key: frame.subarray(0, 3), value: frame.subarray(8) };
        tables.setLedgerRow({ ...given, crc32c: ledgerCrc32c(given.key, given.value) });
        tables.append(change(1, frame.subarray(0, 3), { value: frame.subarray(8) }), "absent");
        frame.fill(0);
        assert.equal(ledger(tables), "key=value");
        assert.deepEqual(tables.live(bytes("key"))?.value, bytes("value"));
      }),
    );

    it(
      "go back to a savepoint, and keep what was before it",
      withTables((tables, place) => {
        fill(tables);
        tables.setLedgerRow(row("kept", "v"));
        const before = state(tables);
        tables.savepoint();
        tables.append(change(9, "a", { ...gone, previous: 5 }), "live");
        tables.append(change(10, "a", { previous: 9 }), "dead");
        tables.append(change(11, "a", { ...gone, previous: 10 }), "live");
        tables.removeChange(2);
        tables.forgetDead(bytes("b"));
        tables.setLedgerRow(row("kept", "w"));
        tables.setLedgerRow(row("new", "v"));
        tables.deleteLedgerRow(bytes("kept"));
        assert.notDeepEqual(state(tables), before);
        tables.backToSavepoint();
        assert.deepEqual(state(tables), before);
        // The next one marks another place; what is behind a released one stays.
        tables.savepoint();
        tables.setLedgerRow(row("released", "v"));
        tables.releaseSavepoint();
        tables.savepoint();
        tables.deleteLedgerRow(bytes("released"));
        tables.backToSavepoint();
        assert.equal(ledger(tables), "kept=v released=v");
        tables.commit({ ...initialKvMeta, changes: 8, revision: 9 }, "normal");
        place.crash();
        assert.equal(ledger(place.open()), "kept=v released=v");
      }),
    );

    it(
      "forget a savepoint with the transaction that it stood in",
      withTables((tables) => {
        fill(tables);
        tables.commit({ ...initialKvMeta, changes: 8, revision: 9 }, "normal");
        const committed = state(tables);
        for (const end of ["rollback", "commit"] as const) {
          tables.savepoint();
          tables.setLedgerRow(row("k", "v"));
          if (end === "rollback") tables.rollback();
          else tables.commit({ ...initialKvMeta, changes: 8, revision: 9 }, "normal");
          tables.deleteLedgerRow(bytes("k"));
          assert.deepEqual(state(tables), committed);
          // And the first thing in a transaction may be a savepoint.
          tables.savepoint();
          tables.append(change(9, "new"), "absent");
          tables.backToSavepoint();
          assert.deepEqual(state(tables), committed);
        }
      }),
    );

    it(
      "give back to the disk, in a transaction or not, without anything to give",
      withTables((tables) => {
        fill(tables);
        const before = state(tables);
        tables.giveBack(1_000_000);
        tables.commit({ ...initialKvMeta, changes: 8, revision: 9 }, "normal");
        tables.giveBack(0);
        tables.giveBack(1);
        tables.rollback();
        assert.deepEqual(state(tables), before);
      }),
    );
  });
}

/** The members of `found` that `like` has: a backend may give more than it is asked for. */
function pick(found: object | undefined, like: object): object {
  const entries = Object.entries(found ?? {});
  return Object.fromEntries(entries.filter(([name]) => name in like));
}
