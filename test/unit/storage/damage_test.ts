/** Damage anywhere in the files of a log: told, or without effect, never a silently other log. */

import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { assert, describe, it } from "../../harness/test.ts";
import { configurationEntry, entryAt, LogModel, viewOf } from "../../harness/log_model.ts";
import { makeTempDir } from "../../harness/temp_dir.ts";
import { FatalStorageError, type StorageEngine, type StoredLog } from "../../../src/node/ports.ts";
import { concatBytes } from "../../../src/lib/bytes.ts";
import { makeEntry } from "../../../src/raft/encoding.ts";
import type { LogWrite } from "../../../src/raft/ready.ts";
import { encodeWrite } from "../../../src/storage/file/frame.ts";
import {
  openFileEngine,
  openSqliteEngine,
  runtime,
} from "../../conformance/storage_engine_places.ts";

interface Log {
  readonly model: LogModel;
  readonly open: (directory: string) => StorageEngine;
}

/** Ten writes: configurations, a truncation, a compaction, a vote. */
function fill(engine: StorageEngine): LogModel {
  const model = new LogModel();
  const add = (write: Omit<LogWrite, "number">): void => {
    const numbered = { number: model.batchNumber + 1, ...write };
    engine.persist(numbered, () => model.apply(numbered));
  };
  add({ entries: [configurationEntry(1, 1, [1, 2, 3]), entryAt(2, 1)] });
  for (let index = 3; index <= 6; index++) {
    add({
      hardState: { currentTerm: 2, votedFor: 3, commitIndex: index - 1 },
      entries: [entryAt(index, 2, `value ${index} `.repeat(20))],
    });
  }
  add({ entries: [configurationEntry(7, 2, [1, 2]), entryAt(8, 2)] });
  add({ truncateFrom: 8, entries: [entryAt(8, 3), entryAt(9, 3)] });
  add({
    hardState: { currentTerm: 4, commitIndex: 8 },
    ...{ entries: [entryAt(10, 4)], compactTo: model.boundaryAt(4) },
  });
  add({ entries: [entryAt(11, 4, "the last ".repeat(30))] });
  add({ hardState: { currentTerm: 5, votedFor: 2, commitIndex: 9 }, entries: [] });
  return model;
}

/** What an engine says of a damaged directory. */
function checkDamaged(log: Log, directory: string, where: string): "harmless" | "told" | "refused" {
  let engine: StorageEngine;
  try {
    engine = log.open(directory);
  } catch (error) {
    assert.ok(error instanceof FatalStorageError, `${where}: ${error}`);
    return "refused";
  }
  try {
    const { firstBad, badMeta, mark, batchNumber } = engine.stored();
    const isBehind = mark !== undefined && mark.batchNumber > batchNumber;
    if (firstBad === undefined && !badMeta && !isBehind) {
      assert.deepEqual(viewOf(engine), log.model.view(), where);
      return "harmless";
    }
    // Whatever is still shown is true.
    for (const entry of viewOf(engine).entries) {
      const past = [...log.model.entries, entryAt(8, 2), entryAt(2, 1)];
      const isPast = entry.index <= 4 ||
        past.some(({ index, crc32c }) => index === entry.index && crc32c === entry.crc32c);
      assert.ok(isPast, `${where}: entry ${entry.index} is made up`);
    }
    const from = firstBad ?? engine.log.lastIndex() + 1;
    engine.discard(from, { currentTerm: 9, commitIndex: 9 });
    assertHealthy(engine, where);
  } finally {
    engine.close();
  }
  const healed = log.open(directory);
  assertHealthy(healed, `${where}, healed`);
  healed.close();
  return "told";
}

function assertHealthy(engine: StorageEngine, where: string): void {
  const { firstBad, badMeta, mark, batchNumber } = engine.stored();
  assert.deepEqual({ firstBad, badMeta }, { firstBad: undefined, badMeta: false }, where);
  assert.ok((mark?.batchNumber ?? 0) <= batchNumber, where);
  const index = engine.log.lastIndex() + 1;
  const write = { number: batchNumber + 1, entries: [entryAt(index, 9)] };
  let isDone = false;
  engine.persist(write, () => isDone = true);
  assert.ok(isDone, where);
}

/** Turns a bit of every `stride`th byte of `name`, each in a copy of the directory. */
function turnBits(
  log: Log,
  options: { readonly root: string; readonly intact: string; readonly name: string },
  stride: number,
): ReadonlyMap<string, number> {
  const { root, intact, name } = options;
  const bytes = readFileSync(join(intact, name));
  const counts = new Map<string, number>();
  for (let at = 0; at < bytes.length; at += stride) {
    const directory = join(root, `${name.replace("/", "-")}-${at}`);
    cpSync(intact, directory, { recursive: true });
    const turned = Uint8Array.from(bytes);
    turned[at]! ^= 1 << (at % 8);
    writeFileSync(join(directory, name), turned);
    const verdict = checkDamaged(log, directory, `bit ${at % 8} of byte ${at} of ${name}`);
    counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
  }
  return counts;
}

/**
 * A filled log in `root`/intact: closed in order; as a killed process leaves it, all of it in the
 * WAL; or killed after a restart, so that the WAL holds a little and the file the rest.
 */
function makeLog(
  root: string,
  how: { readonly open: Log["open"]; readonly ends: "closed" | "killed" | "killed later" },
): Log & { readonly intact: string } {
  const [live, intact] = [join(root, "live"), join(root, "intact")];
  mkdirSync(live);
  const engine = how.open(live);
  const model = fill(engine);
  if (how.ends === "killed") cpSync(live, intact, { recursive: true });
  engine.close();
  if (how.ends === "closed") cpSync(live, intact, { recursive: true });
  if (how.ends === "killed later") {
    const again = how.open(live);
    const write = { number: 11, entries: [entryAt(12, 5)] };
    again.persist(write, () => model.apply(write));
    cpSync(live, intact, { recursive: true });
    again.close();
  }
  return { model, open: how.open, intact };
}

describe("damage to raft.db", () => {
  it("anywhere in the file is told or harmless, and discard heals it", { timeout: 240_000 }, () => {
    using temp = makeTempDir("damage");
    const log = makeLog(temp.path, { open: openSqliteEngine, ends: "closed" });
    const counts = turnBits(log, { root: temp.path, intact: log.intact, name: "raft.db" }, 61);
    assert.ok((counts.get("told") ?? 0) > 10, JSON.stringify([...counts]));
  });

  it("in the middle of the WAL is told by the mark", { timeout: 240_000 }, () => {
    using temp = makeTempDir("damage");
    const log = makeLog(temp.path, { open: openSqliteEngine, ends: "killed" });
    const options = { root: temp.path, intact: log.intact, name: "raft.db-wal" };
    const counts = turnBits(log, options, 997);
    assert.ok((counts.get("told") ?? 0) > 20, JSON.stringify([...counts]));
    assert.equal(counts.get("refused"), undefined);
  });

  for (const ends of ["closed", "killed", "killed later"] as const) {
    it(`that cuts the file short or replaces it is told or harmless (${ends})`, () => {
      using temp = makeTempDir("damage");
      const log = makeLog(temp.path, { open: openSqliteEngine, ends });
      const bytes = readFileSync(join(log.intact, "raft.db"));
      const others = [
        ...[0, 1, 100, 4096, 8192, bytes.length - 4096].map((length) => bytes.subarray(0, length)),
        new Uint8Array(20_000).fill(1),
      ];
      for (const [at, contents] of others.entries()) {
        const directory = join(temp.path, String(at));
        cpSync(log.intact, directory, { recursive: true });
        writeFileSync(join(directory, "raft.db"), contents);
        // What a WAL still holds in full needs nothing of the file.
        const allowed = ends === "closed" ? ["told"] : ["told", "harmless"];
        const verdict = checkDamaged(log, directory, `contents ${at}`);
        assert.ok(allowed.includes(verdict), `contents ${at}: ${verdict}`);
      }
    });
  }

  it("to any page of a long log is told, and what stands before it is kept", () => {
    using temp = makeTempDir("damage");
    const intact = join(temp.path, "intact");
    mkdirSync(intact);
    const entries = Array.from({ length: 120 }, (_, at) => entryAt(at + 1, 1, "v".repeat(300)));
    const engine = openSqliteEngine(intact);
    engine.persist({ number: 1, entries }, () => {});
    engine.close();
    const bytes = readFileSync(join(intact, "raft.db"));
    const pageBytes = 4096;
    const kept = new Set<number>();
    // The first page holds the schema: without it there is no database.
    for (let page = pageBytes; page < bytes.length; page += pageBytes) {
      for (const how of ["type", "zeros"] as const) {
        const directory = join(temp.path, `${page}-${how}`);
        cpSync(intact, directory, { recursive: true });
        const damaged = Uint8Array.from(bytes);
        if (how === "type") damaged[page]! ^= 0x40;
        else damaged.fill(0, page, page + pageBytes);
        writeFileSync(join(directory, "raft.db"), damaged);
        const broken = openSqliteEngine(directory);
        const { firstBad, badMeta } = broken.stored();
        assert.ok(firstBad !== undefined || badMeta, `page at ${page}`);
        const from = firstBad ?? broken.log.lastIndex() + 1;
        broken.discard(from, { currentTerm: 9, commitIndex: 0 });
        assert.deepEqual(viewOf(broken).entries, entries.slice(0, from - 1), `page at ${page}`);
        assertHealthy(broken, `page at ${page}`);
        broken.close();
        kept.add(from - 1);
      }
    }
    assert.ok(kept.size > 8, `pages of entries: ${[...kept].join(" ")}`);
  });

  it("to rows and tables is named exactly", () => {
    using temp = makeTempDir("damage");
    const log = makeLog(temp.path, { open: openSqliteEngine, ends: "closed" });
    const damages = [
      { sql: "DELETE FROM entries WHERE idx = 7", firstBad: 7, badMeta: false },
      { sql: "DELETE FROM entries WHERE idx >= 10", firstBad: 10, badMeta: false },
      { sql: "UPDATE entries SET term = 3 WHERE idx = 6", firstBad: 6, badMeta: false },
      { sql: "UPDATE entries SET crc32c = 1 WHERE idx = 11", firstBad: 11, badMeta: false },
      { sql: "UPDATE entries SET kind = 7 WHERE idx = 5", firstBad: 5, badMeta: false },
      { sql: "UPDATE state SET current_term = 6", badMeta: true },
      { sql: "UPDATE state SET voted_for = NULL", badMeta: true },
      { sql: "UPDATE state SET batch_number = 11", badMeta: true },
      { sql: "UPDATE boundary SET time_ms = 1", badMeta: true },
      { sql: "UPDATE configurations SET term = 1 WHERE idx = 7", badMeta: true },
      { sql: "DELETE FROM configurations", badMeta: true },
      { sql: "DELETE FROM state", badMeta: true },
    ];
    for (const [at, { sql, firstBad, badMeta }] of damages.entries()) {
      const directory = join(temp.path, String(at));
      cpSync(log.intact, directory, { recursive: true });
      damageBySql(directory, sql);
      const engine = openSqliteEngine(directory);
      const stored = engine.stored();
      engine.close();
      const found = { firstBad: stored.firstBad, badMeta: stored.badMeta };
      assert.deepEqual(found, { firstBad, badMeta }, sql);
      assert.equal(checkDamaged(log, directory, sql), "told");
    }
  });
});

function damageBySql(directory: string, sql: string): void {
  const database = runtime.openSqlite(join(directory, "raft.db"));
  database.exec(sql);
  database.close();
}

describe("damage to the file engine's log", () => {
  it(
    "anywhere in a segment is told or harmless, and discard heals it",
    { timeout: 240_000 },
    () => {
      using temp = makeTempDir("damage");
      const log = makeLog(temp.path, { open: openFileEngine, ends: "killed" });
      for (const name of readdirSync(join(log.intact, "raft"))) {
        const options = { root: temp.path, intact: log.intact, name: `raft/${name}` };
        const counts = turnBits(log, options, name === "meta" ? 3 : 11);
        assert.ok((counts.get("told") ?? 0) > 3, `${name} ${JSON.stringify([...counts])}`);
      }
    },
  );

  it("never lets a log begin anew when a segment or meta is missing", () => {
    using temp = makeTempDir("damage");
    const log = makeLog(temp.path, { open: openFileEngine, ends: "killed" });
    for (const name of readdirSync(join(log.intact, "raft"))) {
      const directory = join(temp.path, `without-${name}`);
      cpSync(log.intact, directory, {
        recursive: true,
        filter: (path) => !path.endsWith(`/${name}`),
      });
      assert.equal(checkDamaged(log, directory, `without ${name}`), "told");
    }
  });
});

describe("damage in the middle of a segment", () => {
  it("is told without a mark, too, and not taken for a torn tail", () => {
    using temp = makeTempDir("damage");
    const log = makeLog(temp.path, { open: openFileEngine, ends: "killed" });
    const path = join(log.intact, "raft", "00000001.seg");
    const bytes = readFileSync(path);
    bytes[bytes.indexOf("value 4")]! ^= 1;
    writeFileSync(path, bytes);
    rmSync(join(log.intact, "raft.mark"));
    const { firstBad, batchNumber, hardState, mark } = readStored(log.intact);
    // Terms and votes behind the damage still count.
    assert.deepEqual([firstBad, batchNumber, mark], [4, 10, undefined]);
    assert.deepEqual([hardState.currentTerm, hardState.votedFor], [5, 2]);
    assert.deepEqual(readFileSync(path), bytes, "nothing is cut off");
  });
});

function readStored(directory: string): StoredLog {
  const engine = openFileEngine(directory);
  engine.close();
  return engine.stored();
}

describe("a torn tail of the file engine", () => {
  it("leaves nothing behind in a segment that is followed by another", () => {
    using temp = makeTempDir("torn");
    const engine = openFileEngine(temp.path);
    const model = new LogModel();
    const add = (to: StorageEngine): void => {
      const number = model.batchNumber + 1;
      const write = { number, entries: [entryAt(number, 1, "x".repeat(300))] };
      to.persist(write, () => model.apply(write));
    };
    add(engine);
    engine.close();
    const path = join(temp.path, "raft", "00000001.seg");
    writeFileSync(path, new Uint8Array([...readFileSync(path), ...new Uint8Array(5000).fill(9)]));
    const again = openFileEngine(temp.path);
    while (readdirSync(join(temp.path, "raft")).length < 4) add(again);
    again.close();
    const last = openFileEngine(temp.path);
    assert.deepEqual(viewOf(last), model.view());
    assert.equal(last.stored().firstBad, undefined);
    last.close();
  });

  it("is repaired at every byte, and told where the write had been reported done", () => {
    using temp = makeTempDir("torn");
    const live = join(temp.path, "live");
    mkdirSync(live);
    const engine = openFileEngine(live);
    const model = new LogModel();
    const segment = join("raft", "00000001.seg");
    const write = (number: number): LogWrite => ({
      ...{ number, entries: [entryAt(number, 1)] },
      hardState: { currentTerm: 1, votedFor: 1, commitIndex: number - 1 },
    });
    for (const number of [1, 2]) engine.persist(write(number), () => model.apply(write(number)));
    const before = join(temp.path, "before");
    cpSync(live, before, { recursive: true });
    const start = readFileSync(join(live, segment)).length;
    const after = model.copy();
    engine.persist(write(3), () => after.apply(write(3)));
    engine.close();
    const whole = readFileSync(join(live, segment));
    for (let length = start; length < whole.length; length++) {
      for (const tail of ["cut", "zeros", "noise"]) {
        const directory = join(temp.path, `${length}-${tail}`);
        cpSync(before, directory, { recursive: true });
        const rest = new Uint8Array(tail === "cut" ? 0 : 64).fill(tail === "zeros" ? 0 : 0x73);
        const torn = new Uint8Array([...whole.subarray(0, length), ...rest]);
        writeFileSync(join(directory, segment), torn);
        const first = openFileEngine(directory);
        const { batchNumber, firstBad, badMeta } = first.stored();
        const where = `${length} ${tail}`;
        assert.deepEqual({ firstBad, badMeta }, { firstBad: undefined, badMeta: false }, where);
        // Only the filling behind the frame was missing: then the write is there as a whole.
        const isWhole = batchNumber === 3 && whole.length - length < 8 && tail !== "cut";
        assert.deepEqual(viewOf(first), (isWhole ? after : model).view(), where);
        first.persist(write(batchNumber + 1), () => {});
        first.close();
        const again = openFileEngine(directory);
        assert.equal(again.stored().batchNumber, batchNumber + 1);
        again.close();
      }
    }
    writeFileSync(join(live, segment), whole.subarray(0, whole.length - 1));
    const told = openFileEngine(live).stored();
    assert.deepEqual([told.batchNumber, told.mark?.batchNumber], [2, 3]);
  });

  it("is not taken for damage when the torn value looks like a log", () => {
    using temp = makeTempDir("torn");
    const path = join(temp.path, "raft", "00000001.seg");
    const engine = openFileEngine(temp.path);
    const model = new LogModel();
    const first = { number: 1, entries: [entryAt(1, 1)] };
    engine.persist(first, () => model.apply(first));
    const before = readFileSync(path).length;
    const { frame } = encodeWrite({ number: 2, entries: [entryAt(2, 1)] }, {
      ...{ hardState: { currentTerm: 9, commitIndex: 0 }, salt: 0, isCopy: false },
    });
    // At each of the eight places that a frame could start from.
    const data = concatBytes(
      Array.from({ length: 16 }, () => [frame, new Uint8Array(1)]).flat(),
    );
    const entry = makeEntry({ index: 2, term: 1, kind: "command", timeMs: 0, data });
    engine.persist({ number: 2, entries: [entry] }, () => {});
    engine.close();
    const whole = readFileSync(path);
    for (const length of [before + 40, Math.floor((before + whole.length) / 2), whole.length - 9]) {
      writeFileSync(path, whole.subarray(0, length));
      const torn = openFileEngine(temp.path);
      assert.equal(torn.stored().firstBad, undefined);
      assert.deepEqual(viewOf(torn), model.view());
      torn.close();
    }
  });
});
