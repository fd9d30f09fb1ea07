/** What a store is after a backup was restored into it, and what it is in between. */

import { type BackupRecord, restoreAboveMax } from "../../../src/kv/backup/format.ts";
import type { Contend } from "../../../src/kv/command.ts";
import type { Answer, GetQuery, HistoryQuery, RangeQuery } from "../../../src/kv/query.ts";
import type { LeaseId } from "../../../src/kv/record.ts";
import { utf8 } from "../../../src/lib/bytes.ts";
import { backupOf, randomStore, rewritten } from "../../harness/backups.ts";
import { del, get, put, range } from "../../harness/kv_commands.ts";
import { MemoryStore } from "../../harness/kv_store.ts";
import { plain } from "../../harness/plain.ts";
import { RandomKv } from "../../harness/random_kv.ts";
import {
  into,
  restore,
  restoreCommands,
  restoreId,
  smallStore,
  valuesOf,
} from "../../harness/restoring.ts";
import { assert, describe, it } from "../../harness/test.ts";

function remainingMs(store: MemoryStore, id: LeaseId): number | undefined {
  const due = store.machine.leasesDue(Number.MAX_SAFE_INTEGER, 100);
  const deadlineMs = due.find((lease) => lease.id === id)?.deadlineMs;
  return deadlineMs && deadlineMs - store.machine.status().clusterTimeMs;
}

describe("a backup restored into a store that was never written to", () => {
  it("reads as where it was made, at every revision of it", () => {
    for (let seed = 1; seed <= 12; seed++) {
      const origin = randomStore(seed, { operations: 250, purge: seed % 2 === 0 });
      const restored = new MemoryStore();
      restore(into(restored), backupOf(origin.tables));
      restored.assertIntact();
      const before = origin.machine.status();
      const after = restored.machine.status();
      assert.equal(after.revision, before.revision + 1, `seed ${seed}`);
      assert.equal(after.oldest, before.oldest);
      assert.deepEqual([after.liveKeys, after.leases], [before.liveKeys, before.leases]);
      const random = new RandomKv(seed + 1_000);
      for (let query = 0; query < 200; query++) {
        compareReads(origin, restored, random.query(before.revision, before.oldest));
      }
      for (let revision = before.oldest; revision <= before.revision; revision++) {
        compareReads(origin, restored, range({ revision }));
      }
      while (restored.machine.purge());
      restored.assertIntact();
      compareReads(origin, restored, range({ revision: before.oldest }));
    }
  });

  it("goes on as where it was made", () => {
    for (let seed = 1; seed <= 12; seed++) {
      const origin = randomStore(seed, { operations: 200, purge: true });
      const restored = new MemoryStore();
      restore(into(restored), backupOf(origin.tables));
      const random = new RandomKv(seed + 2_000);
      // What is taken from it next is the same, but for the revision that the restore took.
      for (let more = 0; more < 100; more++) {
        const operation = random.operation({ revision: 1, leases: [], contestants: [] });
        if (operation.kind === "compact") continue;
        const idempotency = random.idempotency();
        const [there, here] = [origin, restored].map((store) => store.do(operation, idempotency));
        assert.equal(here?.kind, there?.kind, `seed ${seed}, ${operation.kind}`);
        assert.equal(here?.replayed, there?.replayed, `seed ${seed}, ${operation.kind}`);
      }
      restored.assertIntact();
      assert.deepEqual(valuesOf(restored), valuesOf(origin));
    }
  });

  it("counts the time that remained of a lease from its last step on", () => {
    const origin = smallStore();
    origin.maker.skip(5_000);
    origin.do({ kind: "nothing" });
    origin.machine.commit();
    const [there, own] = [remainingMs(origin, "7"), remainingMs(origin, "1")];
    const restored = new MemoryStore();
    const commands = restoreCommands(backupOf(origin.tables));
    for (const command of commands) restored.do(command);
    for (;;) {
      // However long the steps take: nobody could have kept them alive.
      restored.maker.skip(100_000);
      const recordsMax = restored.machine.restore?.phase === "starting" ? 2 : 1;
      const result = restored.do({ kind: "stepRestore", id: restoreId, recordsMax });
      assert.ok(result.kind === "restore");
      if (restored.machine.leasesDue(Number.MAX_SAFE_INTEGER, 2).length === 2) break;
    }
    assert.deepEqual([remainingMs(restored, "7"), remainingMs(restored, "1")], [there, own]);
    restored.do({ kind: "stepRestore", id: restoreId, recordsMax: 2 });
    restored.assertIntact();
  });

  it("remembers answers for what remained of their time", () => {
    const origin = new MemoryStore();
    const once = { identity: "", key: "k", requestHash: utf8("h") };
    const numbered = { ...once, key: "s;9" };
    origin.do(put("a", "1"), once);
    origin.do(put("a", "2"), numbered);
    origin.maker.skip(400_000);
    origin.do({ kind: "nothing" });
    origin.machine.commit();
    const restored = new MemoryStore();
    restore(into(restored), backupOf(origin.tables));
    for (const request of [once, numbered]) {
      assert.equal(restored.do(put("a", "3"), request).replayed, true, request.key);
      const other = { ...request, requestHash: utf8("i") };
      assert.equal(restored.codeOf(put("a", "3"), other), "idempotency_mismatch");
    }
    restored.maker.skip(190_000);
    assert.equal(restored.do(put("a", "3"), once).replayed, true);
    restored.maker.skip(20_000);
    assert.equal(restored.do(put("a", "3"), once).replayed, undefined);
    restored.assertIntact();
  });

  it("chooses no lease id again, and keeps the holders of locks", () => {
    const origin = new MemoryStore();
    const contend: Contend = {
      ...{ kind: "contend", area: "lock", name: utf8("n"), value: utf8("me") },
      ...{ ttlMs: 30_000, queue: false },
    };
    const first = origin.do(contend);
    origin.do(put("a", "1", { ttlMs: 1_000 }));
    origin.do(del("a"));
    origin.machine.commit();
    const restored = new MemoryStore();
    restore(into(restored), backupOf(origin.tables));
    assert.ok(first.kind === "contest" && first.own !== undefined);
    const second = restored.do({ ...contend, value: utf8("you") });
    assert.ok(second.kind === "contest");
    assert.deepEqual(second.holder?.token, first.own.token);
    assert.equal(second.own, undefined);
    const fresh = restored.do(put("b", "1", { ttlMs: 1_000 }));
    assert.equal(fresh.kind === "put" && fresh.lease, "3");
  });

  it("keeps a private lease whose number was that of another lease once", () => {
    const origin = new MemoryStore();
    origin.do({ kind: "grantLease", ttlMs: 60_000, id: "1" });
    origin.do(put("a", "1", { lease: "1" }));
    origin.do({ kind: "revokeLease", id: "1" });
    origin.do(put("b", "1", { ttlMs: 60_000 }));
    origin.machine.commit();
    const restored = new MemoryStore();
    restore(into(restored), backupOf(origin.tables));
    restored.assertIntact();
    assert.equal(restored.machine.status().leases, 1);
    restored.do({ kind: "revokeLease", id: "1" });
    assert.deepEqual(restored.keys(), []);
  });

  it("has a revision above any that is asked for", () => {
    const restored = new MemoryStore();
    restore(into(restored), backupOf(smallStore().tables), { above: 1_000 });
    assert.equal(restored.machine.revision, 1_001);
    assert.equal(restored.value("a", 2), "1");
    const next = restored.do(put("a", "9"));
    assert.equal(next.kind === "put" && next.revision, 1_002);
  });

  it("leaves room above the largest numbers that it may have", () => {
    const most = 2 ** 52;
    const backup = backupOf(smallStore().tables);
    const names = ["revision", "above", "leasesNumbered", "clusterTimeMs"] as const;
    for (const name of names) {
      const [begin] = restoreCommands(backup, { [name]: most + 1 });
      assert.ok(begin);
      const result = new MemoryStore().do(begin);
      assert.ok(result.kind === "rejected");
      assert.match(result.reason, new RegExp(`^${name} is 4503599627370497; allowed is 0 to `));
      const restored = new MemoryStore();
      restore(into(restored), backup, { [name]: most });
      assert.equal(restored.codeOf(put("a", "9")), "put");
      assert.equal(restored.codeOf({ kind: "grantLease", ttlMs: 60_000 }), "granted");
      restored.assertIntact();
    }
  });

  it("can be backed up and restored again above the most that a person may ask for", () => {
    const store = new MemoryStore();
    restore(into(store), backupOf(smallStore().tables), { above: restoreAboveMax });
    store.do(put("a", "9"));
    store.assertIntact();
    const again = new MemoryStore();
    restore(into(again), backupOf(store.tables));
    assert.equal(again.machine.revision, restoreAboveMax + 3);
  });

  it("has no key on a lease that did not come with it, also once that is granted", () => {
    const origin = smallStore();
    const isOther = (record: BackupRecord) => record.kind !== "lease" || record.id !== "7";
    const restored = new MemoryStore();
    restore(into(restored), rewritten(backupOf(origin.tables), isOther));
    restored.do({ kind: "grantLease", ttlMs: 60_000, id: "7" });
    assert.equal(restored.codeOf(put("b", "9")), "put");
    restored.do({ kind: "revokeLease", id: "7" });
    assert.equal(restored.value("b"), "9");
    restored.assertIntact();
  });
});

describe("a backup restored over what is there", () => {
  it("takes its place, in a revision above both, and the past of both is gone", () => {
    for (let seed = 1; seed <= 12; seed++) {
      const origin = randomStore(seed, { operations: 250, purge: true });
      const other = randomStore(seed + 50, { operations: 10 + 30 * seed, purge: seed % 2 === 0 });
      const before = other.machine.revision;
      restore(into(other), backupOf(origin.tables), { over: "any", recordsMax: 16 });
      other.assertIntact();
      const { revision, oldest } = other.machine.status();
      assert.equal(revision, Math.max(before, origin.machine.revision) + 1);
      assert.equal(oldest, revision);
      assert.deepEqual(valuesOf(other), valuesOf(origin));
      assert.deepEqual(other.read({ ...get("a"), revision: revision - 1 }), {
        kind: "compacted",
        oldest: revision,
      });
      while (other.machine.purge());
      other.assertIntact();
      assert.deepEqual(valuesOf(other), valuesOf(origin));
    }
  });

  it("leaves no tag as it was before: every key was put in the revision of the restore", () => {
    const store = smallStore();
    const [, tag] = [store.record("a"), store.record("a")?.mod];
    assert.ok(tag !== undefined);
    const origin = new MemoryStore();
    for (const value of ["x", "y", "z"]) origin.do(put("a", value));
    origin.machine.commit();
    assert.equal(origin.record("a")?.mod, tag);
    restore(into(store), backupOf(origin.tables), { over: "any" });
    const record = store.record("a");
    assert.deepEqual([record?.mod, record?.create, record?.version], [
      store.machine.revision,
      2,
      3,
    ]);
    assert.equal(
      store.do(put("a", "!", { conditions: { ifMatch: [tag] } })).kind,
      "conditionFailed",
    );
  });

  it("takes leases, answers and locks of before away", () => {
    const store = smallStore();
    const once = { identity: "", key: "k", requestHash: utf8("h") };
    store.do(put("a", "5"), once);
    store.do(put("a", "5"), { ...once, key: "s;1" });
    store.do({
      ...{ kind: "contend", area: "lock", name: utf8("n"), value: utf8("me") },
      ...{ ttlMs: 30_000, queue: false },
    });
    restore(into(store), backupOf(new MemoryStore().tables), { over: "any", recordsMax: 2 });
    store.assertIntact();
    assert.deepEqual(store.machine.status().leases, 0);
    while (store.machine.purge());
    // What is left is that there was a restore.
    assert.equal(store.ledgerRows, 1);
    const fresh = store.do(put("a", "6", { ttlMs: 1_000 }), once);
    assert.equal(fresh.replayed, undefined);
    assert.equal(fresh.kind === "put" && fresh.lease, "3");
  });

  it("ends whoever watches, those too who were told everything until then", () => {
    const store = smallStore();
    const range = { start: utf8("") };
    const asked = { kind: "changes", range, prev: false, changesMax: 10, bytesMax: 1_000 } as const;
    const live = store.read({ ...asked, from: { after: store.machine.revision } });
    assert.ok(live.kind === "changes");
    restore(into(store), backupOf(smallStore().tables), { over: "any" });
    const compacted = { kind: "compacted", oldest: store.machine.revision };
    const [begin] = restoreCommands(backupOf(smallStore().tables), {
      ...{ over: "any", id: "00000000000000b2" },
    });
    assert.ok(begin !== undefined);
    // Also who looks only once another one has begun.
    for (let looks = 0; looks < 2; looks++) {
      for (const from of [{ live: live.next }, { number: live.next }, { after: live.revision }]) {
        assert.deepEqual(store.read({ ...asked, from }), compacted);
      }
      store.do(begin);
    }
    const after = store.read({ ...asked, from: { after: store.machine.revision } });
    assert.ok(after.kind === "changes");
    store.do(put("a", "next"));
    const next = store.read({ ...asked, from: { live: after.next } });
    assert.equal(next.kind === "changes" && next.revisions.length, 1);
  });

  it("keeps what a reader of the past has pinned", () => {
    const store = smallStore();
    const { revision } = store.machine;
    const release = store.machine.pin(revision);
    restore(into(store), backupOf(new MemoryStore().tables), { over: "any" });
    while (store.machine.purge());
    const pinned = store.read({ ...range({ revision }), isPinned: true });
    assert.ok(pinned.kind === "range", pinned.kind);
    assert.equal(pinned.items.length, 3);
    release();
    while (store.machine.purge());
    store.assertIntact();
  });
});

function compareReads(
  origin: MemoryStore,
  restored: MemoryStore,
  query: GetQuery | RangeQuery | HistoryQuery,
): void {
  const { revision: newest } = origin.machine;
  const pinned = { ...query, revision: Math.min(query.revision ?? newest, newest) };
  const [expected, found] = [origin, restored].map((store) => comparable(store.read(pinned)));
  assert.deepEqual(found, expected);
}

/** Without what each of them has to look through, and the clusters' own times. */
function comparable(answer: Answer): unknown {
  const told = plain(answer);
  return JSON.parse(
    JSON.stringify(
      told,
      (name, value) => name === "changed" || name === "timeMs" ? undefined : value,
    ),
  );
}
