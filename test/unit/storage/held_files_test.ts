import { closeSync, existsSync, openSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import {
  type HeldFiles,
  HeldFilesInDirectory,
  HeldFilesInMemory,
} from "../../../src/storage/backup/held_files.ts";
import { KvStateMachine } from "../../../src/kv/state_machine.ts";
import type { SnapshotImage } from "../../../src/node/ports.ts";
import type { SqliteDatabase } from "../../../src/runtime/mod.ts";
import { type Files, nodeFiles } from "../../../src/storage/directory/files.ts";
import { readPragma } from "../../../src/storage/sqlite_pragma.ts";
import { openSqliteImage } from "../../../src/storage/sqlite/open_image.ts";
import { bytesOf } from "../../conformance/image_place.ts";
import { clusterId, openSqliteTables, runtime } from "../../conformance/state_machine_places.ts";
import { EntryMaker, put } from "../../harness/kv_commands.ts";
import { imagesIn } from "../../harness/kv_images.ts";
import { openFiles } from "../../harness/open_files.ts";
import { makeTempDir } from "../../harness/temp_dir.ts";
import { assert, describe, it } from "../../harness/test.ts";

const bodyOf = () => new Blob();

function outlives(files: HeldFiles): void {
  const file = files.create();
  const bytes = new Uint8Array(1_000).map((_, at) => at % 251);
  file.write(bytes, 0);
  const reader = file.reader();
  file.remove();
  file.remove();
  // Another file takes the number of its descriptor.
  const other = openSync("/dev/zero", "r");
  files.create().write(new Uint8Array(1_000), 0);
  assert.deepEqual(reader.read(0, 2_000), bytes);
  assert.throws(() => file.read(0, 10), /removed/);
  assert.throws(() => file.reader(), /removed/);
  reader.close();
  reader.close();
  closeSync(other);
}

describe("A held file", () => {
  it("is read to its end by who reads it, and by nobody else once it is removed", () => {
    using temp = makeTempDir("held");
    outlives(new HeldFilesInDirectory({ directory: join(temp.path, "snapshots"), bodyOf }));
    outlives(new HeldFilesInMemory());
  });

  it("has nothing beside it that a process before has left", () => {
    using temp = makeTempDir("held");
    const files = new HeldFilesInDirectory({ directory: temp.path, bodyOf });
    const leave = () => {
      for (const end of ["", "-wal", "-shm", "-journal"]) {
        writeFileSync(join(temp.path, `1.held${end}`), "left");
      }
    };
    leave();
    const file = files.create();
    assert.deepEqual(readdirSync(temp.path), ["1.held"]);
    assert.equal(file.size(), 0);
    leave();
    writeFileSync(join(temp.path, "image"), "stays");
    new HeldFilesInDirectory({ directory: temp.path, bodyOf });
    assert.deepEqual(readdirSync(temp.path), ["image"]);
  });
});

describe("A held file that goes", { skip: process.platform !== "linux" }, () => {
  it("is freed when nobody waits for it", () => {
    using temp = makeTempDir("held");
    const isHeld: boolean[] = [];
    const files: Files = {
      ...nodeFiles,
      remove: (path) => {
        if (path.endsWith(".held")) isHeld.push(openFiles().includes(path));
        nodeFiles.remove(path);
      },
    };
    new HeldFilesInDirectory({ directory: temp.path, bodyOf, files }).create().remove();
    assert.deepEqual(isHeld, [true], "what is freed with its last name is freed at once");
    assert.deepEqual(readdirSync(temp.path), []);
  });
});

describe("An image of kv.db that is opened", () => {
  async function image(): Promise<SnapshotImage> {
    using temp = makeTempDir("image");
    const machine = new KvStateMachine({ tables: openSqliteTables(temp.path) });
    machine.apply(new EntryMaker().commands([put("a", "1"), put("b", "2")]));
    const made = await new Promise<SnapshotImage | undefined>((done) => machine.image(done));
    assert.ok(made);
    const bytes = await bytesOf(made);
    made.release();
    machine.close();
    return {
      meta: made.meta,
      read: ({ offset, bytesMax }, done) => done(bytes.slice(offset, offset + bytesMax)),
      release: () => {},
    };
  }

  function opened(directory: string, from: SnapshotImage, openSqlite = runtime.openSqlite) {
    const images = imagesIn(directory);
    return openSqliteImage(from, {
      ...{ openSqlite, clusterId, images },
      files: new HeldFilesInDirectory({ directory, bodyOf }),
    });
  }

  it("is what it was announced as, or refused", async () => {
    using temp = makeTempDir("opened");
    const made = await image();
    const { tables, close } = await opened(temp.path, made);
    assert.equal(tables.stored().applied.index, made.meta.position.index);
    assert.match(tables.damaged("x").message, /1\.held is damaged: x; it is a copy of the store/);
    close();
    const position = { index: made.meta.position.index + 1, term: 1 };
    const other = { ...made, meta: { ...made.meta, position } };
    await assert.rejects(opened(temp.path, other), /it was announced with entry 3 of term 1/);
    assert.deepEqual(readdirSync(temp.path), []);
  });

  it("is closed without a sync of all that was copied", async () => {
    using temp = makeTempDir("opened");
    let database: SqliteDatabase | undefined;
    const { close } = await opened(temp.path, await image(), (path, how) => {
      database = runtime.openSqlite(path, how);
      return database;
    });
    assert.ok(database !== undefined);
    assert.equal(readPragma(database, "synchronous"), 0);
    close();
  });

  it("is not made anew, empty, where somebody has deleted its file", async () => {
    using temp = makeTempDir("opened");
    const found: boolean[] = [];
    const opening = opened(temp.path, await image(), (path, how) => {
      rmSync(path);
      try {
        return runtime.openSqlite(path, how);
      } finally {
        found.push(existsSync(path));
      }
    });
    await assert.rejects(opening);
    assert.deepEqual(found, [false]);
  });
});
