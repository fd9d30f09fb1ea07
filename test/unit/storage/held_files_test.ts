import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import {
  type HeldFiles,
  HeldFilesInDirectory,
  HeldFilesInMemory,
} from "../../../src/storage/backup/held_files.ts";
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
});
