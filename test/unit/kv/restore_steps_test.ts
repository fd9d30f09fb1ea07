/** The commands of a restore: refused, repeated, given up, and with crashes between them. */

import { LaterVersionError } from "../../../src/kv/data_version.ts";
import { KvFullError } from "../../../src/kv/ports.ts";
import { ByteWriter, concatBytes, utf8 } from "../../../src/lib/bytes.ts";
import { crc32c } from "../../../src/lib/crc32c.ts";
import { backupOf, randomStore } from "../../harness/backups.ts";
import { del, put, range } from "../../harness/kv_commands.ts";
import { MemoryStore } from "../../harness/kv_store.ts";
import { RandomKv } from "../../harness/random_kv.ts";
import {
  into,
  restore,
  restoreCommands,
  restoreId,
  smallStore,
  valuesOf,
} from "../../harness/restoring.ts";
import { scrubAll } from "../../harness/scrubbing.ts";
import { assert, describe, it } from "../../harness/test.ts";

const otherId = "00000000000000b2";

describe("a restore", () => {
  const backup = backupOf(randomStore(5, { operations: 400, purge: true }).tables);

  it("is refused where somebody would lose something", () => {
    const [begin] = restoreCommands(backup);
    const [unwritten] = restoreCommands(backup, { over: "unwritten" });
    assert.ok(begin !== undefined && unwritten !== undefined);
    const store = smallStore();
    assert.equal(store.codeOf(begin), "conflict");
    const leased = new MemoryStore();
    leased.do({ kind: "grantLease", ttlMs: 60_000 });
    assert.equal(leased.codeOf(begin), "conflict");
    const written = new MemoryStore();
    written.do(put("a", "1"));
    written.do(del("a"));
    assert.equal(written.codeOf(unwritten), "conflict");
    assert.equal(written.codeOf(begin), "restore");
  });

  it("is refused at its commit where somebody wrote meanwhile", () => {
    const store = new MemoryStore();
    const commands = restoreCommands(backup);
    for (const command of commands.slice(0, -1)) assert.equal(store.codeOf(command), "restore");
    store.do(put("a", "1"));
    assert.equal(store.codeOf({ kind: "commitRestore", id: restoreId }), "conflict");
    assert.equal(store.value("a"), "1");
  });

  it("changes nothing until its commit, and closes the store until its end", () => {
    const store = smallStore();
    const before = valuesOf(store);
    const commands = restoreCommands(backup, { over: "any" });
    for (const command of commands.slice(0, -1)) {
      store.do(command);
      assert.deepEqual(valuesOf(store), before);
    }
    store.do(put("a", "5"));
    assert.equal(store.value("a"), "5");
    store.do({ kind: "commitRestore", id: restoreId });
    for (let phase: string | undefined = "clearing"; phase !== "done";) {
      assert.equal(store.read(range()).kind, "future");
      assert.equal(store.codeOf(put("a", "6")), "not_ready");
      assert.equal(store.codeOf({ kind: "keepLeases", ids: ["7"] }), "not_ready");
      const result = store.do({ kind: "stepRestore", id: restoreId, recordsMax: 20 });
      assert.ok(result.kind === "restore");
      phase = result.restore?.phase;
    }
    assert.equal(store.read(range()).kind, "range");
    assert.equal(store.codeOf(put("a", "6")), "put");
  });

  it("remembers no answer that it kept somebody from", () => {
    const store = new MemoryStore();
    for (const command of restoreCommands(backup)) store.do(command);
    const once = { identity: "", key: "mine", requestHash: utf8("h") };
    assert.equal(store.codeOf(put("a", "6"), once), "not_ready");
    while (store.machine.restore?.phase !== "done") {
      store.do({ kind: "stepRestore", id: restoreId, recordsMax: 500 });
    }
    const done = store.do(put("a", "6"), once);
    assert.deepEqual([done.kind, done.replayed], ["put", undefined]);
  });

  it("takes every command twice, late, and from the beginning again", () => {
    const [once, twice] = [new MemoryStore(), new MemoryStore()];
    restore(into(once), backup);
    restore((operation) => {
      twice.do(operation);
      return twice.do(operation);
    }, backup);
    assert.deepEqual(valuesOf(twice), valuesOf(once));
    const commands = restoreCommands(backup);
    const before = standing(twice);
    for (const command of commands) {
      assert.equal(twice.codeOf(command), "restore");
      twice.do({ kind: "abortRestore", id: restoreId });
      twice.do({ kind: "stepRestore", id: restoreId, recordsMax: 5 });
    }
    assert.deepEqual(standing(twice), before);
  });

  it("is the same on all members, wherever they crash", () => {
    for (let seed = 1; seed <= 6; seed++) {
      const random = new RandomKv(seed);
      const [steady, crashing] = [0, 1].map(() => new MemoryStore({ commitEntriesMax: 3 }));
      assert.ok(steady !== undefined && crashing !== undefined);
      for (const store of [steady, crashing]) {
        for (const key of ["a", "b", "c"]) store.do(put(key, "old", { ttlMs: 5_000 }));
      }
      restore(
        (operation) => {
          const result = steady.do(operation);
          crashing.apply(steady.log.at(-1)!);
          if (random.chance(1, 3)) crashing.crash();
          return result;
        },
        backup,
        { over: "any", recordsMax: 8 },
      );
      crashing.assertIntact();
      assert.deepEqual(crashing.machine.status(), steady.machine.status());
      assert.deepEqual(valuesOf(crashing), valuesOf(steady));
    }
  });

  it("is forgotten with what a full disk takes back, and done again", () => {
    const store = new MemoryStore();
    store.machine.commit();
    const [begin, ...rest] = restoreCommands(backup);
    assert.ok(begin !== undefined);
    store.do(begin);
    const commit = store.tables.commit.bind(store.tables);
    store.tables.commit = () => {
      throw new KvFullError("The disk is full");
    };
    assert.equal(store.machine.commit(), false);
    assert.equal(store.machine.restore, undefined);
    store.tables.commit = commit;
    store.machine.apply(store.log);
    for (const command of rest) assert.equal(store.codeOf(command), "restore");
  });

  it("goes on where an image of another member was taken over", () => {
    const [behind, ahead] = [new MemoryStore(), new MemoryStore()];
    assert.equal(behind.machine.restore, undefined);
    for (const command of restoreCommands(backup)) ahead.do(command);
    ahead.do({ kind: "stepRestore", id: restoreId, recordsMax: 20 });
    ahead.machine.image((image) => {
      assert.ok(image !== undefined);
      const stage = behind.machine.stage(image.meta);
      image.read({ offset: 0, bytesMax: image.meta.bytes }, (bytes) => stage.write(bytes));
      stage.finish((outcome) => assert.equal(outcome, "staged"));
    });
    behind.machine.adopt();
    assert.equal(behind.read(range()).kind, "future");
    while (ahead.machine.restore?.phase !== "done") {
      ahead.do({ kind: "stepRestore", id: restoreId, recordsMax: 20 });
      behind.apply(ahead.log.at(-1)!);
    }
    assert.deepEqual(behind.machine.status(), ahead.machine.status());
    assert.deepEqual(valuesOf(behind), valuesOf(ahead));
  });

  it("loads the same in small steps and in large ones", () => {
    const hashes = [1, 7, 512].map((recordsMax) => {
      const store = new MemoryStore();
      const steps = restore(into(store), backup, { recordsMax });
      return { steps, values: valuesOf(store) };
    });
    assert.deepEqual(hashes[0]?.values, hashes[2]?.values);
    assert.deepEqual(hashes[1]?.values, hashes[2]?.values);
    assert.ok(hashes[0]!.steps > hashes[2]!.steps);
  });

  it("leaves nothing behind that was given up", () => {
    const store = smallStore();
    const rows = store.ledgerRows;
    for (const command of restoreCommands(backup, { over: "any" }).slice(0, -1)) store.do(command);
    assert.ok(store.ledgerRows > rows);
    store.do({ kind: "abortRestore", id: restoreId });
    assert.equal(store.codeOf({ kind: "commitRestore", id: restoreId }), "conflict");
    assert.equal(
      store.codeOf({ ...restoreCommands(backup, { over: "any" })[0]!, id: otherId }),
      "not_ready",
    );
    for (let step = 0; step < 100; step++) {
      store.do({ kind: "stepRestore", id: restoreId, recordsMax: 1 });
    }
    assert.equal(store.ledgerRows, rows);
    store.assertIntact();
    assert.equal(store.value("a"), "3");
    restore(into(store), backup, { over: "any", id: otherId });
  });

  it("is removed and looked at a mebibyte at a time where its blocks are long", () => {
    const origin = new MemoryStore();
    for (const key of ["a", "b", "c", "d"]) origin.do(put(key, new Uint8Array(1_100_000)));
    origin.machine.commit();
    const store = new MemoryStore();
    const commands = restoreCommands(backupOf(origin.tables));
    for (const command of commands.slice(0, -1)) assert.equal(store.codeOf(command), "restore");
    store.machine.commit();
    let bytesMost = 0;
    const slice = store.tables.ledgerSlice.bind(store.tables);
    store.tables.ledgerSlice = (asked) => {
      const rows = slice(asked);
      const bytes = rows.reduce((sum, { value }) => sum + value.length, 0);
      bytesMost = Math.max(bytesMost, bytes);
      return rows;
    };
    scrubAll(store.machine);
    assert.ok(bytesMost < 2_000_000, `${bytesMost} bytes at once`);
    store.do({ kind: "abortRestore", id: restoreId });
    for (const left of [3, 2, 1, undefined]) {
      store.do({ kind: "stepRestore", id: restoreId, recordsMax: 512 });
      assert.equal(store.machine.restore?.next, left);
    }
  });

  it("ends a member that does not know a block of a later version, and no other", () => {
    const [begin, first] = restoreCommands(backup);
    assert.ok(begin !== undefined && first?.kind === "stageRestore");
    // One change with a flag that means nothing yet.
    const payload = new ByteWriter(8).varint(1).u8(0x40).finish();
    const head = new ByteWriter(8).u8(3).u32(payload.length).finish();
    const crc = new ByteWriter(4).u32(crc32c(payload, crc32c(head))).finish();
    const store = new MemoryStore();
    store.do(begin);
    const later = { ...first, blocks: [concatBytes([head, payload, crc])] };
    assert.throws(() => store.do(later), LaterVersionError);
  });

  it("is one at a time", () => {
    const store = new MemoryStore();
    const [first] = restoreCommands(backup);
    const [second] = restoreCommands(backup, { id: otherId });
    assert.ok(first !== undefined && second !== undefined);
    store.do(first);
    // It ends, or is given up: nothing has to be decided by who asks.
    assert.equal(store.codeOf(second), "not_ready");
    for (const command of restoreCommands(backup)) store.do(command);
    assert.equal(store.codeOf(second), "not_ready");
  });

  it("takes no block out of order, none of another backup, and none that is damaged", () => {
    const store = new MemoryStore();
    const [begin, first, ...rest] = restoreCommands(backup);
    const commit = rest.at(-1);
    assert.ok(begin !== undefined && first?.kind === "stageRestore" && commit !== undefined);
    store.do(begin);
    assert.equal(store.codeOf({ ...first, first: 1 }), "conflict");
    const damaged = first.blocks[0]!.slice();
    damaged[20]! ^= 1;
    assert.equal(store.codeOf({ ...first, blocks: [damaged] }), "bad_request");
    assert.equal(store.codeOf(commit), "conflict");
    store.do(first);
    assert.equal(store.codeOf({ ...first, first: 1 }), "bad_request");
    const others = restoreCommands(backupOf(smallStore().tables));
    const other = new MemoryStore();
    for (const command of others.slice(0, -1)) {
      other.do(command.kind === "beginRestore" ? { ...command, crc32c: 7 } : command);
    }
    assert.equal(other.codeOf({ kind: "commitRestore", id: restoreId }), "conflict");
  });
});

/** What stands whatever entries are applied that change nothing. */
function standing(store: MemoryStore): unknown {
  const { applied: _applied, clusterTimeMs: _time, ...rest } = store.machine.status();
  return rest;
}
