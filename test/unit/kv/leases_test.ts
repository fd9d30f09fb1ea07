import type { Operation } from "../../../src/kv/command.ts";
import { leaseKeysMax } from "../../../src/kv/leases.ts";
import { changesPerRevisionMax } from "../../../src/kv/record.ts";
import { type Bytes, bytes, del, delRange, put, range } from "../../harness/kv_commands.ts";
import { MemoryStore } from "../../harness/kv_store.ts";
import { assert, describe, it } from "../../harness/test.ts";

function grant(id: string | undefined, ttlMs = 1_000): Operation {
  return { kind: "grantLease", ttlMs, ...(id === undefined ? {} : { id }) };
}

function keep(...ids: readonly string[]): Operation {
  return { kind: "keepLeases", ids };
}

function revoke(id: string): Operation {
  return { kind: "revokeLease", id };
}

/** Puts `count` keys on the lease, a batch at a time. */
function fill(store: MemoryStore, lease: string, count: number, prefix = "k"): void {
  for (let at = 0; at < count; at += 1_000) {
    const items = Array.from({ length: Math.min(1_000, count - at) }, (_, more) => {
      return put(`${prefix}${at + more}`, "", { lease });
    });
    assert.equal(store.codeOf({ kind: "batch", items }), "batch");
  }
}

/** The store's lease by its id; it has ended when there is none. */
function leaseOf(
  store: MemoryStore,
  id: string,
): { keyCount: number; keys: readonly Bytes[] } | undefined {
  const keys = { limit: 10_000, bytesMax: Number.MAX_SAFE_INTEGER };
  const answer = store.read({ kind: "lease", id, keys });
  assert.ok(answer.kind === "lease" && answer.more === undefined);
  return answer.lease && { keyCount: answer.lease.keyCount, keys: answer.keys ?? [] };
}

describe("a lease", () => {
  it("is granted under the id that was asked for, unless another has it", () => {
    const store = new MemoryStore();
    assert.deepEqual(store.do(grant("-5", 30_000)), {
      ...{ kind: "granted", revision: 1, lease: { id: "-5", ttlMs: 30_000 } },
    });
    assert.equal(store.codeOf(grant("-5", 1_000)), "conflict");
    assert.equal(store.codeOf(grant("9223372036854775807")), "granted");
    assert.equal(store.codeOf(grant("-9223372036854775808")), "granted");
    assert.equal(store.codeOf(revoke("-5")), "ended");
    assert.equal(store.codeOf(grant("-5")), "granted");
    assert.equal(store.machine.status().leases, 3);
    store.assertIntact();
  });

  it("is granted under an id of the store's own, which steps over those that are taken", () => {
    const store = new MemoryStore();
    store.do(grant("1"));
    store.do(grant("3"));
    const chosen = [1, 2, 3].map(() => {
      const result = store.do(grant(undefined));
      return result.kind === "granted" ? result.lease.id : result.kind;
    });
    assert.deepEqual(chosen, ["2", "4", "5"]);
    // An id is not given twice, also when its lease has ended.
    store.do(revoke("5"));
    const next = store.do(grant(undefined));
    assert.equal(next.kind === "granted" ? next.lease.id : next.kind, "6");
  });

  it("is over at its deadline and not before, and ends only when a command says so", () => {
    const store = new MemoryStore();
    store.do(grant("7", 1_000));
    const deadlineMs = 1_010;
    assert.equal(store.machine.nextDeadlineMs(), deadlineMs);
    assert.deepEqual(store.machine.leasesDue(deadlineMs - 1, 10), []);
    assert.deepEqual(store.machine.leasesDue(deadlineMs, 10), [{ id: "7", deadlineMs }]);
    store.do(put("a", "v", { lease: "7" }));
    const expire: Operation = { kind: "expireLeases", leases: [{ id: "7", deadlineMs }] };
    const nothing = { kind: "ended", revision: 2, leases: 0, deleted: 0 };
    store.maker.skip(deadlineMs - 1 - store.maker.nextTimeMs);
    assert.deepEqual(store.do(expire), nothing);
    // Nobody has said so: it goes on.
    store.maker.skip(1_000_000);
    assert.equal(store.codeOf(put("b", "v", { lease: "7" })), "put");
    assert.deepEqual(store.do(expire), { kind: "ended", revision: 4, leases: 1, deleted: 2 });
    assert.deepEqual(store.keys(), []);
    assert.deepEqual(store.do(expire), { ...nothing, revision: 4 });
    assert.equal(store.machine.nextDeadlineMs(), undefined);
    assert.equal(store.ledgerRows, 0);
  });

  it("that was kept alive meanwhile is left alone by an expiry that names its old deadline", () => {
    const store = new MemoryStore();
    store.do(grant("7", 1_000));
    store.maker.skip(900);
    const kept = store.do(keep("7", "8", "7"));
    assert.deepEqual(kept, {
      ...{ kind: "kept", revision: 1 },
      leases: [{ id: "7", ttlMs: 1_000 }, undefined, { id: "7", ttlMs: 1_000 }],
    });
    store.maker.skip(5_000);
    const old: Operation = { kind: "expireLeases", leases: [{ id: "7", deadlineMs: 1_010 }] };
    assert.deepEqual(store.do(old), { kind: "ended", revision: 1, leases: 0, deleted: 0 });
    assert.deepEqual(store.machine.leasesDue(1e9, 9), [{ id: "7", deadlineMs: 920 + 1_000 }]);
    store.assertIntact();
  });

  it("that is kept alive by an entry whose time has gone back keeps cluster time", () => {
    const store = new MemoryStore();
    store.maker.skip(10_000);
    store.do(grant("7", 1_000));
    const { timeMs } = store.log[0]!;
    const late = { ...store.maker.command(keep("7")), timeMs: 5 };
    store.apply(late);
    assert.deepEqual(store.machine.leasesDue(1e9, 9), [{ id: "7", deadlineMs: timeMs + 1_000 }]);
  });

  it("takes its keys along, in one revision, with those that were moved to it", () => {
    const store = new MemoryStore();
    store.do(grant("1"));
    store.do(grant("2"));
    for (const key of ["a", "b", "c", "d"]) store.do(put(key, "v", { lease: "1" }));
    store.do(put("b", "w", { lease: "2" }));
    store.do(put("c", "w"));
    store.do(del("d"));
    store.do(put("e", "v", { lease: "1" }));
    assert.deepEqual(leaseOf(store, "1"), { keyCount: 2, keys: ["a", "e"].map(bytes) });
    assert.deepEqual(leaseOf(store, "2"), { keyCount: 1, keys: [bytes("b")] });
    const { revision } = store.machine;
    assert.deepEqual(store.do(revoke("1")), {
      ...{ kind: "ended", revision: revision + 1, leases: 1, deleted: 2 },
    });
    assert.deepEqual(store.keys(), ["b", "c"]);
    assert.equal(store.record("c")?.lease, undefined);
    store.assertIntact();
    // One without keys takes no revision.
    store.do(del("b"));
    const before = store.machine.revision;
    const ended = { kind: "ended", revision: before, leases: 1, deleted: 0 };
    assert.deepEqual(store.do(revoke("2")), ended);
    assert.equal(store.codeOf(revoke("2")), "lease_not_found");
    assert.equal(store.codeOf(put("x", "", { lease: "2" })), "lease_not_found");
    assert.equal(store.ledgerRows, 0);
  });

  it("is kept by merges, counters and appending, and counted once", () => {
    const store = new MemoryStore();
    store.do(grant("1"));
    store.do(put("n", "1", { lease: "1", mediaType: "text/plain" }));
    const asked = { conditions: {}, prev: false, returnValue: true };
    const key = bytes("n");
    const added = store.do({
      kind: "update",
      key,
      change: { kind: "add", operand: "2" },
      ...asked,
    });
    assert.deepEqual(added.kind === "put" ? added.value : added, bytes("3"));
    store.do({ kind: "update", key, change: { kind: "append", bytes: bytes("0") }, ...asked });
    store.do({ kind: "merge", key, patch: bytes("{}"), ...asked });
    store.do(put("n", "4", { lease: "1" }));
    assert.equal(store.record("n")?.lease, "1");
    assert.equal(leaseOf(store, "1")?.keyCount, 1);
    store.assertIntact();
  });

  it("holds so many keys, of which none is counted twice", () => {
    const store = new MemoryStore();
    store.do(grant("1", 60_000));
    fill(store, "1", leaseKeysMax);
    assert.equal(leaseOf(store, "1")?.keyCount, leaseKeysMax);
    assert.equal(store.codeOf(put("more", "", { lease: "1" })), "lease_full");
    assert.equal(store.codeOf(put("k0", "again", { lease: "1" })), "put");
    store.do(del("k1"));
    assert.equal(store.codeOf(put("more", "", { lease: "1" })), "put");
    assert.equal(store.codeOf(put("k1", "", { lease: "1" })), "lease_full");
    const { revision } = store.machine;
    const ended = store.do(revoke("1"));
    assert.deepEqual(ended, {
      ...{ kind: "ended", revision: revision + 1, leases: 1, deleted: leaseKeysMax },
    });
    assert.equal(store.machine.status().liveKeys, 0);
    store.assertIntact();
  });
});

describe("leases that are over together", () => {
  it("end with one entry, each in a revision of its own", () => {
    const store = new MemoryStore();
    for (const id of ["1", "2", "3"]) store.do(grant(id, 1_000));
    for (const id of ["1", "3"]) store.do(put(`of ${id}`, "", { lease: id }));
    store.maker.skip(2_000);
    const leases = store.machine.leasesDue(2_000, 10);
    assert.deepEqual(leases.map(({ id }) => id), ["1", "2", "3"]);
    const { revision } = store.machine;
    assert.deepEqual(store.do({ kind: "expireLeases", leases: [...leases, ...leases] }), {
      ...{ kind: "ended", revision: revision + 2, leases: 3, deleted: 2 },
    });
    assert.equal(store.ledgerRows, 0);
  });

  it("are left for another entry where one would delete more than a revision may", () => {
    const store = new MemoryStore();
    for (const [id, count] of [["1", 6_000], ["2", 4_001], ["3", 4_000]] as const) {
      store.do(grant(id, 1_000));
      fill(store, id, count, `${id}/`);
    }
    store.maker.skip(2_000);
    const expire = () =>
      store.do({ kind: "expireLeases", leases: store.machine.leasesDue(1e9, 9) });
    const first = expire();
    assert.ok(first.kind === "ended");
    assert.deepEqual([first.leases, first.deleted], [2, changesPerRevisionMax]);
    const second = expire();
    assert.ok(second.kind === "ended");
    assert.deepEqual([second.leases, second.deleted], [1, 4_001]);
    store.assertIntact();
  });

  it("are told the oldest deadline first, so many at a time", () => {
    const store = new MemoryStore();
    for (const [id, ttlMs] of [["1", 9_000], ["-1", 2_000], ["5", 4_000]] as const) {
      store.do(grant(id, ttlMs));
    }
    assert.deepEqual(store.machine.leasesDue(1e9, 2).map(({ id }) => id), ["-1", "5"]);
    assert.deepEqual(store.machine.leasesDue(4_030, 9).map(({ id }) => id), ["-1", "5"]);
    assert.deepEqual(store.machine.leasesDue(4_029, 9).map(({ id }) => id), ["-1"]);
  });
});

describe("the private lease of a key", () => {
  it("is made with it, and shown in its record", () => {
    const store = new MemoryStore();
    store.do(put("a", "v", { ttlMs: 5_000 }));
    const id = store.record("a")?.lease;
    assert.equal(id, "1");
    assert.deepEqual(store.machine.leasesDue(1e9, 9), [{ id: "1", deadlineMs: 5_010 }]);
    assert.equal(store.machine.status().leases, 1);
    store.assertIntact();
  });

  const ends: Readonly<Record<string, Operation>> = {
    "is deleted": del("a"),
    "is deleted with its range": delRange(""),
    "is put without one": put("a", "w"),
    "is put with another time to live": put("a", "w", { ttlMs: 1_000 }),
    "is put on a lease": put("a", "w", { lease: "99" }),
    "is put in a transaction": {
      kind: "txn",
      compares: [],
      then: [{ kind: "put", put: { key: bytes("a"), value: bytes("w"), prev: false } }],
      otherwise: [],
    },
  };
  for (const [name, operation] of Object.entries(ends)) {
    it(`ends when the key ${name}`, () => {
      const store = new MemoryStore();
      store.do(grant("99", 60_000));
      store.do(put("a", "v", { ttlMs: 5_000 }));
      store.do(operation);
      assert.equal(leaseOf(store, "1"), undefined);
      store.assertIntact();
    });
  }

  it("takes no other key, and can be kept alive and revoked as any lease", () => {
    const store = new MemoryStore();
    store.do(put("a", "v", { ttlMs: 5_000 }));
    assert.equal(store.codeOf(put("b", "v", { lease: "1" })), "lease_not_found");
    assert.equal(store.codeOf(put("a", "v", { lease: "1" })), "lease_not_found");
    store.maker.skip(4_000);
    assert.equal(store.codeOf(keep("1")), "kept");
    assert.equal(store.machine.nextDeadlineMs(), store.maker.nextTimeMs - 10 + 5_000);
    const ended = store.do(revoke("1"));
    assert.ok(ended.kind === "ended");
    assert.equal(ended.deleted, 1);
    assert.deepEqual(store.keys(), []);
    assert.equal(store.ledgerRows, 0);
  });

  it("stays with a counter", () => {
    const store = new MemoryStore();
    store.do(put("n", "1", { ttlMs: 5_000 }));
    const change = { kind: "add", operand: "1" } as const;
    const asked = { conditions: {}, prev: false, returnValue: false };
    store.do({ kind: "update", key: bytes("n"), change, ...asked });
    assert.equal(store.record("n")?.lease, "1");
    assert.equal(leaseOf(store, "1")?.keyCount, 1);
    store.assertIntact();
  });
});

describe("leases and a crash", () => {
  it("come back as they were, from every place that was committed", () => {
    const operations: readonly Operation[] = [
      ...[grant("1"), put("a", "v", { lease: "1" }), put("b", "v", { ttlMs: 2_000 }), keep("1")],
      ...[put("a", "w"), put("c", "v", { lease: "1" }), revoke("1"), grant(undefined), del("b")],
    ];
    for (let committed = 0; committed < operations.length; committed++) {
      const [crashed, straight] = [new MemoryStore(), new MemoryStore()];
      operations.forEach((operation, at) => {
        straight.do(operation);
        crashed.do(operation);
        if (at === committed) crashed.machine.commit();
      });
      crashed.crash();
      assert.deepEqual(crashed.machine.status(), straight.machine.status());
      assert.deepEqual(crashed.read(range()), straight.read(range()));
      crashed.assertIntact();
    }
  });
});
