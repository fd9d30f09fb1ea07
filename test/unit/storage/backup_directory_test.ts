import { mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BackupDirectory, backupIn } from "../../../src/storage/backup/backup_directory.ts";
import { makeTempDir } from "../../harness/temp_dir.ts";
import { assert, describe, it } from "../../harness/test.ts";

const minuteMs = 60_000;
const startMs = Date.UTC(2026, 10, 30, 9, 59, 58);

function bytesOf(length: number) {
  const bytes = new Uint8Array(length).map((_, at) => at % 251);
  const read = (position: number, bytesMax: number) => bytes.slice(position, position + bytesMax);
  return { bytes: length, read, all: bytes };
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
    const directory = new BackupDirectory(path, "prod.eu-1");
    assert.equal(directory.newestMs(), undefined);
    const backup = bytesOf(3_000_000);
    const written = await add(directory, 0, backup);
    assert.equal(written, join(path, "prod.eu-1-20261130T095958Z-r100.skein"));
    assert.deepEqual(new Uint8Array(readFileSync(written)), backup.all);
    assert.equal(directory.newestMs(), startMs);
    await add(directory, 2);
    assert.equal(directory.newestMs(), startMs + 2 * minuteMs);
  });

  it("keeps the newest, and all that has another name", async () => {
    using temp = makeTempDir("backups");
    const others = [
      ...["notes.txt", "prod-20261130T095958Z-r1.skein.old", "prodx-20200101T000000Z-r1.skein"],
      ...["prod-20209999T999999Z-r1.skein", "prod-r7.skein", "other-20200101T000000Z-r1.skein"],
    ];
    for (const name of others) writeFileSync(join(temp.path, name), "");
    const directory = new BackupDirectory(temp.path, "prod");
    for (let at = 0; at < 5; at++) await add(directory, at);
    assert.equal(directory.retain(2).length, 3);
    assert.deepEqual(directory.retain(2), []);
    assert.deepEqual(
      readdirSync(temp.path).sort(),
      [
        ...others,
        ...["prod-20261130T100258Z-r103.skein", "prod-20261130T100358Z-r104.skein"],
      ].sort(),
    );
    const dotted = new BackupDirectory(temp.path, "pro.");
    assert.deepEqual(dotted.retain(1), [], "a dot stands for itself alone");
  });

  it("leaves nothing of one that breaks off, also where the process does", async () => {
    using temp = makeTempDir("backups");
    const directory = new BackupDirectory(temp.path, "prod");
    const broken = { bytes: 10, read: () => assert.fail("the disk is gone") };
    await assert.rejects(add(directory, 0, { ...broken, all: new Uint8Array(0) }), /gone/);
    assert.deepEqual(readdirSync(temp.path), []);
    const ends = new Error("the process ends");
    const left = directory.add({ revision: 7, createdMs: startMs }, bytesOf(5_000_000), () => {
      assert.deepEqual(readdirSync(temp.path), ["prod-20261130T095958Z-r7.skein.part"]);
      assert.equal(directory.newestMs(), undefined);
      return Promise.reject(ends);
    });
    await assert.rejects(left, ends);
    writeFileSync(join(temp.path, "prod-20261130T095958Z-r8.skein.part"), "left");
    await add(new BackupDirectory(temp.path, "prod"), 1);
    assert.deepEqual(readdirSync(temp.path), ["prod-20261130T100058Z-r101.skein"]);
  });

  it("gives the newest to begin with: by its name, or else by the file's time", () => {
    using temp = makeTempDir("backups");
    assert.equal(backupIn(temp.path), undefined);
    const file = (name: string, ms: number): string => {
      const path = join(temp.path, name);
      writeFileSync(path, "");
      utimesSync(path, ms / 1_000, ms / 1_000);
      return path;
    };
    file("notes.txt", startMs + 99 * minuteMs);
    const mine = file("mine.skein", startMs + minuteMs);
    assert.equal(backupIn(temp.path), mine);
    const named = file("prod-20261130T100158Z-r7.skein", startMs - 99 * minuteMs);
    assert.equal(backupIn(temp.path), named);
    assert.equal(backupIn(mine), mine);
    mkdirSync(join(temp.path, "empty"));
    assert.equal(backupIn(join(temp.path, "empty")), undefined);
    assert.throws(() => backupIn(join(temp.path, "none")), /ENOENT/);
  });
});
