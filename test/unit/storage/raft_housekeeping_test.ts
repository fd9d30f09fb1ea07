import { statSync } from "node:fs";
import { join } from "node:path";
import { assert, describe, it } from "../../harness/test.ts";
import { entryAt, LogModel, snapshotAt, viewOf } from "../../harness/log_model.ts";
import { ManualClock } from "../../harness/manual_clock.ts";
import { makeTempDir } from "../../harness/temp_dir.ts";
import { makeEntry } from "../../../src/raft/encoding.ts";
import type { SqliteDatabase } from "../../../src/runtime/mod.ts";
import {
  purgeRowsMax,
  walPagesCalm,
  walPagesMax,
} from "../../../src/storage/sqlite/raft_housekeeping.ts";
import { SqliteEngine } from "../../../src/storage/sqlite/raft_engine.ts";
import { engineOptions, runtime } from "../../conformance/storage_engine_places.ts";

/** An engine whose SQL is heard, with a database that can be asked beside it. */
function open(directory: string): {
  readonly engine: SqliteEngine;
  readonly clock: ManualClock;
  readonly database: () => SqliteDatabase;
  readonly sql: string[];
} {
  const clock = new ManualClock();
  const sql: string[] = [];
  let database: SqliteDatabase | undefined;
  const engine = new SqliteEngine({
    ...engineOptions(directory),
    clock,
    openSqlite: (path) => {
      const opened = runtime.openSqlite(path);
      database = opened;
      return {
        exec: (text) => opened.exec(text),
        prepare: (text) => {
          const statement = opened.prepare(text);
          const heard = <T>(run: () => T): T => {
            sql.push(text);
            return run();
          };
          return {
            run: (...values) => heard(() => statement.run(...values)),
            get: (...values) => heard(() => statement.get(...values)),
            all: (...values) => heard(() => statement.all(...values)),
            values: (...values) => heard(() => statement.values(...values)),
            finalize: () => statement.finalize(),
          };
        },
        close: () => opened.close(),
      };
    },
  });
  return { engine, clock, sql, database: () => database! };
}

function rowCount(database: SqliteDatabase): number {
  return Number(database.prepare("SELECT count(*) AS n FROM entries").get()?.["n"]);
}

describe("the housekeeping of raft.db", () => {
  it("purges rows below the boundary on ticks, in portions, never in a write", () => {
    using temp = makeTempDir("purge");
    const { engine, clock, database, sql } = open(temp.path);
    const model = new LogModel();
    const rows = 4 * purgeRowsMax;
    const entries = Array.from({ length: rows + 10 }, (_, at) => entryAt(at + 1, 1));
    engine.persist({ number: 1, entries }, () => model.apply({ number: 1, entries }));
    assert.deepEqual(clock.intervalsMs, []);
    sql.length = 0;
    const compactTo = (number: number, index: number): void => {
      const compaction = { number, entries: [], compactTo: model.boundaryAt(index) };
      engine.persist(compaction, () => model.apply(compaction));
    };
    compactTo(2, purgeRowsMax);
    assert.deepEqual(sql.filter((text) => /DELETE FROM entries/.test(text)), []);
    assert.equal(rowCount(database()), rows + 10);
    assert.deepEqual(viewOf(engine), model.view());
    const counts: number[] = [];
    const tickToEnd = (): void => {
      while (clock.intervalsMs.length > 0) {
        clock.tick();
        counts.push(rowCount(database()) - 10);
      }
    };
    tickToEnd();
    compactTo(3, rows);
    tickToEnd();
    // Nothing was written meanwhile: one portion a tick.
    assert.deepEqual(counts, [3, 2, 1, 0].map((portions) => portions * purgeRowsMax));
    assert.deepEqual(viewOf(engine), model.view());
    engine.close();
  });

  it("deletes twice what was written, however few the writes were", () => {
    using temp = makeTempDir("purge");
    const { engine, clock, database } = open(temp.path);
    const model = new LogModel();
    for (let number = 1; number <= 30; number++) {
      const from = model.lastIndex + 1;
      const entries = Array.from({ length: 4 * purgeRowsMax }, (_, at) => entryAt(from + at, 1));
      const compactTo = number % 5 === 0 ? model.boundaryAt(model.lastIndex) : undefined;
      const write = { number, entries, ...(compactTo && { compactTo }) };
      engine.persist(write, () => model.apply(write));
      clock.tick();
    }
    assert.ok(rowCount(database()) <= 10 * 4 * purgeRowsMax, `${rowCount(database())} rows`);
    engine.close();
  });

  it("deletes little of large entries at a time", () => {
    using temp = makeTempDir("purge");
    const first = open(temp.path);
    const model = new LogModel();
    const megabyte = "x".repeat(1024 * 1024);
    const entries = Array.from({ length: 12 }, (_, at) => entryAt(at + 1, 1, megabyte));
    first.engine.persist({ number: 1, entries }, () => model.apply({ number: 1, entries }));
    const compaction = { number: 2, entries: [], compactTo: model.boundaryAt(10) };
    first.engine.persist(compaction, () => model.apply(compaction));
    first.engine.close();
    const { engine, clock, database } = open(temp.path);
    const counts: number[] = [];
    while (clock.intervalsMs.length > 0) {
      clock.tick();
      counts.push(rowCount(database()));
    }
    assert.deepEqual(counts.slice(0, 3), [8, 4, 2]);
    assert.deepEqual(viewOf(engine), model.view());
    engine.close();
  });

  it("goes on with the purge after a restart", () => {
    using temp = makeTempDir("purge");
    const first = open(temp.path);
    const model = new LogModel();
    const entries = Array.from({ length: 600 }, (_, at) => entryAt(at + 1, 1));
    first.engine.persist({ number: 1, entries }, () => model.apply({ number: 1, entries }));
    const compaction = { number: 2, entries: [], compactTo: model.boundaryAt(590) };
    first.engine.persist(compaction, () => model.apply(compaction));
    first.engine.close();
    const again = open(temp.path);
    again.clock.tick();
    assert.equal(rowCount(again.database()), 600 - purgeRowsMax);
    for (let i = 0; i < 5; i++) again.clock.tick();
    assert.equal(rowCount(again.database()), 10);
    assert.deepEqual(viewOf(again.engine), model.view());
    assert.deepEqual(again.clock.intervalsMs, []);
    again.engine.close();
  });

  it("deletes what an image stands for little by little, and what is not committed at once", () => {
    using temp = makeTempDir("purge");
    const first = open(temp.path);
    const model = new LogModel();
    const [rows, committed] = [4 * purgeRowsMax, 3 * purgeRowsMax];
    const entries = Array.from({ length: rows }, (_, at) => entryAt(at + 1, 1));
    const hardState = { currentTerm: 2, commitIndex: committed };
    const filling = { number: 1, hardState, entries };
    first.engine.persist(filling, () => model.apply(filling));
    const snapshot = snapshotAt(rows + 1_000_000, 2);
    const decision = { number: 2, snapshot, entries: [entryAt(rows + 1_000_001, 2)] };
    first.engine.persist(decision, () => model.apply(decision));
    assert.equal(rowCount(first.database()), committed + 1);
    assert.deepEqual(viewOf(first.engine), model.view());
    first.engine.close();
    const { engine, clock, database } = open(temp.path);
    assert.deepEqual(viewOf(engine), model.view());
    assert.deepEqual(engine.stored().firstBad, undefined);
    assert.equal(engine.stored().badMeta, false);
    const counts: number[] = [];
    while (clock.intervalsMs.length > 0) {
      clock.tick();
      counts.push(rowCount(database()) - 1);
    }
    assert.deepEqual(counts, [2, 1, 0, 0].map((portions) => portions * purgeRowsMax));
    assert.deepEqual(viewOf(engine), model.view());
    engine.close();
  });

  it("keeps up with any rate of writes", { timeout: 240_000 }, () => {
    using temp = makeTempDir("purge");
    const { engine, clock, database } = open(temp.path);
    const model = new LogModel();
    for (let number = 1; number <= 60; number++) {
      const from = (number - 1) * purgeRowsMax + 1;
      const entries = Array.from({ length: purgeRowsMax }, (_, at) => entryAt(from + at, 1));
      const compactTo = number < 3 ? undefined : model.boundaryAt(model.lastIndex);
      const write = { number, entries, ...(compactTo && { compactTo }) };
      engine.persist(write, () => model.apply(write));
      if (number % 4 === 0) clock.tick();
    }
    assert.ok(rowCount(database()) < 9 * purgeRowsMax, `${rowCount(database())} rows`);
    engine.close();
  });

  it("checkpoints in a calm moment, never between writes that follow each other", {
    timeout: 240_000,
  }, () => {
    using temp = makeTempDir("wal");
    const { engine, clock, sql } = open(temp.path);
    const checkpoints = (): number => sql.filter((text) => /wal_checkpoint/.test(text)).length;
    let number = 0;
    const write = (): void => {
      const index = ++number;
      engine.persist({ number, entries: [entryAt(index, 1)] }, () => {});
    };
    while (clock.intervalsMs.length === 0) write();
    assert.ok(number >= walPagesCalm / 4, `${number} writes`);
    clock.tick();
    write();
    clock.tick();
    assert.equal(checkpoints(), 0, "a write came since the last tick");
    clock.tick();
    assert.equal(checkpoints(), 1);
    assert.deepEqual(clock.intervalsMs, []);
    engine.close();
  });

  it("bounds the WAL under load that never pauses", { timeout: 240_000 }, () => {
    using temp = makeTempDir("wal");
    const { engine, clock } = open(temp.path);
    const wal = join(temp.path, "raft.db-wal");
    const data = new Uint8Array(100_000);
    let most = 0;
    for (let index = 1; index <= 900; index++) {
      const entry = makeEntry({ index, term: 1, kind: "command", timeMs: 0, data });
      engine.persist({ number: index, entries: [entry] }, () => {});
      if (index % 20 === 0) clock.tick();
      most = Math.max(most, statSync(wal).size);
    }
    assert.ok(most < 1.3 * walPagesMax * 4120, `the WAL grew to ${most} bytes`);
    assert.ok(most > 0.5 * walPagesMax * 4120, `${most} bytes: too often, or not measured`);
    engine.close();
  });

  it("hands a failure to onFatal", () => {
    using temp = makeTempDir("wal");
    const clock = new ManualClock();
    const fatal: Error[] = [];
    let database: SqliteDatabase | undefined;
    const engine = new SqliteEngine({
      ...engineOptions(temp.path),
      ...{ clock, onFatal: (error) => void fatal.push(error) },
      openSqlite: (path) => (database = runtime.openSqlite(path)),
    });
    const model = new LogModel();
    const entries = Array.from({ length: 20 }, (_, at) => entryAt(at + 1, 1));
    engine.persist({ number: 1, entries }, () => model.apply({ number: 1, entries }));
    const write = { number: 2, entries: [], compactTo: model.boundaryAt(10) };
    engine.persist(write, () => {});
    database?.exec("DROP TABLE entries");
    clock.tick();
    assert.match(fatal[0]?.message ?? "", /raft\.db could not be tidied: /);
    engine.close();
  });
});
