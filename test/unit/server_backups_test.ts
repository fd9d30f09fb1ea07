import { backUp } from "../../src/server_backups.ts";
import { ServiceError } from "../../src/service/errors.ts";
import { HeldFilesInMemory } from "../../src/storage/backup/held_files.ts";
import { openMemoryImage } from "../../src/storage/memory/open_image.ts";
import { systemClock } from "../../src/runtime/system_clock.ts";
import { backupOf, randomStore, readBackup } from "../harness/backups.ts";
import { put } from "../harness/kv_commands.ts";
import { MemoryStore } from "../harness/kv_store.ts";
import { restoreCommands, restoreId } from "../harness/restoring.ts";
import { assert, describe, it } from "../harness/test.ts";

const soon = (run: () => void) => void setImmediate(run);

function backedUp(store: MemoryStore, outOfSpace: () => string | undefined = () => undefined) {
  return backUp({
    machine: store.machine,
    storage: {
      files: new HeldFilesInMemory(),
      openImage: (image, clusterId) => openMemoryImage(image, { clusterId, soon }),
    },
    clusterId: "",
    clock: systemClock,
    outOfSpace,
  });
}

describe("A backup of a node", () => {
  it("is made of a whole store only: before a restore, or after its last step", async () => {
    const origin = randomStore(3, { operations: 200, purge: false });
    const store = new MemoryStore();
    store.do(put("before", "1"));
    for (const command of restoreCommands(backupOf(origin.tables), { over: "any" })) {
      assert.ok(await backedUp(store), `before ${command.kind}`);
      store.do(command);
    }
    for (let steps = 0; store.machine.restore?.phase !== "done"; steps++) {
      assert.equal(await backedUp(store), undefined, `after ${steps} steps`);
      store.do({ kind: "stepRestore", id: restoreId, recordsMax: 100 });
    }
    const made = await backedUp(store);
    assert.ok(made);
    const { header } = readBackup(made.file.read(0, made.bytes));
    assert.equal(header.revision, store.machine.revision);
    assert.equal(header.keys, origin.machine.status().liveKeys);
  });

  it("goes no further where the disk runs full meanwhile", async () => {
    const store = randomStore(3, { operations: 200, purge: false });
    await assert.rejects(
      backedUp(store, () => "The disk is nearly full"),
      (error) => error instanceof ServiceError && error.code === "out_of_space",
    );
  });
});
