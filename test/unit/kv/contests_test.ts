/** Locks and elections as the store applies them. */

import type { Contend, Idempotency, Leave, Operation } from "../../../src/kv/command.ts";
import { contestantsMax } from "../../../src/kv/contest_command.ts";
import { contestPrefix } from "../../../src/kv/contest_keys.ts";
import { leaseKeysMax } from "../../../src/kv/leases.ts";
import { ownChangesKept } from "../../../src/kv/own_changes.ts";
import type { ContestDone } from "../../../src/kv/result.ts";
import { hex, lossyText } from "../../../src/lib/bytes.ts";
import { type Bytes, bytes, delRange, prefix, put, range } from "../../harness/kv_commands.ts";
import { MemoryStore } from "../../harness/kv_store.ts";
import { plain } from "../../harness/plain.ts";
import { assert, describe, it } from "../../harness/test.ts";

/** By a private lease of a second unless `more` names one. */
function contend(name: Bytes, value: Bytes = "", more: Partial<Contend> = {}): Contend {
  const life = more.lease === undefined ? { ttlMs: 1_000 } : {};
  const asked = { kind: "contend", area: "lock", queue: false } as const;
  return { ...asked, name: bytes(name), value: bytes(value), ...life, ...more };
}

function queue(name: Bytes, value: Bytes = "", more: Partial<Contend> = {}): Contend {
  return contend(name, value, { queue: true, ...more });
}

function leave(name: Bytes, token: number, more: Partial<Leave> = {}): Leave {
  const asked = { kind: "leave", area: "lock", onlyWaiting: false } as const;
  return { ...asked, name: bytes(name), token, ...more };
}

function proclaim(name: Bytes, token: number, value: Bytes): Operation {
  return { kind: "proclaim", name: bytes(name), token, value: bytes(value) };
}

function grant(id: string, ttlMs = 1_000): Operation {
  return { kind: "grantLease", ttlMs, id };
}

function done(store: MemoryStore, operation: Operation, idempotency?: Idempotency): ContestDone {
  const result = store.do(operation, idempotency);
  assert.ok(result.kind === "contest", JSON.stringify(plain(result)));
  return result;
}

/** `who holds (token) before own`, and what became of own. */
function shown({ holder, own, before, hasLeft }: ContestDone): string {
  const by = holder === undefined
    ? "free"
    : `${lossyText(holder.value ?? bytes("?"))}(${holder.token})`;
  if (own === undefined) return `${by}, ${before} there`;
  return `${by}, ${own.token} ${hasLeft ? "has left" : `behind ${before}`}`;
}

function contest(store: MemoryStore, name: Bytes, token?: number) {
  const asked = { kind: "contest", area: "lock", name: bytes(name), counts: true } as const;
  const answer = store.read({ ...asked, ...(token === undefined ? {} : { token }) });
  assert.ok(answer.kind === "contest");
  return answer;
}

describe("a lock", () => {
  it("is held by who came first, and its token is the revision of that", () => {
    const store = new MemoryStore();
    store.do(put("a", "1"));
    const first = done(store, contend("l", "me"));
    assert.equal(shown(first), "me(3), 3 behind 0");
    assert.equal(first.revision, 3);
    const second = done(store, contend("l", "you"));
    assert.equal(shown(second), "me(3), 1 there");
    assert.equal(second.revision, 3, "nothing has changed");
    assert.equal(store.machine.status().leases, 1, "who gets nothing has no lease");
    store.assertIntact();
  });

  it("goes to who waits longest, with a higher token each time", () => {
    const store = new MemoryStore();
    const tokens = ["a", "b", "c"].map((who) => done(store, queue("l", who)).own!.token);
    assert.deepEqual(tokens, [2, 3, 4]);
    assert.equal(shown(done(store, queue("l", "d"))), "a(2), 5 behind 3");
    assert.equal(shown(done(store, leave("l", 2))), "b(3), 2 has left");
    assert.equal(shown(done(store, leave("l", 4))), "b(3), 4 has left");
    assert.equal(shown(done(store, leave("l", 3))), "d(5), 3 has left");
    assert.equal(shown(done(store, leave("l", 5))), "free, 5 has left");
    assert.equal(shown(done(store, contend("l", "e"))), "e(10), 10 behind 0");
    store.assertIntact();
  });

  it("is left by its token alone, once", () => {
    const store = new MemoryStore();
    done(store, contend("l", "a"));
    assert.equal(shown(done(store, leave("l", 7))), "a(2), 0 there");
    assert.equal(shown(done(store, leave("m", 2))), "free, 0 there");
    assert.equal(shown(done(store, leave("l", 2, { area: "election" }))), "free, 0 there");
    const { revision } = store.machine;
    assert.equal(shown(done(store, leave("l", 2))), "free, 2 has left");
    const again = done(store, leave("l", 2));
    assert.equal(shown(again), "free, 0 there");
    assert.equal(again.revision, revision + 1);
  });

  it("is asked for again under the same lease for the same token, and with the new owner", () => {
    const store = new MemoryStore();
    store.do(grant("7"));
    assert.equal(shown(done(store, contend("l", "a", { lease: "7" }))), "a(2), 2 behind 0");
    assert.equal(shown(done(store, contend("l", "b", { lease: "7" }))), "b(2), 2 behind 0");
    assert.equal(contest(store, "l").holder?.mod, 3);
    store.do(grant("8"));
    assert.equal(shown(done(store, contend("l", "c", { lease: "8" }))), "b(2), 1 there");
    assert.equal(shown(done(store, queue("l", "c", { lease: "8" }))), "b(2), 4 behind 1");
    assert.equal(shown(done(store, queue("l", "c", { lease: "8" }))), "b(2), 4 behind 1");
    const { revision } = store.machine;
    const tried = done(store, contend("l", "d", { lease: "8" }));
    assert.equal(shown(tried), "b(2), 4 behind 1");
    assert.equal(tried.revision, revision, "who only tries changes nothing of who waits");
    store.assertIntact();
  });

  it("may hang on the lease of another lock, and on that of a key", () => {
    const store = new MemoryStore();
    store.do(grant("7"));
    store.do(put("k", "v", { lease: "7" }));
    done(store, contend("l", "a", { lease: "7" }));
    done(store, contend("m", "a", { lease: "7" }));
    done(store, contend("l", "e", { lease: "7", area: "election" }));
    assert.deepEqual(plain(store.do({ kind: "revokeLease", id: "7" })), {
      ...{ kind: "ended", revision: 6, leases: 1, deleted: 4 },
    });
    assert.equal(contest(store, "l").holder, undefined);
    assert.equal(store.ledgerRows, 0);
    store.assertIntact();
  });

  it("goes to the next one when its lease ends, in the same revision", () => {
    const store = new MemoryStore();
    const { lease } = done(store, contend("l", "a")).own!;
    done(store, queue("l", "b", { ttlMs: 60_000 }));
    store.maker.skip(1_000);
    store.do({ kind: "expireLeases", leases: store.machine.leasesDue(1e9, 1) });
    assert.equal(contest(store, "l").holder?.token, 3);
    assert.equal(store.codeOf({ kind: "revokeLease", id: lease }), "lease_not_found");
    assert.equal(store.machine.revision, 4);
    store.assertIntact();
  });

  it("ends the lease that was made for it when it is left, and no other", () => {
    const store = new MemoryStore();
    const own = done(store, contend("l")).own!;
    assert.equal(store.codeOf(put("k", "v", { lease: own.lease })), "lease_not_found");
    assert.equal(store.codeOf(contend("m", "", { lease: own.lease })), "lease_not_found");
    assert.equal(shown(done(store, contend("l", "x", { lease: own.lease }))), "x(2), 2 behind 0");
    done(store, leave("l", own.token));
    assert.equal(store.machine.status().leases, 0);
    store.do(grant("7"));
    const other = done(store, contend("l", "", { lease: "7" })).own!;
    done(store, leave("l", other.token));
    assert.equal(store.machine.status().leases, 1);
    store.assertIntact();
  });

  it("is refused under a lease that is not there, or is full", () => {
    const store = new MemoryStore();
    assert.equal(store.codeOf(contend("l", "", { lease: "7" })), "lease_not_found");
    store.do(grant("7"));
    for (let at = 0; at < leaseKeysMax; at += 1_000) {
      const keys = Array.from({ length: 1_000 }, (_, more) =>
        put(`k${at + more}`, "", {
          lease: "7",
        }));
      store.do({ kind: "batch", items: keys });
    }
    assert.equal(store.codeOf(contend("l", "", { lease: "7" })), "lease_full");
    assert.equal(contest(store, "l").contestants, 0);
  });

  it("has a bounded line", () => {
    const store = new MemoryStore();
    for (let at = 0; at < contestantsMax; at++) done(store, queue("l"));
    assert.equal(store.codeOf(queue("l")), "overloaded");
    assert.equal(shown(done(store, contend("l"))), `(2), ${contestantsMax} there`);
    assert.equal(store.machine.status().leases, contestantsMax);
    done(store, leave("l", 500));
    assert.equal(done(store, queue("l")).before, contestantsMax - 1);
  });

  it("is told apart from others by every byte of its name", () => {
    const store = new MemoryStore();
    const names = [
      "a",
      "aa",
      "a\0",
      "\0a",
      Uint8Array.of(255),
      Uint8Array.of(255, 255),
      "a".repeat(
        1_024,
      ),
    ];
    for (const name of names) {
      for (const area of ["lock", "election"] as const) {
        assert.equal(done(store, contend(name, "", { area })).before, 0);
        assert.equal(done(store, contend(name, "", { area })).before, 1);
      }
    }
    store.assertIntact();
  });
});

describe("a place in the line", () => {
  it("is given up at the end of a wait unless it has become the first", () => {
    const store = new MemoryStore();
    done(store, contend("l", "a"));
    const asked = done(store, queue("l", "b")).revision;
    const atEnd = leave("l", 3, { onlyWaiting: true, asked });
    done(store, leave("l", 2));
    assert.equal(shown(done(store, atEnd)), "b(3), 3 behind 0");
    done(store, queue("l", "c"));
    assert.equal(shown(done(store, leave("l", 5, { onlyWaiting: true }))), "b(3), 5 has left");
  });

  it("is not given up for who asked before somebody else asked for it", () => {
    const store = new MemoryStore();
    for (const id of ["7", "8"]) store.do(grant(id));
    done(store, contend("l", "a", { lease: "7" }));
    const [first, second] = [1, 2].map(() => done(store, queue("l", "b", { lease: "8" })).revision);
    const late = { onlyWaiting: true, asked: first! };
    assert.equal(shown(done(store, leave("l", 3, late))), "a(2), 3 behind 1");
    done(store, leave("l", 2));
    const gone = { onlyWaiting: false, asked: first! };
    assert.equal(shown(done(store, leave("l", 3, gone))), "b(3), 3 behind 0");
    const last = { onlyWaiting: false, asked: second! };
    assert.equal(shown(done(store, leave("l", 3, last))), "free, 3 has left");
  });
});

describe("an election", () => {
  it("has the value of its leader, who alone sets it", () => {
    const store = new MemoryStore();
    const area = "election" as const;
    done(store, contend("e", "a", { area }));
    done(store, queue("e", "b", { area }));
    assert.equal(shown(done(store, proclaim("e", 2, "a2"))), "a2(2), 2 behind 0");
    const refused = done(store, proclaim("e", 3, "b2"));
    assert.equal(shown(refused), "a2(2), 3 behind 1");
    assert.equal(refused.revision, 4);
    assert.equal(shown(done(store, proclaim("e", 9, "x"))), "a2(2), 0 there");
    assert.equal(shown(done(store, proclaim("f", 2, "x"))), "free, 0 there");
    done(store, leave("e", 2, { area }));
    assert.equal(shown(done(store, proclaim("e", 3, "b3"))), "b3(3), 3 behind 0");
    assert.equal(store.machine.status().leases, 1);
    store.assertIntact();
  });

  it("carries the longest value that is allowed", () => {
    const store = new MemoryStore();
    const value = new Uint8Array(64 * 1_024).fill(97);
    const told = done(store, contend("e", value, { area: "election" }));
    assert.equal(told.holder?.value?.length, 64 * 1_024);
    assert.equal(store.codeOf(proclaim("e", 2, new Uint8Array(64 * 1_024 + 1))), "bad_request");
  });
});

describe("what is asked twice under one idempotency key", () => {
  const once = (key: string): Idempotency => ({
    ...{ identity: "", key, requestHash: Uint8Array.of(1) },
  });

  it("is done once, and answered as it was then", () => {
    const store = new MemoryStore();
    const first = done(store, contend("l", "a"), once("1"));
    const again = done(store, contend("l", "a"), once("1"));
    assert.deepEqual(plain(again), plain({ ...first, replayed: true }));
    assert.equal(store.machine.revision, 2);
    done(store, contend("l", "b"), once("2"));
    done(store, leave("l", 2), once("3"));
    assert.equal(shown(done(store, contend("l", "b"), once("2"))), "a(2), 1 there");
    assert.equal(shown(done(store, leave("l", 2), once("3"))), "free, 2 has left");
    assert.equal(contest(store, "l").contestants, 0);
    store.assertIntact();
  });

  it("is done later where there was no room for it at first", () => {
    const store = new MemoryStore();
    done(store, contend("l", "x"));
    for (let at = 1; at < contestantsMax; at++) done(store, queue("l", "x"));
    const refused = store.do(queue("l", "last"), once("1"));
    assert.equal(refused.kind === "rejected" && refused.code, "overloaded");
    done(store, leave("l", 2));
    const again = store.do(queue("l", "last"), once("1"));
    const own = again.kind === "contest" ? again.own : undefined;
    assert.deepEqual([own?.token, again.replayed], [store.machine.revision, undefined]);
  });
});

describe("contestants", () => {
  it("are seen by no user: not listed, counted, deleted, watched, or named by their lease", () => {
    const store = new MemoryStore();
    store.do(grant("7"));
    store.do(put("a", "1", { lease: "7" }));
    store.do(put(Uint8Array.of(255, 255), "1"));
    done(store, contend("l", "x", { lease: "7" }));
    done(store, queue("l", "y"));
    done(store, contend("e", "x", { area: "election" }));
    for (const reverse of [false, true]) {
      const listed = store.read(range({ reverse }));
      assert.equal(listed.kind === "range" && listed.items.length, 2);
    }
    const counted = store.read(range({ countOnly: true }));
    assert.equal(counted.kind === "range" && counted.count, 2);
    const high = store.read(prefix(Uint8Array.of(255)));
    assert.equal(high.kind === "range" && high.items.length, 1);
    const own = contestPrefix({ area: "lock", name: bytes("l") });
    const under = store.read(prefix(own.subarray(0, 2)));
    assert.equal(under.kind === "range" && under.items.length, 0);
    const past = store.read({ ...range(), revision: 5 });
    assert.equal(past.kind === "range" && past.items.length, 2);
    const changes = store.read({
      ...{ kind: "changes", range: { start: new Uint8Array(0) }, from: { after: 1 } },
      ...{ prev: true, changesMax: 1_000, bytesMax: 1e6 },
    });
    assert.ok(changes.kind === "changes");
    assert.deepEqual(changes.revisions.map(({ revision }) => revision), [2, 3]);
    assert.equal(changes.through, 6);
    const lease = store.read({ kind: "lease", id: "7", keys: { limit: 10, bytesMax: 1e6 } });
    assert.ok(lease.kind === "lease");
    assert.deepEqual(lease.keys, [bytes("a")]);
    assert.equal(lease.lease?.keyCount, 2);
    assert.equal(store.codeOf(delRange("")), "delete");
    assert.equal(contest(store, "l").contestants, 2);
    store.assertIntact();
  });

  it("say where they stand, and how many they are", () => {
    const store = new MemoryStore();
    for (const who of ["a", "b", "c"]) done(store, queue("l", who));
    const { holder, contestants, own } = contest(store, "l", 4);
    assert.deepEqual([lossyText(holder!.value), contestants, own?.before], ["a", 3, 2]);
    assert.equal(contest(store, "l", 9).own, undefined);
    const uncounted = { area: "lock", name: bytes("l"), token: 4, counts: false } as const;
    const answer = store.read({ kind: "contest", ...uncounted });
    assert.ok(answer.kind === "contest");
    assert.deepEqual([answer.holder?.token, answer.contestants], [2, undefined]);
    assert.deepEqual(answer.own, { lease: "3" });
  });

  it("come back from the log after a crash, and outlive compaction", () => {
    const store = new MemoryStore({ commitEntriesMax: 3 });
    for (const who of ["a", "b", "c", "d"]) done(store, queue("l", who));
    done(store, leave("l", 2));
    const before = store.machine.status();
    store.crash();
    assert.deepEqual(store.machine.status(), before);
    store.do({ kind: "compact", revision: store.machine.revision });
    while (store.machine.purge());
    assert.equal(contest(store, "l").holder?.token, 3);
    assert.equal(contest(store, "l").contestants, 3);
    store.assertIntact();
  });
});

describe("what has changed lately", () => {
  it("names contests and no keys, as long as they are few", () => {
    const store = new MemoryStore();
    const { machine } = store;
    store.do(put("a", "1"));
    assert.equal(machine.contestChanges, 0);
    done(store, contend("l"));
    done(store, contend("e", "", { area: "election" }));
    done(store, leave("l", 3));
    const [l, e] = (["lock", "election"] as const).map((area) =>
      hex(contestPrefix({ area, name: bytes(area === "lock" ? "l" : "e") }))
    );
    assert.deepEqual(machine.contestsChangedSince(0)?.map(hex), [l, e, l]);
    assert.deepEqual(machine.contestsChangedSince(2)?.map(hex), [l]);
    assert.deepEqual(machine.contestsChangedSince(3), []);
    for (let at = 0; at < ownChangesKept; at++) done(store, proclaim("e", 4, `${at}`));
    assert.equal(machine.contestsChangedSince(2), undefined);
    assert.equal(machine.contestsChangedSince(3)?.length, ownChangesKept);
  });
});
