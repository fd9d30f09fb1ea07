/** What is known of a store ends with it, where the image of another one takes its place. */

import { KvStateMachine } from "../../../src/kv/state_machine.ts";
import { KvFullError } from "../../../src/kv/ports.ts";
import type { Operation } from "../../../src/kv/command.ts";
import { MemoryKvTables } from "../../../src/storage/memory/kv_tables.ts";
import { EntryMaker, get, put, range } from "../../harness/kv_commands.ts";
import { assert, describe, it } from "../../harness/test.ts";

function open(tables = new MemoryKvTables()): KvStateMachine {
  return new KvStateMachine({ tables });
}

/** `to` takes over what `from` holds. */
function takeOver(from: KvStateMachine, to: KvStateMachine): void {
  from.image((image) => {
    assert.ok(image);
    const stage = to.stage(image.meta);
    image.read({ offset: 0, bytesMax: image.meta.bytes }, (bytes) => stage.write(bytes));
    stage.finish((outcome) => assert.equal(outcome, "staged"));
  });
  to.adopt();
}

/** A machine that has come to revision 6, and one that went on to 11 and gave up what is before. */
function behindAndAhead(compactTo: number): {
  readonly behind: KvStateMachine;
  readonly ahead: KvStateMachine;
  /** Of the one that is behind. */
  readonly tables: MemoryKvTables;
} {
  const tables = new MemoryKvTables();
  const [behind, ahead] = [open(tables), open()];
  const maker = new EntryMaker();
  const first = maker.commands(Array.from({ length: 5 }, (_, at) => put("k", `${at}`)));
  const compact: Operation = { kind: "compact", revision: compactTo };
  const more = Array.from({ length: 5 }, (_, at) => put(`more ${at}`, "v"));
  behind.apply(first);
  ahead.apply([...first, ...maker.commands([...more, compact])]);
  return { behind, ahead, tables };
}

describe("A store that adopts another one", () => {
  it("is at its position, in memory and on disk, and reads nothing of the old one", () => {
    const { behind, ahead } = behindAndAhead(3);
    takeOver(ahead, behind);
    assert.deepEqual(behind.applied(), ahead.applied());
    assert.deepEqual(behind.status(), ahead.status());
    behind.makeDurable((through) => assert.deepEqual(through, { index: 11, term: 1 }));
    assert.equal(behind.read(get("more 4")).kind, "records");
  });

  it("drops what was open", () => {
    const { behind, ahead } = behindAndAhead(3);
    ahead.image((image) => assert.ok(image));
    const older = open();
    takeOver(behind, older);
    takeOver(older, ahead);
    // What was applied and not committed here is not in the older store.
    assert.deepEqual(ahead.status(), behind.status());
    assert.equal(ahead.commit(), true);
    assert.deepEqual(ahead.read(range()), behind.read(range()));
  });

  it("ends the reading of a revision that the new store does not show, and no other", () => {
    const { behind, ahead } = behindAndAhead(5);
    const [forgetThird] = [behind.pin(3), behind.pin(6)];
    const third = range({ revision: 3, isPinned: true });
    const sixth = range({ revision: 6, isPinned: true });
    const before = behind.read(sixth);
    assert.equal(behind.read(third).kind, "range");
    takeOver(ahead, behind);
    assert.deepEqual(behind.read(third), { kind: "compacted", oldest: 5 });
    assert.deepEqual(behind.read(sixth), before);
    // The one that is left still keeps what it reads.
    behind.apply(new EntryMaker(11).commands([{ kind: "compact", revision: 11 }]));
    while (behind.purge());
    assert.deepEqual(behind.read(sixth), before);
    assert.deepEqual(behind.read(range({ revision: 6 })), { kind: "compacted", oldest: 11 });
    forgetThird();
  });

  it("purges what the new store has to, although nothing was left to purge in the old one", () => {
    const { behind, ahead, tables } = behindAndAhead(3);
    // To the same revision, so that nothing else tells that there is something to do.
    behind.apply(new EntryMaker(5).commands([{ kind: "compact", revision: 3 }]));
    while (behind.purge());
    takeOver(ahead, behind);
    assert.equal(tables.stored().purgedThrough, 0);
    while (behind.purge());
    assert.equal(tables.stored().revision, 11);
    assert.equal(behind.commit(), true);
    assert.equal(tables.stored().purgedThrough, 2);
  });

  it("says nothing of what was durable in the old store, also where the disk is full", () => {
    const { behind, ahead, tables } = behindAndAhead(3);
    const older = open();
    older.makeDurable(() => {});
    behind.makeDurable((through) => assert.equal(through.index, 5));
    takeOver(older, behind);
    tables.commit = () => {
      throw new KvFullError("kv.db could not be written: the disk is full");
    };
    behind.makeDurable((through) => assert.equal(through.index, 0));
    assert.equal(ahead.applied().position.index, 11);
  });

  it("tells those who wait for locks that it does not know what has changed", () => {
    const { behind, ahead } = behindAndAhead(3);
    const count = behind.contestChanges;
    takeOver(ahead, behind);
    assert.notEqual(behind.contestChanges, count);
    assert.equal(behind.contestsChangedSince(count), undefined);
    assert.deepEqual(behind.contestsChangedSince(behind.contestChanges), []);
  });

  it("reads at once, also where it had been further", () => {
    const { behind, ahead } = behindAndAhead(3);
    takeOver(behind, ahead);
    assert.equal(ahead.read(get("k")).kind, "records");
    const next = new EntryMaker(5).commands([put("k", "next")]);
    assert.equal("full" in ahead.apply(next), false);
  });
});
