import type { Operation } from "../../../src/kv/command.ts";
import type { Query } from "../../../src/kv/query.ts";
import { AssertionError } from "../../../src/lib/assert.ts";
import { bytes, del, delRange, get, prefix, put, range } from "../../harness/kv_commands.ts";
import { MemoryStore } from "../../harness/kv_store.ts";
import { plain } from "../../harness/plain.ts";
import { RandomKv } from "../../harness/random_kv.ts";
import { assert, describe, it } from "../../harness/test.ts";

function compact(revision: number): Operation {
  return { kind: "compact", revision };
}

/** Takes all steps that there are; returns how many. */
function purgeAll(store: MemoryStore, changesMax?: number): number {
  let steps = 1;
  while (store.machine.purge(changesMax)) steps++;
  return steps;
}

/** The numbers of the changes whose rows are there. */
function rowsOf(store: MemoryStore): readonly number[] {
  store.machine.commit();
  const { changes } = store.tables.stored();
  return Array.from({ length: changes }, (_, at) => at + 1)
    .filter((number) => store.tables.change(number) !== undefined);
}

/** Everything that can be read at a revision, as plain values. */
function viewAt(store: MemoryStore, revision: number): unknown {
  const queries: readonly Query[] = [
    range({ revision }),
    range({ revision, reverse: true, limit: 2 }),
    range({ revision, countOnly: true }),
    prefix("a", { revision, keysOnly: true }),
    { ...get("a", "b", "c", "d", "never"), revision },
    { kind: "history", key: bytes("a"), revision, limit: 100, bytesMax: 1e6 },
    { kind: "history", key: bytes("c"), revision, limit: 100, bytesMax: 1e6 },
  ];
  return plain(queries.map((query) => store.read(query)));
}

/** Keys that live, die, come back, and die again, around every boundary. */
const script: readonly Operation[] = [
  ...[put("a", "1"), put("b", "1"), put("a", "2"), del("b"), put("c", "1"), put("b", "2")],
  ...[del("a"), del("c"), put("a", "3"), put("a", "4"), delRange("a", "c"), put("c", "2")],
  ...[del("c"), put("d", "1"), put("a", "5"), put("d", "2")],
];
const newest = script.length + 1;

function scripted(): MemoryStore {
  const store = new MemoryStore();
  for (const operation of script) store.do(operation);
  assert.equal(store.machine.revision, newest);
  return store;
}

describe("the boundary of compaction", () => {
  it("moves at once, before any row is removed, and only forward", () => {
    const store = scripted();
    assert.deepEqual(store.do(compact(6)), { kind: "compacted", revision: newest, oldest: 6 });
    assert.deepEqual(store.read(range({ revision: 5 })), { kind: "compacted", oldest: 6 });
    assert.equal(store.read(range({ revision: 6 })).kind, "range");
    assert.equal(rowsOf(store).length, store.tables.stored().changes);
    assert.deepEqual(store.do(compact(4)), { kind: "compacted", revision: newest, oldest: 6 });
    assert.equal(store.codeOf(compact(newest + 1)), "bad_request");
    assert.equal(store.machine.status().oldest, 6);
    assert.deepEqual(store.do(compact(newest)), {
      ...{ kind: "compacted", revision: newest, oldest: newest },
    });
  });

  for (let oldest = 1; oldest <= newest; oldest++) {
    it(`at ${oldest} keeps all that can be read from there on, at each step`, () => {
      const store = scripted();
      store.do(compact(oldest));
      const revisions = Array.from({ length: newest + 1 - oldest }, (_, at) => oldest + at);
      const before = revisions.map((revision) => viewAt(store, revision));
      const { stateHash, liveKeys } = store.machine.status();
      for (let more = true; more;) {
        more = store.machine.purge(1);
        assert.deepEqual(revisions.map((revision) => viewAt(store, revision)), before);
        assert.deepEqual(store.machine.status().stateHash, stateHash);
        assert.equal(store.machine.status().liveKeys, liveKeys);
        store.assertIntact();
      }
      // What no view from here on shows is gone, down to the last row.
      const needed = new Set(revisions.flatMap((revision) => numbersShown(store, revision)));
      const later = rowsOf(store).filter((number) => revisionOf(store, number) > oldest);
      assert.deepEqual(rowsOf(store), [...new Set([...needed, ...later])].sort((a, b) => a - b));
    });
  }

  it("takes the versions before it and the deletions up to it, and none behind it", () => {
    const store = new MemoryStore();
    for (const operation of [put("a", "1"), put("a", "2"), del("a"), del("b")]) store.do(operation);
    store.do(compact(3));
    purgeAll(store);
    // Revision 3 shows a, revision 4 deleted it: a watch that begins behind 3 is owed that.
    assert.deepEqual(rowsOf(store), [2, 3]);
    store.do(compact(4));
    purgeAll(store);
    assert.deepEqual(rowsOf(store), []);
    assert.equal(store.tables.stored().deadKeys, 0);
    store.assertIntact();
  });
});

function numbersShown(store: MemoryStore, revision: number): readonly number[] {
  const answer = store.read(range({ revision, keysOnly: true }));
  assert.ok(answer.kind === "range");
  return answer.items.map(({ mod, key }) => {
    const number = rowsOf(store).find((each) => {
      const change = store.tables.change(each)!;
      return change.revision === mod && change.key.join() === key.join();
    });
    assert.ok(number);
    return number;
  });
}

function revisionOf(store: MemoryStore, number: number): number {
  return store.tables.change(number)!.revision;
}

describe("steps of compaction", () => {
  it("are as long as they are asked to be, and say whether there is more", () => {
    const store = scripted();
    store.do(compact(newest));
    assert.equal(store.tables.stored().purgedThrough, 0);
    const { changes } = (store.machine.commit(), store.tables.stored());
    assert.equal(purgeAll(store, 5), Math.ceil(changes / 5));
    assert.equal(store.machine.purge(5), false);
    store.assertIntact();
    assert.equal(store.tables.stored().purgedThrough, changes);
  });

  it("end with the value that takes what they remove past a megabyte", () => {
    const store = new MemoryStore();
    for (let at = 0; at < 9; at++) store.do(put("large", new Uint8Array(300_000)));
    store.do(compact(store.machine.revision));
    const purged = (): number => (store.machine.commit(), store.tables.stored().purgedThrough);
    // The first change supersedes nothing; four values of 300 kB are more than a mebibyte.
    assert.equal(store.machine.purge(), true);
    assert.equal(purged(), 5);
    assert.equal(store.machine.purge(), false);
    assert.equal(purged(), 9);
    assert.deepEqual(rowsOf(store), [9]);
  });

  it("do nothing where nothing was given up", () => {
    const store = scripted();
    store.machine.commit();
    const before = store.tables.stored();
    assert.equal(store.machine.purge(), false);
    store.machine.commit();
    assert.equal(store.tables.stored(), before);
    store.do(compact(5));
    purgeAll(store);
    store.machine.commit();
    const after = store.tables.stored();
    assert.equal(store.machine.purge(), false);
    store.machine.commit();
    assert.equal(store.tables.stored(), after);
  });

  it("are taken back by a crash, and taken again", () => {
    for (let committedStep = 0; committedStep < 12; committedStep++) {
      const store = scripted();
      store.do(compact(10));
      const before = viewAt(store, 10);
      store.machine.commit();
      for (let step = 0; step < 12; step++) {
        store.machine.purge(1);
        if (step === committedStep) store.machine.commit();
        if (step % 3 === 0) store.do(put("e", `${step}`));
      }
      const { stateHash, revision } = store.machine.status();
      store.crash();
      assert.deepEqual(store.machine.status().stateHash, stateHash);
      assert.equal(store.machine.revision, revision);
      store.assertIntact();
      purgeAll(store, 2);
      assert.deepEqual(viewAt(store, 10), before);
      store.assertIntact();
    }
  });
});

describe("a pin", () => {
  it("keeps its revision readable on this node, although it was given up", () => {
    const store = scripted();
    const before = viewAt(store, 6);
    const sixth = range({ revision: 6, isPinned: true });
    const release = store.machine.pin(6);
    const releaseTwin = store.machine.pin(6);
    store.do(compact(12));
    purgeAll(store);
    assert.deepEqual(plain(store.read(sixth)), (before as unknown[])[0]);
    const compacted = { kind: "compacted", oldest: 12 };
    assert.deepEqual(store.read(range({ revision: 7, isPinned: true })), compacted);
    // To everybody else it is what it is on the other nodes.
    const history = { kind: "history", key: bytes("a"), limit: 9, bytesMax: 999 } as const;
    for (const query of [range(), get("a"), history]) {
      assert.deepEqual(store.read({ ...query, revision: 6 }), compacted, query.kind);
    }
    releaseTwin();
    purgeAll(store);
    assert.deepEqual(plain(store.read(sixth)), (before as unknown[])[0]);
    release();
    assert.deepEqual(store.read(sixth), compacted);
    const twelfth = viewAt(store, 12);
    purgeAll(store);
    assert.deepEqual(viewAt(store, 12), twelfth);
    store.assertIntact();
    assert.ok(store.tables.stored().purgedThrough >= 11);
  });

  it("is of a revision that can be read", () => {
    const store = scripted();
    store.do(compact(6));
    assert.throws(() => store.machine.pin(5), AssertionError);
    assert.throws(() => store.machine.pin(newest + 1), AssertionError);
  });
});

describe("a member that compacts and one that does not", () => {
  it("answer alike, and are in the same state", () => {
    const options = { commitEntriesMax: 64 };
    const [eager, lazy] = [new MemoryStore(options), new MemoryStore(options)];
    const random = new RandomKv(17);
    for (let done = 0; done < 2_000; done++) {
      const { revision, oldest } = eager.machine.status();
      const leases = eager.machine.leasesDue(Number.MAX_SAFE_INTEGER, 20);
      const operation = random.operation({ revision, leases, contestants: [] });
      const idempotency = random.idempotency();
      const result = eager.do(operation, idempotency);
      assert.deepEqual(lazy.do(operation, idempotency), result);
      assert.deepEqual(eager.machine.status(), lazy.machine.status());
      purgeAll(eager, random.pick([1, 7, 256]));
      if (random.chance(1, 40)) eager.crash();
      if (random.chance(1, 40)) lazy.crash();
      const query = random.query(revision, oldest);
      assert.deepEqual(withoutTag(eager.read(query)), withoutTag(lazy.read(query)));
      if (random.chance(1, 30)) {
        for (const each of [eager, lazy]) each.maker.skip(200_000);
      }
    }
    eager.assertIntact();
    lazy.assertIntact();
    assert.ok(eager.tables.stored().purgedThrough > 1_000);
    assert.equal(lazy.tables.stored().purgedThrough, 0);
    assert.ok(eager.tables.stored().deadKeys < lazy.tables.stored().deadKeys);
  });

  it("tell the same tag of a list where both tell one", () => {
    const [eager, lazy] = [new MemoryStore(), new MemoryStore()];
    for (const store of [eager, lazy]) {
      for (const operation of [...script, compact(9)]) store.do(operation);
    }
    purgeAll(eager);
    for (let revision = 9; revision <= newest; revision++) {
      for (
        const query of [range({ revision }), prefix("a", { revision }), prefix("b", { revision })]
      ) {
        const [ours, theirs] = [eager.read(query), lazy.read(query)];
        assert.ok(ours.kind === "range" && theirs.kind === "range");
        assert.equal(ours.changed, theirs.changed);
      }
    }
  });
});

function withoutTag(answer: ReturnType<MemoryStore["read"]>): unknown {
  if (answer.kind !== "range") return answer;
  const { changed: _changed, ...rest } = answer;
  return rest;
}

describe("dead keys", () => {
  it("are forgotten, and begin anew when they come back", () => {
    const store = new MemoryStore();
    for (let round = 0; round < 40; round++) {
      store.do(put("a", `${round}`));
      store.do(del("a"));
    }
    store.do(compact(store.machine.revision));
    purgeAll(store);
    assert.deepEqual(rowsOf(store), []);
    for (let round = 0; round < 40; round++) store.do(put("a", `again ${round}`));
    const { revision } = store.machine;
    for (let back = 0; back < 40; back++) {
      assert.equal(store.value("a", revision - back), `again ${39 - back}`);
      assert.equal(store.record("a", revision - back)?.version, 40 - back);
    }
    assert.equal(store.record("a", revision - 40), undefined);
    store.assertIntact();
  });

  it("that came back before their deletion was reached are left alone", () => {
    const store = new MemoryStore();
    for (const operation of [put("a", "1"), del("a"), put("a", "2"), del("a"), put("b", "1")]) {
      store.do(operation);
    }
    store.do(compact(3));
    purgeAll(store);
    assert.deepEqual(rowsOf(store), [3, 4, 5]);
    assert.equal(store.tables.stored().deadKeys, 1);
    assert.equal(store.value("a", 4), "2");
    store.assertIntact();
    store.do(compact(6));
    purgeAll(store);
    assert.deepEqual(rowsOf(store), [5]);
    assert.equal(store.tables.stored().deadKeys, 0);
    store.assertIntact();
  });
});

describe("a chain that compaction has cut", () => {
  it("is walked at a small cost all the same", () => {
    const store = new MemoryStore();
    for (let at = 0; at < 5_000; at++) store.do(put("hot", `${at}`));
    store.do(compact(2_500));
    purgeAll(store);
    for (let at = 5_000; at < 8_000; at++) store.do(put("hot", `${at}`));
    const link = store.tables.link.bind(store.tables);
    let links = 0;
    store.tables.link = (number) => {
      links++;
      return link(number);
    };
    for (let revision = 2_500; revision <= 8_001; revision += 61) {
      links = 0;
      assert.equal(store.value("hot", revision), `${revision - 2}`);
      assert.ok(links <= 80, `${links} links followed`);
    }
  });
});
