import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  BackupDirectory,
  backupIn,
  writeAll,
} from "../../../src/storage/backup/backup_directory.ts";
import { makeTempDir } from "../../harness/temp_dir.ts";
import { assert, describe, it } from "../../harness/test.ts";

const minuteMs = 60_000;
const startMs = Date.UTC(2026, 10, 30, 9, 59, 58);

function bytesOf(length: number) {
  const bytes = new Uint8Array(length).map((_, at) => at % 251);
  const read = (position: number, bytesMax: number) => bytes.slice(position, position + bytesMax);
  const sha256 = new Uint8Array(createHash("sha256").update(bytes).digest());
  return { bytes: length, sha256, reader: () => ({ read, close: () => {} }), all: bytes };
}

/** A store on another disk. */
const elsewhere = { path: "/proc", leaveBytes: 2 ** 60 };

const laterMs = startMs + 60 * minuteMs;

async function newestMs(directory: BackupDirectory, nowMs = laterMs) {
  return (await directory.find(nowMs)).newestMs;
}

const rest = () => Promise.resolve();

function add(directory: BackupDirectory, at: number, backup = bytesOf(10)): Promise<string> {
  const named = { revision: 100 + at, createdMs: startMs + at * minuteMs };
  return directory.add(named, backup, rest);
}

describe("A directory of backups", () => {
  it("holds each as a whole, under a name that tells of which cluster, when and what", async () => {
    using temp = makeTempDir("backups");
    const path = join(temp.path, "made", "for", "it");
    const directory = new BackupDirectory(path, "prod.eu-1", elsewhere);
    assert.equal(await newestMs(directory), undefined);
    const backup = bytesOf(3_000_000);
    const written = await add(directory, 0, backup);
    assert.equal(written, join(path, "prod.eu-1-20261130T095958Z-r100.skein"));
    assert.deepEqual(new Uint8Array(readFileSync(written)), backup.all);
    assert.equal(await newestMs(directory), startMs);
    await add(directory, 2);
    assert.equal(await newestMs(directory), startMs + 2 * minuteMs);
  });

  it("keeps the newest, and all that has another name", async () => {
    using temp = makeTempDir("backups");
    const others = [
      ...["notes.txt", "prod-20261130T095958Z-r1.skein.old", "prodx-20200101T000000Z-r1.skein"],
      ...["prod-20209999T999999Z-r1.skein", "prod-r7.skein", "other-20200101T000000Z-r1.skein"],
    ];
    for (const name of others) writeFileSync(join(temp.path, name), "");
    const directory = new BackupDirectory(temp.path, "prod", elsewhere);
    for (let at = 0; at < 5; at++) await add(directory, at);
    assert.equal((await directory.retain(2, laterMs)).length, 3);
    assert.deepEqual(await directory.retain(2, laterMs), []);
    assert.deepEqual(
      readdirSync(temp.path).sort(),
      [
        ...others,
        ...["prod-20261130T100258Z-r103.skein", "prod-20261130T100358Z-r104.skein"],
      ].sort(),
    );
    const dotted = new BackupDirectory(temp.path, "pro.", elsewhere);
    assert.deepEqual(await dotted.retain(1, laterMs), [], "a dot stands for itself alone");
  });

  it("leaves the store's disk the room that it needs, and asks for none elsewhere", async () => {
    using temp = makeTempDir("backups");
    const store = { path: temp.path, leaveBytes: 2 ** 60 };
    const path = join(temp.path, "backups");
    const adding = add(new BackupDirectory(path, "prod", store), 0);
    await assert.rejects(adding, /bytes are free in .*; beside a backup of 10 bytes/);
    assert.deepEqual(readdirSync(path), []);
    await add(new BackupDirectory(path, "prod", { ...store, leaveBytes: 0 }), 0);
    await add(new BackupDirectory(path, "prod", elsewhere), 1);
    const nowhere = { path: join(temp.path, "none"), leaveBytes: 2 ** 60 };
    await add(new BackupDirectory(path, "prod", nowhere), 2);
    assert.equal(readdirSync(path).length, 3);
  });

  it("leaves nothing of one that breaks off, also where the process does", async () => {
    using temp = makeTempDir("backups");
    const directory = new BackupDirectory(temp.path, "prod", elsewhere);
    const reader = { read: () => assert.fail("the disk is gone"), close: () => {} };
    await assert.rejects(add(directory, 0, { ...bytesOf(10), reader: () => reader }), /gone/);
    assert.deepEqual(readdirSync(temp.path), []);
    const ends = new Error("the process ends");
    const left = directory.add(
      { revision: 7, createdMs: startMs },
      bytesOf(5_000_000),
      async () => {
        assert.deepEqual(readdirSync(temp.path), ["prod-20261130T095958Z-r7.skein.part"]);
        assert.equal(await newestMs(directory), undefined);
        throw ends;
      },
    );
    await assert.rejects(left, ends);
    writeFileSync(join(temp.path, "prod-20261130T095958Z-r8.skein.part"), "left");
    await add(new BackupDirectory(temp.path, "prod", elsewhere), 1);
    assert.deepEqual(readdirSync(temp.path), ["prod-20261130T100058Z-r101.skein"]);
  });

  it("takes nothing over but the whole of what was announced", async () => {
    using temp = makeTempDir("backups");
    const directory = new BackupDirectory(temp.path, "prod", elsewhere);
    const backup = bytesOf(3_000_000);
    const closed: string[] = [];
    const from = (what: string, bytes: Uint8Array) => ({
      ...backup,
      reader: () => ({
        read: (at: number, bytesMax: number) => bytes.slice(at, at + bytesMax),
        close: () => closed.push(what),
      }),
    });
    const short = from("short", backup.all.slice(0, 2_000_000));
    await assert.rejects(add(directory, 0, short), /ends at byte 2000000 of 3000000/);
    const foreign = from("foreign", backup.all.with(2_999_999, 255));
    await assert.rejects(add(directory, 0, foreign), /SHA-256 is another one/);
    assert.deepEqual(closed, ["short", "foreign"]);
    assert.deepEqual(readdirSync(temp.path), []);
  });

  it("writes all, also where the disk takes a part at a time", async () => {
    const bytes = bytesOf(1_000).all;
    const disk = new Uint8Array(1_100);
    const file = {
      write: (from: Uint8Array, offset: number, length: number, position: number) => {
        const bytesWritten = Math.min(length, 300);
        disk.set(from.subarray(offset, offset + bytesWritten), position);
        return Promise.resolve({ bytesWritten });
      },
    };
    await writeAll(file, bytes, 100);
    assert.deepEqual(disk.subarray(100), bytes);
    const full = { write: () => Promise.resolve({ bytesWritten: 0 }) };
    await assert.rejects(writeAll(full, bytes, 100), /Nothing was written at byte 100/);
  });

  it("passes over names from the future: a clock was wrong then", async () => {
    using temp = makeTempDir("backups");
    const directory = new BackupDirectory(temp.path, "prod", elsewhere);
    const ahead = ["prod-20401130T100258Z-r900.skein", "prod-20411130T100258Z-r901.skein"];
    for (const name of ahead) writeFileSync(join(temp.path, name), "");
    for (let at = 0; at < 3; at++) await add(directory, at);
    assert.deepEqual(await directory.find(laterMs), { newestMs: startMs + 2 * minuteMs, ahead });
    assert.equal((await directory.retain(2, laterMs)).length, 1);
    assert.deepEqual(readdirSync(temp.path).sort().slice(2), ahead);
    const nearly = startMs + 2 * minuteMs - 30_000;
    assert.equal(await newestMs(directory, nearly), startMs + 2 * minuteMs);
  });

  it("gives the newest to begin with: by its name, or else by the file's time", async () => {
    using temp = makeTempDir("backups");
    assert.equal(await backupIn(temp.path), undefined);
    const file = (name: string, ms: number): string => {
      const path = join(temp.path, name);
      writeFileSync(path, "");
      utimesSync(path, ms / 1_000, ms / 1_000);
      return path;
    };
    file("notes.txt", startMs + 99 * minuteMs);
    const mine = file("mine.skein", startMs + minuteMs);
    assert.equal(await backupIn(temp.path), mine);
    const named = file("prod-20261130T100158Z-r7.skein", startMs - 99 * minuteMs);
    assert.equal(await backupIn(temp.path), named);
    assert.equal(await backupIn(mine), mine);
    mkdirSync(join(temp.path, "empty"));
    assert.equal(await backupIn(join(temp.path, "empty")), undefined);
    await assert.rejects(backupIn(join(temp.path, "none")), /ENOENT/);
  });
});
