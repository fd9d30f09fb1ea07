/** An identity that is saved while nobody waits for the disk, and what may happen meanwhile. */

import { join } from "node:path";
import type { Identity } from "../../../src/node/ports.ts";
import { type Files, nodeFiles } from "../../../src/storage/directory/files.ts";
import { IdentityFile } from "../../../src/storage/directory/identity_file.ts";
import { makeTempDir } from "../../harness/temp_dir.ts";
import { assert, describe, it } from "../../harness/test.ts";

const identity: Identity = {
  ...{ clusterId: "test", nodeId: 2, incarnation: "0123456789abcdef", starts: 3, logEpoch: 1 },
  recovering: false,
};
const noted: Identity = {
  ...identity,
  peerStarts: [{ id: 1, incarnation: "00000000000000aa", starts: 5, nonce: 7 }],
};

/** An identity on disk, and another one of which the contents are being synced. */
function saving(path: string) {
  const syncs: ((error?: unknown) => void)[] = [];
  const files: Files = { ...nodeFiles, syncLater: (_, done) => syncs.push(done) };
  const file = new IdentityFile(files, join(path, "identity.json"));
  file.save(identity, () => {});
  const told: string[] = [];
  const dropped = (error?: unknown): void => void told.push(`dropped: ${error}`);
  file.save(noted, () => told.push("done"), dropped);
  return { file, syncs, told };
}

describe("An identity that is saved later", () => {
  it("is there when its contents and its name are synced", () => {
    using temp = makeTempDir("identity");
    const { file, syncs, told } = saving(temp.path);
    assert.deepEqual([file.load(), told], [identity, []]);
    syncs[0]!();
    assert.deepEqual([file.load(), told], [noted, []]);
    syncs[1]!();
    assert.deepEqual(told, ["done"]);
  });

  it("does not take back what was saved meanwhile", () => {
    using temp = makeTempDir("identity");
    const { file, syncs, told } = saving(temp.path);
    const newer = { ...identity, recovering: true, logEpoch: 2 };
    file.save(newer, () => {});
    syncs[0]!();
    assert.deepEqual([file.load(), told], [newer, ["dropped: undefined"]]);
  });

  it("does not touch a directory that is closed: it may be another's", () => {
    using temp = makeTempDir("identity");
    for (const error of [undefined, new Error("EIO")]) {
      const { file, syncs, told } = saving(temp.path);
      file.close();
      const next = new IdentityFile(nodeFiles, join(temp.path, "identity.json"));
      next.save({ ...identity, starts: 4 }, () => {});
      syncs[0]!(error);
      assert.deepEqual([next.load()?.starts, told], [4, []]);
    }
  });
});
