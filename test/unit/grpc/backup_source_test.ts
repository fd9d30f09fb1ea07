import { BackupSource } from "../../../src/grpc/backup_source.ts";
import { fakeBackup } from "../../harness/fake_backups.ts";
import { assert, describe, it } from "../../harness/test.ts";

describe("A backup as a stream of messages", () => {
  it("fails where the backup ends before its end, and does not wait for more", async () => {
    const whole = fakeBackup("b1", new Uint8Array(1_000));
    let closed = 0;
    const reader = () => ({
      read: (at: number, bytesMax: number) => new Uint8Array(600).slice(at, at + bytesMax),
      close: () => void closed++,
    });
    const source = new BackupSource({ ...whole, reader }, {});
    assert.equal((await source.next())?.chunk.length, 600);
    await assert.rejects(source.next(), /ends at byte 600 of 1000/);
    source.close();
    assert.equal(closed, 1);
    assert.equal(await source.next(), undefined);
  });
});
