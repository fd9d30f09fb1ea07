import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { diskSize } from "../../../../scripts/bench/disk_size.ts";
import { makeTempDir } from "../../../harness/temp_dir.ts";
import { assert, describe, it } from "../../../harness/test.ts";

describe("diskSize", () => {
  it("counts log and store with their write-ahead logs, and not the reserve", () => {
    using dir = makeTempDir();
    const folder = dir.path;
    const names = ["raft.db", "raft.db-wal", "kv.db", "kv.db-wal", "identity.json", "reserve"];
    for (const name of names) writeFileSync(join(folder, name), new Uint8Array(100_000));
    const { totalBytes, logBytes, storeBytes } = diskSize(folder);
    assert.ok(logBytes >= 200_000 && storeBytes === logBytes);
    assert.ok(totalBytes >= 500_000 && totalBytes < 600_000, `${totalBytes}`);
  });
});
