/** What a backup holds of a store: everything that can be read, and the same on every member. */

import type { BackupChange, BackupLease, BackupRecord } from "../../../../src/kv/backup/format.ts";
import { exportBlocks } from "../../../../src/kv/backup/export.ts";
import { Superseded } from "../../../../src/kv/backup/superseded.ts";
import { hex, lossyText, utf8 } from "../../../../src/lib/bytes.ts";
import { backupOf, origin, randomStore, readBackup } from "../../../harness/backups.ts";
import { del, put } from "../../../harness/kv_commands.ts";
import { MemoryStore } from "../../../harness/kv_store.ts";
import { assert, describe, it } from "../../../harness/test.ts";

describe("a backup", () => {
  it("says what the store is at", () => {
    const store = new MemoryStore();
    store.do(put("a", "1"));
    store.do(put("b", "2"));
    store.machine.commit();
    const { header, counts } = readBackup(backupOf(store.tables));
    const { clusterTimeMs } = store.machine.status();
    assert.deepEqual(header, {
      ...{ format: 1, ...origin, appliedIndex: store.log.length },
      ...{ revision: 3, oldest: 1, clusterTimeMs, keys: 2, leasesNumbered: 0 },
    });
    assert.deepEqual(counts, { leases: 0, changes: 2, answers: 0 });
  });

  it("holds every change that can be read, in order, and which is the newest of its key", () => {
    const store = new MemoryStore();
    store.do(put("a", "1"));
    store.do(put("b", "2", { mediaType: "text/plain" }));
    store.do(put("a", "3"));
    store.do(del("b"));
    assert.deepEqual(shownChanges(store), [
      "2 a=1",
      "3 b=2 text/plain",
      "4 a=3 newest",
      "5 b deleted newest",
    ]);
  });

  it("leaves out what was compacted, whether its rows are gone or not", () => {
    const store = new MemoryStore();
    for (const value of ["1", "2", "3"]) store.do(put("a", value));
    store.do(put("b", "4"));
    store.do(del("b"));
    store.do(put("c", "5"));
    store.do(del("c"));
    store.do({ kind: "compact", revision: 7 });
    const expected = ["4 a=3 newest", "7 c=5", "8 c deleted newest"];
    assert.deepEqual(shownChanges(store), expected);
    while (store.machine.purge());
    assert.deepEqual(shownChanges(store), expected);
  });

  it("is the same on members that have compacted to different points", () => {
    for (let seed = 1; seed <= 12; seed++) {
      const lazy = randomStore(seed, { operations: 300, purge: false });
      const eager = randomStore(seed, { operations: 300, purge: true });
      assert.deepEqual(eager.machine.status(), lazy.machine.status());
      assert.equal(hex(backupOf(eager.tables)), hex(backupOf(lazy.tables)), `seed ${seed}`);
    }
  });

  it("looks through many numbers in windows", () => {
    const store = randomStore(3, { operations: 300, purge: false });
    const { oldest } = store.machine.status();
    store.do({ kind: "compact", revision: store.machine.revision });
    store.machine.commit();
    assert.ok(store.machine.revision > oldest + 10);
    const [narrow, wide] = [new Superseded(store.tables, 8), new Superseded(store.tables)];
    const rows = store.tables.changeSlice(1, { rowsMax: 10_000, valuesIn: { start: utf8("") } });
    const shown = (superseded: Superseded) =>
      rows.filter((row) => {
        for (const _ of superseded.lookFor(row.number));
        return !superseded.has(row);
      });
    assert.deepEqual(shown(narrow), shown(wide));
    assert.equal(shown(wide).length, store.machine.status().liveKeys);
  });

  it("lets others go first while it looks what compaction has still to remove", () => {
    const store = new MemoryStore();
    for (let count = 0; count < 3_000; count++) store.do(put("a", "v"));
    store.do({ kind: "compact", revision: store.machine.revision });
    store.machine.commit();
    assert.equal([...new Superseded(store.tables).lookFor(1)].length, 6);
    let pauses = 0;
    for (const block of exportBlocks(store.tables, origin)) {
      if (block === undefined) pauses++;
      else if (pauses > 0) break;
    }
    // Also for each 64 rows that it passes over.
    assert.equal(pauses, Math.ceil(3_000 / 64) + 6);
  });

  it("holds long values, keys of any bytes, and locks", () => {
    const store = new MemoryStore();
    const long = new Uint8Array(300_000).fill(7);
    store.do(put(Uint8Array.of(0xff, 1), long));
    store.do({
      ...{ kind: "contend", area: "lock", name: utf8("n"), value: utf8("me") },
      ...{ ttlMs: 30_000, queue: false },
    });
    store.machine.commit();
    const [first, second] = changesOf(readBackup(backupOf(store.tables)).records);
    assert.deepEqual(first?.written?.value, long);
    assert.deepEqual(first?.key, Uint8Array.of(0xff, 0, 1));
    assert.equal(second?.written?.lease, "1");
  });

  it("holds leases with what remains of their time, and no answer that is forgotten", () => {
    const store = new MemoryStore();
    const requestHash = Uint8Array.of(1);
    store.do({ kind: "grantLease", ttlMs: 200_000, id: "-5" });
    store.do(put("a", "1", { ttlMs: 30_000 }));
    store.do(put("b", "1"), { identity: "", key: "early", requestHash });
    store.do(put("b", "1"), { identity: "", key: "early;1", requestHash });
    store.maker.skip(500_000);
    store.do(put("b", "2"), { identity: "", key: "late", requestHash });
    store.do(put("b", "3"), { identity: "", key: "late;7", requestHash });
    store.do({ kind: "keepLeases", ids: ["-5"] });
    store.maker.skip(110_000);
    store.do({ kind: "nothing" });
    store.machine.commit();
    const { records } = readBackup(backupOf(store.tables));
    const nowMs = store.machine.status().clusterTimeMs;
    const leases = records.filter((record): record is BackupLease => record.kind === "lease");
    assert.deepEqual(leases.map(({ id, isPrivate }) => [id, isPrivate]), [
      ["-5", false],
      ["1", true],
    ]);
    const deadlines = store.machine.leasesDue(Number.MAX_SAFE_INTEGER, 10);
    const remaining = (id: string): number =>
      Math.max(0, (deadlines.find((due) => due.id === id)?.deadlineMs ?? 0) - nowMs);
    assert.deepEqual(leases.map(({ remainingMs }) => remainingMs), [
      remaining("-5"),
      remaining("1"),
    ]);
    assert.equal(leases[1]?.remainingMs, 0);
    const scopes = records.flatMap((record) =>
      "scope" in record ? [`${record.kind} ${lossyText(record.scope.subarray(1))}`] : []
    );
    assert.deepEqual(scopes, ["answer late", "stream late", "numbered late"]);
  });
});

function changesOf(records: readonly BackupRecord[]): readonly BackupChange[] {
  return records.filter((record): record is BackupChange => record.kind === "change");
}

function shownChanges(store: MemoryStore): readonly string[] {
  store.machine.commit();
  return changesOf(readBackup(backupOf(store.tables)).records)
    .map(({ revision, key, written, isNewest }) => {
      const name = `${revision} ${lossyText(key)}`;
      const what = written === undefined
        ? `${name} deleted`
        : `${name}=${lossyText(written.value)} ${written.mediaType ?? ""}`.trimEnd();
      return isNewest ? `${what} newest` : what;
    });
}
