/** Files under our names that are not what was written there: junk, empty, cut short, foreign. */

import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { loadConfig } from "../../../src/config/load.ts";
import { initialKvMeta, type KvTables } from "../../../src/kv/ports.ts";
import { FatalStorageError, type Identity } from "../../../src/node/ports.ts";
import { systemClock } from "../../../src/runtime/system_clock.ts";
import { type OpenedStorage, openStorage } from "../../../src/server_storage.ts";
import { DataDirectoryError } from "../../../src/storage/directory/kept_file.ts";
import { runtime } from "../../conformance/storage_engine_places.ts";
import { configurationOf, entryAt } from "../../harness/log_model.ts";
import { makeTempDir } from "../../harness/temp_dir.ts";
import { assert, describe, it } from "../../harness/test.ts";

type EngineName = "sqlite" | "file";
type Storage = OpenedStorage & { readonly tables: KvTables };

const identity: Identity = {
  ...{ clusterId: "skein", nodeId: 1, incarnation: "0123456789abcdef", starts: 3, logEpoch: 1 },
  ...{ recovering: false, birth: configurationOf([1]) },
};

function open(path: string, engine: EngineName): Storage {
  const flags = Object.entries({
    ...{ data_dir: path, "storage.engine": engine, "storage.space_reserve_bytes": "1048576" },
  }).map(([key, text]) => ({ flag: key, path: key, text }));
  const { config } = loadConfig({ flags });
  const opened = openStorage({
    ...{ config, runtime, clock: systemClock },
    onFatal: (error) => assert.fail(String(error)),
    onImageProblem: (why) => assert.fail(why),
  });
  try {
    return { ...opened, tables: opened.openTables(config.clusterId) };
  } catch (error) {
    opened.close();
    throw error;
  }
}

function close({ tables, close }: Storage): void {
  tables.close();
  close();
}

/** Every file below `path` with its bytes. */
function contents(path: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const entry of readdirSync(path, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name);
    const bytes = entry.isFile() ? readFileSync(file).toString("base64") : "a directory";
    found.set(file.slice(path.length + 1), bytes);
  }
  return found;
}

/** A directory in use: an identity, one entry in the log, one applied. */
function makeWhole(path: string, engine: EngineName): void {
  const storage = open(path, engine);
  storage.identities.save(identity, () => {});
  storage.engine.persist({ number: 1, entries: [entryAt(1, 1)] }, () => {});
  storage.tables.commit({ ...initialKvMeta, applied: { index: 1, term: 1 } }, "durable");
  close(storage);
}

/** Another program's database, with the bytes of one that it has in use. */
function makeForeign(path: string): Uint8Array {
  const database = runtime.openSqlite(path);
  database.exec("CREATE TABLE theirs (a); INSERT INTO theirs VALUES (1)");
  database.close();
  return readFileSync(path);
}

/** What may stand under one of our names. */
function planted(name: string, of: { readonly whole: string; readonly foreign: Uint8Array }) {
  const file = join(of.whole, name);
  const own = existsSync(file) ? readFileSync(file) : new Uint8Array(8192);
  return new Map<string, Uint8Array>([
    ["junk", new TextEncoder().encode("junkjunk\n")],
    ["much junk", new Uint8Array(20_000).fill(0x6a)],
    ["nothing", new Uint8Array(0)],
    ["the beginning of ours", own.subarray(0, Math.floor(own.length / 2))],
    ["another program's database", of.foreign],
  ]);
}

const names = {
  sqlite: ["raft.db", "kv.db", "raft.mark", "identity.json", "lock.db"],
  file: ["raft/meta", "raft/00000001.seg", "raft.mark", "identity.json", "lock.db"],
} as const;

function refusalOf(path: string, engine: EngineName): string | undefined {
  let storage: Storage;
  try {
    storage = open(path, engine);
  } catch (error) {
    const isTold = error instanceof DataDirectoryError || error instanceof FatalStorageError;
    assert.ok(isTold, String(error));
    return error.message;
  }
  close(storage);
  return undefined;
}

function each(
  engine: EngineName,
  run: (where: {
    readonly name: string;
    readonly what: string;
    readonly bytes: Uint8Array;
    readonly path: string;
    readonly whole: string;
  }) => void,
): void {
  using temp = makeTempDir("left");
  const whole = join(temp.path, "whole");
  makeWhole(whole, engine);
  const foreign = makeForeign(join(temp.path, "foreign"));
  let directories = 0;
  for (const name of names[engine]) {
    for (const [what, bytes] of planted(name, { whole, foreign })) {
      run({ name, what, bytes, whole, path: join(temp.path, `${++directories}`) });
    }
  }
}

function plant(path: string, name: string, bytes: Uint8Array): void {
  mkdirSync(dirname(join(path, name)), { recursive: true });
  writeFileSync(join(path, name), bytes);
}

for (const engine of ["sqlite", "file"] as const) {
  const slow = { timeout: 240_000 };
  describe(`a directory for the ${engine} engine`, () => {
    it("that holds nothing but one file of a name of ours stays as it was", slow, () => {
      each(engine, ({ name, what, bytes, path }) => {
        plant(path, name, bytes);
        const before = contents(path);
        const said = refusalOf(path, engine);
        // What a start leaves that was cut short, and as good a lock as any.
        const isLock = name === "lock.db" && /nothing|beginning/.test(what);
        if (isLock) return assert.equal(said, undefined, what);
        assert.ok(said?.includes(path), `${what} as ${name}: ${said}`);
        assert.ok(said?.includes(name.split("/")[0]!), `${what} as ${name}: ${said}`);
        assert.match(said ?? "", /ove (this|it) away|Put it back|remove it/, `${what} as ${name}`);
        assert.deepEqual(contents(path), before, `${what} as ${name}`);
      });
    });

    it("whose identity was lost stays refused, whatever else is wrong in it", slow, () => {
      each(engine, ({ name, what, bytes, path, whole }) => {
        if (name === "identity.json" || name === "lock.db") return;
        cpSync(whole, path, { recursive: true });
        rmSync(join(path, "identity.json"));
        plant(path, name, bytes);
        const before = contents(path);
        for (let time = 0; time < 2; time++) {
          const said = refusalOf(path, engine);
          assert.match(
            said ?? "",
            /identity\.json is missing from .*\. Put it back|is a database of another program/,
            `${what} as ${name}`,
          );
        }
        assert.deepEqual([...contents(path).keys()], [...before.keys()], `${what} as ${name}`);
      });
    });

    it("that is whole but for one file is refused by its name, or its loss is known", slow, () => {
      each(engine, ({ name, what, bytes, path, whole }) => {
        cpSync(whole, path, { recursive: true });
        plant(path, name, bytes);
        const said = refusalOf(path, engine);
        const where = `${what} as ${name}: ${said}`;
        if (said !== undefined) {
          assert.ok(said.includes(name.split("/")[0]!) && said.includes(path), where);
          assert.deepEqual(readFileSync(join(path, name)), Buffer.from(bytes), where);
          return;
        }
        const storage = open(path, engine);
        const { batchNumber, firstBad, badMeta, mark } = storage.engine.stored();
        assert.deepEqual(storage.identities.load(), identity, where);
        const isTold = firstBad !== undefined || badMeta || (mark?.batchNumber ?? 0) > batchNumber;
        const isWhole = batchNumber === 1 && storage.engine.log.lastIndex() === 1;
        assert.ok(isTold || isWhole, where);
        close(storage);
      });
    });
  });
}

describe("another program's database under a name of ours", () => {
  for (const name of ["raft.db", "kv.db", "lock.db"]) {
    it(`is not written to: ${name}`, () => {
      using temp = makeTempDir("left");
      makeWhole(join(temp.path, "data"), "sqlite");
      const foreign = makeForeign(join(temp.path, "foreign"));
      plant(join(temp.path, "data"), name, foreign);
      for (let time = 0; time < 2; time++) {
        const said = refusalOf(join(temp.path, "data"), "sqlite");
        assert.match(said ?? "", new RegExp(`${name} is .*\\. Move it away`));
      }
      assert.deepEqual(readFileSync(join(temp.path, "data", name)), Buffer.from(foreign));
    });
  }

  it("is told from a log or a store of ours that a kill left in its WAL alone", () => {
    using temp = makeTempDir("left");
    const [live, copy] = [join(temp.path, "live"), join(temp.path, "copy")];
    const storage = open(live, "sqlite");
    storage.identities.save(identity, () => {});
    cpSync(live, copy, { recursive: true });
    close(storage);
    assert.ok(readFileSync(join(copy, "raft.db")).length <= 4096, "the tables are in the WAL");
    assert.equal(refusalOf(copy, "sqlite"), undefined);
  });

  it("is told from a first start that a power cut broke off: SQLite takes that back", () => {
    using temp = makeTempDir("left");
    const journal = hotJournal(join(temp.path, "other.db"));
    for (const name of ["raft.db", "kv.db"]) {
      for (const bytes of [4096, 1024, 10]) {
        const path = join(temp.path, `${name} of ${bytes}`);
        close(open(path, "sqlite"));
        for (const file of [name, `${name}-wal`]) rmSync(join(path, file), { force: true });
        writeFileSync(join(path, name), new Uint8Array(bytes));
        assert.match(refusalOf(path, "sqlite") ?? "", /identity\.json is missing/);
        writeFileSync(join(path, `${name}-journal`), journal);
        assert.equal(refusalOf(path, "sqlite"), undefined, path);
      }
    }
  });
});

/** The journal of the first transaction of a database, while that is under way. */
function hotJournal(path: string): Uint8Array {
  const database = runtime.openSqlite(path);
  database.exec("PRAGMA cache_size = 1; PRAGMA cache_spill = 1; BEGIN; CREATE TABLE a (b)");
  for (let row = 0; row < 50; row++) database.exec("INSERT INTO a VALUES (randomblob(3000))");
  const journal = readFileSync(`${path}-journal`);
  database.exec("ROLLBACK");
  database.close();
  return journal;
}

describe("A second process", () => {
  it("is refused before it touches what the first one has in use", () => {
    using temp = makeTempDir("second");
    const storage = open(temp.path, "sqlite");
    const held = storage.backups.files.create();
    held.write(new Uint8Array(10), 0);
    assert.match(refusalOf(temp.path, "sqlite") ?? "", /in use/);
    assert.ok(existsSync(held.path ?? ""));
    held.remove();
    close(storage);
  });
});
