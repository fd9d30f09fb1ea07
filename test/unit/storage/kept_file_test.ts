import { join } from "node:path";
import { DiskFullError } from "../../../src/node/ports.ts";
import { strictText, utf8 } from "../../../src/lib/bytes.ts";
import { type Files, nodeFiles } from "../../../src/storage/directory/files.ts";
import { readKept, replaceKept } from "../../../src/storage/directory/kept_file.ts";
import { makeTempDir } from "../../harness/temp_dir.ts";
import { assert, describe, it } from "../../harness/test.ts";

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
