import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { assert, describe, it } from "../../harness/test.ts";
import { entryAt, LogModel, viewOf } from "../../harness/log_model.ts";
import { ManualClock } from "../../harness/manual_clock.ts";
import { SimulatedFiles } from "../../harness/simulated_files.ts";
import { makeTempDir } from "../../harness/temp_dir.ts";
import { makeEntry } from "../../../src/raft/encoding.ts";
import { FatalStorageError, type StorageEngine } from "../../../src/node/ports.ts";
import type { LogWrite } from "../../../src/raft/ready.ts";
import type { SqliteDatabase } from "../../../src/runtime/mod.ts";
import type { Files, OpenFile } from "../../../src/storage/directory/files.ts";
import { FileEngine } from "../../../src/storage/file/file_engine.ts";
import { MemoryDisk, MemoryEngine } from "../../../src/storage/memory/memory_engine.ts";
import { SqliteEngine } from "../../../src/storage/sqlite/raft_engine.ts";
import { engineOptions, runtime } from "../../conformance/storage_engine_places.ts";

const kilobytes = (index: number): LogWrite => ({
  number: index,
  hardState: { currentTerm: 1, votedFor: 1, commitIndex: index - 1 },
  entries: [makeEntry({
    ...{ index, term: 1, kind: "command", timeMs: 0 },
    data: new Uint8Array(40_000).fill(index),
  })],
});

interface FullDisk {
  readonly engine: StorageEngine;
  readonly clock: ManualClock;
  setFull(isFull: boolean): void;
  reopen(): StorageEngine;
}

/** A full disk is a write that waits; nothing of it is there until there is room. */
function describesFullDisk(name: string, make: () => FullDisk & Disposable): void {
  describe(`a full disk under ${name}`, () => {
    it("delays writes, keeps their order and heals by itself", () => {
      using disk = make();
      const { engine, clock } = disk;
      const model = new LogModel();
      const done: number[] = [];
      const persist = (write: LogWrite): void =>
        engine.persist(write, () => {
          model.apply(write);
          done.push(write.number);
        });
      persist(kilobytes(1));
      disk.setFull(true);
      persist(kilobytes(2));
      persist(kilobytes(3));
      assert.deepEqual(done, [1]);
      assert.ok(clock.intervalsMs.includes(500));
      clock.tick();
      assert.deepEqual(done, [1]);
      assert.deepEqual(viewOf(engine), model.view());
      disk.setFull(false);
      clock.tick();
      assert.deepEqual(done, [1, 2, 3]);
      assert.ok(!clock.intervalsMs.includes(500), "the retry has ended");
      persist(kilobytes(4));
      assert.deepEqual(done, [1, 2, 3, 4]);
      assert.deepEqual(viewOf(engine), model.view());
      assert.deepEqual(viewOf(disk.reopen()), model.view());
    });

    it("loses nothing but what was not done when the process ends", () => {
      using disk = make();
      const model = new LogModel();
      disk.engine.persist(kilobytes(1), () => model.apply(kilobytes(1)));
      disk.setFull(true);
      disk.engine.persist(kilobytes(2), () => assert.fail("the disk is full"));
      disk.clock.tick();
      disk.setFull(false);
      assert.deepEqual(viewOf(disk.reopen()), model.view());
    });
  });
}

function sqliteDisk(): FullDisk & Disposable {
  const temp = makeTempDir("full");
  const clock = new ManualClock();
  let database: SqliteDatabase | undefined;
  const options = {
    ...{ ...engineOptions(temp.path), clock },
    openSqlite: (path: string) => (database = runtime.openSqlite(path)),
  };
  const engine = new SqliteEngine(options);
  let again: StorageEngine | undefined;
  return {
    engine,
    clock,
    // SQLite answers SQLITE_FULL for a database at its page limit as for a disk at its end.
    setFull: (isFull) => database?.exec(`PRAGMA max_page_count = ${isFull ? 1 : 100_000}`),
    reopen: () => {
      engine.close();
      return again = new SqliteEngine(options);
    },
    [Symbol.dispose]: () => {
      (again ?? engine).close();
      temp.remove();
    },
  };
}

/** Writes stop in their middle with `code`, as long as it is set. */
function failingFiles(files: Files, state: Failure): Files {
  return {
    open: (path, mode) => failing(files.open(path, mode), path, state),
    read: (path) => files.read(path),
    list: (directory) => files.list(directory),
    makeDirectory: (path) => files.makeDirectory(path),
    rename: (from, to) => files.rename(from, to),
    remove: (path) => files.remove(path),
    syncDirectory: (directory) => files.syncDirectory(directory),
  };
}

interface Failure {
  code?: string;
  on?: keyof OpenFile;
}

function failing(
  file: OpenFile,
  path: string,
  state: Failure,
): OpenFile {
  const fail = (on: keyof OpenFile): void => {
    if (state.code === undefined || state.on !== on || path.endsWith(".mark")) return;
    throw Object.assign(new Error(`${state.code}: no luck`), { code: state.code });
  };
  return {
    size: () => file.size(),
    read: (position, length) => file.read(position, length),
    write: (bytes, position) => {
      if (state.code !== undefined && state.on === "write" && !path.endsWith(".mark")) {
        file.write(bytes.subarray(0, 1000), position);
      }
      fail("write");
      file.write(bytes, position);
    },
    truncate: (length) => {
      fail("truncate");
      file.truncate(length);
    },
    sync: () => {
      fail("sync");
      file.sync();
    },
    close: () => file.close(),
  };
}

function fileDisk(segmentBytesMax: number): FullDisk & Disposable {
  const state: Failure = {};
  const clock = new ManualClock();
  const files = failingFiles(new SimulatedFiles(), state);
  const options = { ...engineOptions("/data"), files, clock, segmentBytesMax };
  const engine = new FileEngine(options);
  return {
    engine,
    clock,
    setFull: (isFull) => {
      delete state.code;
      if (isFull) Object.assign(state, { code: "ENOSPC", on: "write" });
    },
    reopen: () => {
      engine.close();
      return new FileEngine(options);
    },
    [Symbol.dispose]: () => {},
  };
}

function memoryDisk(): FullDisk & Disposable {
  const disk = new MemoryDisk();
  const clock = new ManualClock();
  const engine = new MemoryEngine(disk, clock);
  return {
    engine,
    clock,
    setFull: (isFull) => disk.freeBytes = isFull ? 10 : Infinity,
    reopen: () => {
      engine.close();
      return new MemoryEngine(disk, clock);
    },
    [Symbol.dispose]: () => {},
  };
}

describesFullDisk("sqlite", sqliteDisk);
describesFullDisk("file", () => fileDisk(1e9));
describesFullDisk("file, at the roll of a segment", () => fileDisk(1));
describesFullDisk("memory", memoryDisk);

describe("a write that the disk had no room for", () => {
  it("leaves nothing of itself in the segment", () => {
    const state: Failure = {};
    const disk = new SimulatedFiles();
    const engine = new FileEngine({ ...engineOptions("/data"), files: failingFiles(disk, state) });
    engine.persist(kilobytes(1), () => {});
    const before = disk.read("/data/raft/00000001.seg");
    Object.assign(state, { code: "ENOSPC", on: "write" });
    engine.persist(kilobytes(2), () => assert.fail("the disk is full"));
    assert.deepEqual(disk.read("/data/raft/00000001.seg"), before);
  });
});

describe("a failure that is not a full disk", () => {
  const failures = [
    { code: "EIO", on: "write" },
    { code: "EIO", on: "sync" },
    // A full disk that only the sync notices: the pages may already count as clean.
    { code: "ENOSPC", on: "sync" },
  ] as const;
  for (const failure of failures) {
    it(`ends the file engine: ${failure.code} of ${failure.on}`, () => {
      const state: Failure = {};
      const files = failingFiles(new SimulatedFiles(), state);
      const engine = new FileEngine({ ...engineOptions("/data"), files });
      engine.persist(kilobytes(1), () => {});
      Object.assign(state, failure);
      const persist = (): void =>
        engine.persist(kilobytes(2), () => assert.fail("the write is not durable"));
      assert.throws(persist, FatalStorageError);
      delete state.code;
      assert.throws(persist, FatalStorageError, "the same handle is never tried again");
    });
  }

  it("of a later attempt goes to onFatal", () => {
    const state: Failure = {};
    const clock = new ManualClock();
    const fatal: Error[] = [];
    const files = failingFiles(new SimulatedFiles(), state);
    const onFatal = (error: Error): number => fatal.push(error);
    const engine = new FileEngine({ ...engineOptions("/data"), files, clock, onFatal });
    Object.assign(state, { code: "ENOSPC", on: "write" });
    engine.persist({ number: 1, entries: [entryAt(1, 1)] }, () => assert.fail("not durable"));
    Object.assign(state, { code: "EIO", on: "write" });
    clock.tick();
    assert.equal(fatal.length, 1);
    assert.ok(fatal[0] instanceof FatalStorageError);
    assert.deepEqual(clock.intervalsMs, []);
  });

  it("ends the SQLite engine, and says the file and SQLite's code", () => {
    using temp = makeTempDir("fatal");
    mkdirSync(join(temp.path, "a"));
    let database: SqliteDatabase | undefined;
    const engine = new SqliteEngine({
      ...engineOptions(join(temp.path, "a")),
      openSqlite: (path) => (database = runtime.openSqlite(path)),
    });
    database?.exec("DROP TABLE entries");
    const write = { number: 1, entries: [entryAt(1, 1)] };
    const persist = (): void => engine.persist(write, () => assert.fail("not durable"));
    assert.throws(persist, /raft\.db could not be written: .*SQLite result code \d+/);
    assert.throws(persist, FatalStorageError);
    engine.close();
  });
});
