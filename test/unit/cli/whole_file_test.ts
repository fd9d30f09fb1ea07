import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type FileCalls, WholeFile } from "../../../src/cli/whole_file.ts";
import { utf8 } from "../../../src/lib/bytes.ts";
import { makeTempDir } from "../../harness/temp_dir.ts";
import { assert, describe, it } from "../../harness/test.ts";

/** A disk that takes two bytes at a time, and what it was told in its order. */
function fakeDisk() {
  const calls: string[] = [];
  const names: string[] = [];
  const bytes: number[] = [];
  const disk: FileCalls = {
    open: (path) => names.push(path) - 1,
    write: (_descriptor, from, offset, length, position) => {
      const taken = Math.min(2, length);
      bytes.splice(position, taken, ...from.subarray(offset, offset + taken));
      return taken;
    },
    truncate: () => void bytes.splice(0),
    sync: (descriptor) => void calls.push(`sync ${names[descriptor]}`),
    close: (descriptor) => void calls.push(`close ${names[descriptor]}`),
    rename: (from, to) => void calls.push(`rename ${from} ${to}`),
    remove: (path) => void calls.push(`remove ${path}`),
  };
  return { disk, calls, bytes };
}

describe("A file that is written as a whole", () => {
  it("is durable before it has its name, and its name before it is told", () => {
    const { disk, calls } = fakeDisk();
    const file = new WholeFile("there/a", disk);
    file.finish();
    assert.deepEqual(calls, [
      ...["sync there/a.part", "rename there/a.part there/a", "sync there", "close there"],
    ]);
    file.close();
  });

  it("has every byte, however few the disk takes at a time", () => {
    const { disk, bytes } = fakeDisk();
    const file = new WholeFile("a", disk);
    file.append(utf8("12345"));
    file.append(utf8("678"));
    assert.deepEqual([new Uint8Array(bytes), file.bytes], [utf8("12345678"), 8]);
    file.clear();
    file.append(utf8("9"));
    assert.deepEqual([new Uint8Array(bytes), file.bytes], [utf8("9"), 1]);
  });

  it("leaves the old one, and nothing else, where it is not finished", () => {
    using temp = makeTempDir("whole");
    const path = join(temp.path, "a");
    writeFileSync(path, "old");
    const broken = new WholeFile(path);
    broken.append(utf8("new"));
    broken.close();
    assert.equal(readFileSync(path, "utf8"), "old");
    const file = new WholeFile(path);
    file.append(utf8("newer"));
    file.clear();
    file.append(utf8("new"));
    file.finish();
    file.close();
    assert.equal(readFileSync(path, "utf8"), "new");
    assert.deepEqual(readdirSync(temp.path), ["a"]);
  });
});
