/** What a log is: entries, truncation, compaction, snapshots, hard state, and how they are read. */

import { assert } from "../harness/test.ts";
import {
  configurationEntry,
  configurationOf,
  entryAt,
  LogModel,
  readAll,
  snapshotAt,
} from "../harness/log_model.ts";
import { emptyBytes } from "../../src/lib/bytes.ts";
import { makeEntry } from "../../src/raft/encoding.ts";
import type { StorageEngine } from "../../src/node/ports.ts";
import type { Entry } from "../../src/raft/types.ts";
import {
  assertHolds,
  persistAll,
  persisted,
  reopened,
  type StorageEngineCase,
} from "./storage_place.ts";

/** Entries `from` … `to` of term 1. */
export function entriesOf(from: number, to: number, term = 1): readonly Entry[] {
  return Array.from({ length: to - from + 1 }, (_, at) => entryAt(from + at, term));
}

export const basicCases: readonly StorageEngineCase[] = [
  {
    name: "empty_storage: a new log holds nothing and starts at index 1",
    run: (place) => {
      const engine = place.open();
      assertHolds(engine, new LogModel());
      assert.equal(engine.log.firstIndex(), 1);
      assert.equal(engine.log.lastIndex(), 0);
      assert.equal(engine.log.term(0), 0);
      assert.equal(engine.log.term(1), undefined);
      assert.deepEqual(engine.log.entries({ from: 1, to: 0, bytesMax: 100 }), []);
      assert.equal(engine.log.entries({ from: 0, to: 0, bytesMax: 100 }), undefined);
      assert.ok(engine.space().freeBytes > 0);
      assertHolds(reopened(place, engine), new LogModel());
    },
  },
  {
    name: "single_entry_persistence: one entry is there after a restart",
    run: async (place) => {
      const [engine, model] = [place.open(), new LogModel()];
      await persistAll(engine, model, [{ number: 1, entries: [entryAt(1, 1)] }]);
      assertHolds(engine, model);
      assertHolds(reopened(place, engine), model);
    },
  },
  {
    name: "batch_persistence: a thousand entries in one write, and in many",
    run: async (place) => {
      const [engine, model] = [place.open(), new LogModel()];
      await persistAll(engine, model, [{ number: 1, entries: entriesOf(1, 1000) }]);
      for (let i = 0; i < 20; i++) {
        const entries = entriesOf(1001 + i * 5, 1005 + i * 5, 2);
        await persistAll(engine, model, [{ number: 2 + i, entries }]);
      }
      assertHolds(engine, model);
      assert.equal(engine.log.term(1000), 1);
      assert.equal(engine.log.term(1001), 2);
      assertHolds(reopened(place, engine), model);
    },
  },
  {
    name: "purge_logs: compaction moves the boundary, entries below it are gone",
    run: async (place) => {
      const [engine, model] = [place.open(), new LogModel()];
      await persistAll(engine, model, [{ number: 1, entries: entriesOf(1, 10) }]);
      await persistAll(engine, model, [
        { number: 2, entries: entriesOf(11, 12), compactTo: model.boundaryAt(7) },
      ]);
      const check = ({ log }: StorageEngine): void => {
        assert.equal(log.firstIndex(), 8);
        assert.equal(log.lastIndex(), 12);
        assert.equal(log.term(7), 1);
        assert.equal(log.term(6), undefined);
        assert.equal(log.entries({ from: 7, to: 12, bytesMax: 1e6 }), undefined);
        assert.equal(log.entries({ from: 8, to: 12, bytesMax: 1e6 })?.length, 5);
      };
      check(engine);
      check(reopened(place, engine));
    },
  },
  {
    name: "truncation: a conflict cuts the tail, new entries take its place",
    run: async (place) => {
      const [engine, model] = [place.open(), new LogModel()];
      await persistAll(engine, model, [
        { number: 1, entries: entriesOf(1, 10) },
        { number: 2, truncateFrom: 6, entries: entriesOf(6, 7, 3) },
        { number: 3, truncateFrom: 7, entries: [] },
      ]);
      assertHolds(engine, model);
      assert.equal(engine.log.lastIndex(), 6);
      assert.equal(engine.log.term(6), 3);
      assert.equal(engine.log.term(7), undefined);
      assertHolds(reopened(place, engine), model);
    },
  },
  {
    name: "reset_operation: a snapshot replaces the whole log by its boundary",
    run: async (place) => {
      const [engine, model] = [place.open(), new LogModel()];
      await persistAll(engine, model, [
        { number: 1, entries: [configurationEntry(1, 1, [1, 2, 3]), ...entriesOf(2, 20)] },
        {
          ...{ number: 2, hardState: { currentTerm: 4, commitIndex: 50 } },
          ...{ snapshot: snapshotAt(50, 4, [1, 4]), entries: entriesOf(51, 53, 4) },
        },
      ]);
      assertHolds(engine, model);
      assert.equal(engine.log.firstIndex(), 51);
      assert.equal(engine.log.term(50), 4);
      assertHolds(reopened(place, engine), model);
    },
  },
  {
    name: "a snapshot below the end of the log replaces that end, too",
    run: async (place) => {
      const [engine, model] = [place.open(), new LogModel()];
      await persistAll(engine, model, [
        { number: 1, entries: entriesOf(1, 20) },
        { number: 2, snapshot: snapshotAt(10, 2), entries: [] },
        { number: 3, entries: entriesOf(11, 12, 2) },
      ]);
      assertHolds(engine, model);
      assertHolds(reopened(place, engine), model);
    },
  },
  {
    name: "edge_cases: empty data, eight megabytes, every kind, a cut behind the end",
    run: async (place) => {
      const [engine, model] = [place.open(), new LogModel()];
      const large = new Uint8Array(8 * 1024 * 1024).fill(7);
      const parts = { term: 2, timeMs: 0 };
      await persistAll(engine, model, [
        { number: 1, entries: [] },
        {
          number: 2,
          entries: [
            makeEntry({ ...parts, index: 1, kind: "noop", data: emptyBytes }),
            makeEntry({ ...parts, index: 2, kind: "command", data: large }),
            makeEntry({ ...parts, index: 3, kind: "command", data: emptyBytes }),
            configurationEntry(4, 2, [1]),
          ],
        },
        { number: 3, truncateFrom: 9, entries: entriesOf(5, 5, 2) },
      ]);
      assertHolds(engine, model);
      assertHolds(reopened(place, engine), model);
    },
  },
  {
    name: "the largest numbers that the core knows survive",
    run: async (place) => {
      const [engine, model] = [place.open(), new LogModel()];
      const index = Number.MAX_SAFE_INTEGER - 5;
      const term = Number.MAX_SAFE_INTEGER - 1;
      const votedFor = 2 ** 32 - 1;
      await persistAll(engine, model, [{
        ...{ number: 1, hardState: { currentTerm: term, votedFor, commitIndex: index } },
        ...{ snapshot: { ...snapshotAt(index, term), timeMs: Number.MAX_SAFE_INTEGER } },
        entries: [{
          ...makeEntry({
            ...{ index: index + 1, term, kind: "command", timeMs: Number.MAX_SAFE_INTEGER },
            data: emptyBytes,
          }),
        }],
      }]);
      assertHolds(engine, model);
      assertHolds(reopened(place, engine), model);
    },
  },
  {
    name: "purge_empty_range: compaction to the very end leaves an empty log that goes on",
    run: async (place) => {
      const [engine, model] = [place.open(), new LogModel()];
      await persistAll(engine, model, [{ number: 1, entries: entriesOf(1, 5) }]);
      await persistAll(engine, model, [
        { number: 2, entries: [], compactTo: model.boundaryAt(5) },
        { number: 3, entries: entriesOf(6, 6) },
      ]);
      assertHolds(engine, model);
      const again = reopened(place, engine);
      assertHolds(again, model);
      await persistAll(again, model, [{ number: 4, entries: [], compactTo: model.boundaryAt(6) }]);
      assert.equal(again.log.lastIndex(), 6);
      assert.equal(again.log.term(6), 1);
      assertHolds(reopened(place, again), model);
    },
  },
  {
    name: "hard_state_persistence: term, vote and commitIndex, with and without a vote",
    run: async (place) => {
      const [engine, model] = [place.open(), new LogModel()];
      await persistAll(engine, model, [
        { number: 1, hardState: { currentTerm: 3, votedFor: 2, commitIndex: 0 }, entries: [] },
        { number: 2, entries: entriesOf(1, 3) },
        {
          ...{ number: 3, hardState: { currentTerm: 3, votedFor: 2, commitIndex: 2 } },
          entries: entriesOf(4, 4),
        },
      ]);
      assertHolds(engine, model);
      const again = reopened(place, engine);
      assertHolds(again, model);
      await persistAll(again, model, [
        { number: 4, hardState: { currentTerm: 4, commitIndex: 2 }, entries: [] },
      ]);
      assert.equal(again.stored().hardState.votedFor, undefined);
      assertHolds(reopened(place, again), model);
    },
  },
  {
    name: "reset_preserves_meta: a snapshot leaves term and vote as they are",
    run: async (place) => {
      const [engine, model] = [place.open(), new LogModel()];
      await persistAll(engine, model, [
        {
          ...{ number: 1, hardState: { currentTerm: 7, votedFor: 3, commitIndex: 0 } },
          entries: entriesOf(1, 4),
        },
        { number: 2, snapshot: snapshotAt(9, 6), entries: [] },
      ]);
      const again = reopened(place, engine);
      assertHolds(again, model);
      const { currentTerm, votedFor } = again.stored().hardState;
      assert.deepEqual({ currentTerm, votedFor }, { currentTerm: 7, votedFor: 3 });
    },
  },
  {
    name: "configurations come base first and follow appends, truncations and compactions",
    run: async (place) => {
      const [engine, model] = [place.open(), new LogModel()];
      await persistAll(engine, model, [
        { number: 1, entries: [configurationEntry(1, 1, [1]), ...entriesOf(2, 4)] },
        { number: 2, entries: [configurationEntry(5, 1, [1, 2]), ...entriesOf(6, 8)] },
        { number: 3, entries: [configurationEntry(9, 1, [1, 2, 3])] },
        { number: 4, truncateFrom: 9, entries: entriesOf(9, 9, 2) },
      ]);
      const { configurations } = engine.stored();
      assert.deepEqual(configurations.map(({ position }) => position.index), [0, 1, 5]);
      await persistAll(engine, model, [
        { number: 5, entries: [], compactTo: model.boundaryAt(6) },
      ]);
      const again = reopened(place, engine);
      assertHolds(again, model);
      assert.deepEqual(again.stored().configurations, [
        { position: { index: 5, term: 1 }, configuration: configurationOf([1, 2]) },
      ]);
    },
  },
  {
    name: "entries are cut by bytes of data, never below one",
    run: async (place) => {
      const [engine, model] = [place.open(), new LogModel()];
      const entries = Array.from({ length: 30 }, (_, at) =>
        makeEntry({
          ...{ index: at + 1, term: 1, kind: "command", timeMs: 0 },
          data: new Uint8Array(at === 9 ? 5000 : 100),
        }));
      await persistAll(engine, model, [{ number: 1, entries }]);
      for (let from = 1; from <= 30;) {
        const page = engine.log.entries({ from, to: 30, bytesMax: 1000 }) ?? [];
        const bytes = page.reduce((sum, { data }) => sum + data.length, 0);
        assert.ok(page.length === 1 || page.length > 1 && bytes <= 1000, `${bytes} bytes`);
        assert.equal(page[0]?.index, from);
        from += page.length;
      }
      assert.equal(engine.log.entries({ from: 1, to: 30, bytesMax: 0 })?.length, 1);
      assert.ok((engine.log.entries({ from: 1, to: 30, bytesMax: 1000 })?.length ?? 0) > 4);
      assert.equal(engine.log.entries({ from: 3, to: 4, bytesMax: 1e6 })?.length, 2);
      assert.deepEqual(readAll(engine, 350), model.entries);
    },
  },
  {
    name: "writes finish in the order in which they were given, also when nobody waits",
    run: async (place) => {
      const [engine, model] = [place.open(), new LogModel()];
      const finished: number[] = [];
      const all = Array.from({ length: 10 }, (_, at) => {
        const write = { number: at + 1, entries: [entryAt(at + 1, 1)] };
        model.apply(write);
        return new Promise<void>((resolve) =>
          engine.persist(write, () => {
            finished.push(write.number);
            resolve();
          })
        );
      });
      await Promise.all(all);
      assert.deepEqual(finished, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
      assertHolds(engine, model);
    },
  },
  {
    name: "what breaks the rules of a log is refused, and leaves no trace",
    run: async (place) => {
      const [engine, model] = [place.open(), new LogModel()];
      await persistAll(engine, model, [{
        ...{ number: 1, hardState: { currentTerm: 2, votedFor: 1, commitIndex: 5 } },
        entries: entriesOf(1, 9),
      }]);
      const refused = [
        { number: 3, entries: entriesOf(10, 10) },
        { number: 2, entries: entriesOf(11, 11) },
        { number: 2, entries: entriesOf(9, 9) },
        { number: 2, entries: [{ ...entryAt(10, 1), crc32c: 1 }] },
        { number: 2, truncateFrom: 5, entries: [] },
        { number: 2, entries: [], hardState: { currentTerm: 1, commitIndex: 5 } },
        { number: 2, entries: [], hardState: { currentTerm: 2, votedFor: 3, commitIndex: 5 } },
        { number: 2, entries: [], hardState: { currentTerm: 2, commitIndex: 5 } },
        { number: 2, entries: [], hardState: { currentTerm: 3, commitIndex: 4 } },
        { number: 2, entries: [], hardState: { currentTerm: 3, commitIndex: 10 } },
        { number: 2, entries: [], compactTo: snapshotAt(10, 1) },
        { number: 2, entries: [], compactTo: snapshotAt(5, 2) },
      ];
      for (const write of refused) {
        await assert.rejects(persisted(engine, write), /./, JSON.stringify(write));
      }
      assertHolds(engine, model);
      assertHolds(reopened(place, engine), model);
    },
  },
];
