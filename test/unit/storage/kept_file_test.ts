import { join } from "node:path";
import { DiskFullError, FatalStorageError } from "../../../src/node/ports.ts";
import { strictText, utf8 } from "../../../src/lib/bytes.ts";
import { type Files, nodeFiles } from "../../../src/storage/directory/files.ts";
import {
  readKept,
  replaceKept,
  replaceKeptLater,
} from "../../../src/storage/directory/kept_file.ts";
import { makeTempDir } from "../../harness/temp_dir.ts";
import { assert, describe, it } from "../../harness/test.ts";

/** Files whose later syncs are only done when they are told to. */
function held(): { readonly files: Files; readonly syncs: (() => Promise<void>)[] } {
  const syncs: (() => Promise<void>)[] = [];
  const syncLater: Files["syncLater"] = (path, done) => {
    syncs.push(() =>
      new Promise((resolve) =>
        nodeFiles.syncLater?.(path, (error) => {
          done(error);
          resolve();
        })
      )
    );
  };
  return { files: { ...nodeFiles, syncLater }, syncs };
}

function textOf(path: string): string {
  return strictText(readKept(nodeFiles, path) ?? utf8("")) ?? "";
}

describe("A small file that is kept", () => {
  it("is what it was said to be also after a power cut: its name is synced when it is read", () => {
    using temp = makeTempDir("kept");
    const path = join(temp.path, "file");
    const synced: string[] = [];
    const files = { ...nodeFiles, syncDirectory: (folder: string) => void synced.push(folder) };
    assert.equal(readKept(files, path), undefined);
    assert.deepEqual(synced, []);
    replaceKept(nodeFiles, path, utf8("said"));
    assert.equal(strictText(readKept(files, path) ?? utf8("")), "said");
    assert.deepEqual(synced, [temp.path]);
  });

  it("is replaced without a wait for the disk, first the contents and then the name", async () => {
    using temp = makeTempDir("kept");
    const path = join(temp.path, "file");
    replaceKept(nodeFiles, path, utf8("before"));
    const { files, syncs } = held();
    const told: unknown[] = [];
    const wanted = { isWanted: () => true, dropped: (error?: unknown) => void told.push(error) };
    const replaced = new Promise<void>((done) =>
      replaceKeptLater(files, { path, bytes: utf8("after"), ...wanted, done })
    );
    assert.equal(textOf(path), "before");
    await syncs[0]!();
    assert.deepEqual([textOf(path), syncs.length], ["after", 2]);
    await syncs[1]!();
    await replaced;
    assert.deepEqual(told, []);
  });

  it("stays as it is where another one came meanwhile", async () => {
    using temp = makeTempDir("kept");
    const path = join(temp.path, "file");
    const { files, syncs } = held();
    const told: unknown[] = [];
    replaceKeptLater(files, {
      ...{ path, bytes: utf8("noted"), isWanted: () => false },
      ...{ done: () => told.push("done"), dropped: (error) => told.push(error) },
    });
    replaceKept(nodeFiles, path, utf8("newer"));
    await syncs[0]!();
    assert.deepEqual([textOf(path), syncs.length, told], ["newer", 1, [undefined]]);
  });

  for (const [code, kind] of [["ENOSPC", DiskFullError], ["EIO", FatalStorageError]] as const) {
    it(`tells what went wrong while nobody waited: ${code}`, () => {
      using temp = makeTempDir("kept");
      const told: unknown[] = [];
      const bad = Object.assign(new Error("bad"), { code });
      const files: Files = { ...nodeFiles, syncLater: (_, done) => done(bad) };
      replaceKeptLater(files, {
        ...{ path: join(temp.path, "file"), bytes: utf8("noted"), isWanted: () => true },
        ...{ done: () => told.push("done"), dropped: (error) => told.push(error) },
      });
      assert.equal(told.length, 1);
      assert.ok(told[0] instanceof kind);
    });
  }

  for (const code of ["ENOSPC", "EDQUOT"]) {
    it(`is no end of the node where there is no room for it: ${code}`, () => {
      using temp = makeTempDir("kept");
      const files: Files = {
        ...nodeFiles,
        open: () => {
          throw Object.assign(new Error("no room"), { code });
        },
      };
      assert.throws(() => replaceKept(files, join(temp.path, "file"), utf8("")), DiskFullError);
    });
  }
});
