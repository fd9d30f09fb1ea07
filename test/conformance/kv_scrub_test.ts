/** The scrub on each backend: what it finds, and that it finds nothing where nothing is wrong. */

import { join } from "node:path";
import { changeCrc32c, ledgerCrc32c } from "../../src/kv/checksum.ts";
import { ledgerKey, ledgerKind, orderedLease } from "../../src/kv/ledger.ts";
import type { Delete, Operation, Put, TxnOperation } from "../../src/kv/command.ts";
import { KvFullError, type KvTables } from "../../src/kv/ports.ts";
import { KvStateMachine } from "../../src/kv/state_machine.ts";
import { FatalStorageError, type SnapshotImage } from "../../src/node/ports.ts";
import type { Result } from "../../src/kv/result.ts";
import { backupOf } from "../harness/backups.ts";
import { bytes, del, EntryMaker, put } from "../harness/kv_commands.ts";
import { restore, restoreCommands, smallStore } from "../harness/restoring.ts";
import { scrubAll, Scrubbing } from "../harness/scrubbing.ts";
import { makeTempDir } from "../harness/temp_dir.ts";
import { assert, describe, it } from "../harness/test.ts";
import { bytesOf, finished } from "./image_place.ts";
import { memoryPlace, openSqliteTables, runtime, sqlitePlace } from "./state_machine_places.ts";

const otherId = "00000000000000b2";

/** Changes 1 to 10; those up to 5 are compacted, which has taken 1, 3 and 4. */
function fill(machine: KvStateMachine): EntryMaker {
  const maker = new EntryMaker();
  machine.apply(maker.commands([
    put("a", "one"), // change 1, revision 2
    put("b", "one"),
    put("c", "soon gone"),
    del("c"),
    put("a", "two"), // change 5, revision 6
    put("a", "three"),
    put("d", "soon gone"),
    del("d"),
    { kind: "grantLease", id: "7", ttlMs: 60_000 },
    put("leased", "v", { lease: "7" }),
    put("c", "again"),
    { kind: "compact", revision: 6 },
  ]));
  while (machine.purge());
  machine.commit();
  return maker;
}

/** What a pass says of the store after `damage`; undefined: nothing. */
function found(tables: KvTables, damage: (tables: KvTables) => void): string | undefined {
  const machine = new KvStateMachine({ tables });
  fill(machine);
  damage(tables);
  tables.commit(tables.stored(), "normal");
  try {
    scrubAll(machine);
    return undefined;
  } catch (error) {
    assert.ok(error instanceof FatalStorageError, String(error));
    return error.message.replace(/^.* is damaged: /, "").replace(/;.*/, "");
  }
}

/** Change `number` with another value, and the checksum that goes with it. */
function rewrite(tables: KvTables, number: number): void {
  const change = tables.change(number);
  assert.ok(change);
  const other = { ...change, value: bytes("x"), valueBytes: 1 };
  tables.removeChange(number);
  tables.append({ ...other, crc32c: changeCrc32c(other) }, "live");
}

/** Of puts and deletions without conditions. */
function txnOf(operations: readonly (Put | Delete)[]): Operation {
  const then = operations.map((operation): TxnOperation =>
    operation.kind === "put" ? { kind: "put", put: operation } : { ...operation, kind: "delete" }
  );
  return { kind: "txn", compares: [], then, otherwise: [] };
}

const leaseRow = ledgerKey(ledgerKind.lease, orderedLease("7"));

/** Done with the words of the tables, so that every row is right by itself. */
const damages: Readonly<Record<string, readonly [(tables: KvTables) => void, string | undefined]>> =
  {
    "nothing at all": [() => {}, undefined],
    "a change that is gone": [
      (tables) => tables.removeChange(6),
      "change 6 is missing",
    ],
    "the last change, gone": [
      (tables) => tables.removeChange(10),
      "change 10 is missing",
    ],
    "a change that is gone below what compaction has come to": [
      (tables) => tables.removeChange(2),
      "the changes that are there and those that were removed are not all that were made",
    ],
    "a change with another value": [
      (tables) => rewrite(tables, 10),
      "the changes that are there and those that were removed are not all that were made",
    ],
    "a key of the dead that nobody knows": [
      (tables) => tables.forgetDead(bytes("d")),
      "there are 0 dead keys, though 1 were counted",
    ],
    "a row of the ledger that is gone": [
      (tables) => tables.deleteLedgerRow(leaseRow),
      "the rows of the ledger are not those that were written",
    ],
    "a row of the ledger with another value": [
      (tables) => {
        const value = bytes("x");
        tables.setLedgerRow({ key: leaseRow, value, crc32c: ledgerCrc32c(leaseRow, value) });
      },
      "the rows of the ledger are not those that were written",
    ],
  };

const places = { [`sqlite on ${runtime.name}`]: sqlitePlace, memory: memoryPlace };
for (const [name, makePlace] of Object.entries(places)) {
  describe(`the scrub: ${name}`, () => {
    for (const [what, [damage, expected]] of Object.entries(damages)) {
      it(`finds ${what}`, () => {
        const place = makePlace();
        try {
          assert.equal(found(place.open(), damage), expected);
        } finally {
          place.remove();
        }
      });
    }

    it("counts what it looks at", () => {
      const place = makePlace();
      try {
        const machine = new KvStateMachine({ tables: place.open() });
        fill(machine);
        const pass = machine.audit.scrub();
        while (pass?.step() === "more");
        const { changes, keys, ledgerRows } = pass?.count ?? {};
        assert.deepEqual([changes, keys, ledgerRows], [7, 5, 3]);
      } finally {
        place.remove();
      }
    });

    it("begins anew where the store falls back, and finds nothing wrong", () => {
      const place = makePlace();
      try {
        const tables = place.open();
        const machine = new KvStateMachine({ tables });
        const maker = fill(machine);
        const pass = machine.audit.scrub();
        assert.equal(pass?.step(), "more");
        const entries = maker.commands([put("a", "four"), put("z", "new")]);
        machine.apply(entries);
        // As a full disk does.
        const commit = tables.commit.bind(tables);
        tables.commit = () => {
          throw new KvFullError("full");
        };
        assert.equal(machine.commit(), false);
        tables.commit = commit;
        assert.equal(pass?.step(), "void");
        machine.apply(entries);
        scrubAll(machine);
      } finally {
        place.remove();
      }
    });

    it("finds nothing wrong after a restore over all, however far it is compacted", () => {
      const place = makePlace();
      try {
        const origin = smallStore();
        const machine = new KvStateMachine({ tables: place.open() });
        const maker = fill(machine);
        const apply = (operation: Operation): Result => {
          const results = machine.apply(maker.commands([operation]));
          assert.ok(!("full" in results) && results[0] !== undefined);
          return results[0];
        };
        restore(apply, backupOf(origin.tables), { over: "any" });
        // Another one that comes to nothing takes nothing of it back.
        const [begin] = restoreCommands(backupOf(origin.tables), { over: "any", id: otherId });
        assert.ok(begin !== undefined);
        apply(begin);
        apply({ kind: "abortRestore", id: otherId });
        apply({ kind: "stepRestore", id: otherId, recordsMax: 64 });
        assert.equal(machine.restore?.phase, "done");
        // The deletions that made room go, one after the other.
        apply(put("b", "later"));
        apply({ kind: "compact", revision: machine.revision });
        for (let isMore = true; isMore;) {
          isMore = machine.purge(1);
          machine.commit();
          scrubAll(machine);
        }
      } finally {
        place.remove();
      }
    });

    it("finds nothing wrong while a restore loads over deletions that compaction takes", () => {
      const place = makePlace();
      try {
        const machine = new KvStateMachine({ tables: place.open() });
        const maker = new EntryMaker();
        const apply = (operation: Operation): Result => {
          const results = machine.apply(maker.commands([operation]));
          assert.ok(!("full" in results) && results[0] !== undefined);
          return results[0];
        };
        for (const operation of [put("a", "old"), del("a")]) apply(operation);
        apply({ kind: "compact", revision: machine.revision });
        restore(
          (operation) => {
            const result = apply(operation);
            machine.commit();
            scrubAll(machine);
            // The deletion is older than the restore, and goes when a version is loaded over it.
            if (machine.restore?.phase === "starting") { while (machine.purge()); }
            machine.commit();
            scrubAll(machine);
            return result;
          },
          backupOf(smallStore().tables),
          { over: "any", recordsMax: 1 },
        );
        scrubAll(machine);
      } finally {
        place.remove();
      }
    });

    it("begins anew where another store is put in the place of its own", async () => {
      const [from, to] = [makePlace(), makePlace()];
      try {
        const newer = new KvStateMachine({ tables: from.open() });
        const maker = fill(newer);
        newer.apply(maker.commands([put("e", "newer")]));
        const machine = new KvStateMachine({ tables: to.open() });
        fill(machine);
        const pass = machine.audit.scrub();
        assert.equal(pass?.step(), "more");
        const image = await new Promise<SnapshotImage | undefined>((done) => newer.image(done));
        assert.ok(image);
        const stage = machine.stage(image.meta);
        stage.write(await bytesOf(image));
        image.release();
        assert.equal(await finished(stage), "staged");
        machine.adopt();
        assert.equal(pass?.step(), "void");
        scrubAll(machine);
      } finally {
        from.remove();
        to.remove();
      }
    });

    it("finds nothing wrong while commands are taken back in the middle of a pass", () => {
      const place = makePlace();
      try {
        const machine = new KvStateMachine({ tables: place.open() });
        const maker = fill(machine);
        const scrubbing = new Scrubbing();
        let number = 0;
        while (scrubbing.ended < 20) {
          scrubbing.step(machine);
          const made = put(`n${number++}`, "v", { ttlMs: 5_000 });
          const then = [made, del("a"), put("a", "v"), put("x", "v", { lease: "404" })];
          machine.apply([maker.command(txnOf(then))]);
        }
        assert.equal(machine.status().liveKeys, 4, "all of it was taken back");
      } finally {
        place.remove();
      }
    });
  });
}

const wrongHeads = "the live and the dead keys do not lead to the newest changes";

/** What no word of the tables could do. */
const edits: Readonly<Record<string, string>> = {
  "UPDATE live SET number = 5 WHERE key = x'61'": wrongHeads,
  "UPDATE live SET number = 99 WHERE key = x'61'": wrongHeads,
  "UPDATE live SET number = 16 - number WHERE number IN (6, 10)": wrongHeads,
  "UPDATE live SET key = x'6161' WHERE key = x'61'": wrongHeads,
  "UPDATE dead SET number = 7 WHERE key = x'64'": wrongHeads,
  "DELETE FROM live WHERE key = x'61'": "there are 3 live keys, though 4 were counted",
  "INSERT INTO live VALUES (x'7a', 10)": "there are 5 live keys, though 4 were counted",
  "INSERT INTO dead VALUES (x'61', 6)": "there are 2 dead keys, though 1 were counted",
  "UPDATE change SET value = x'00' WHERE number = 9": "change 9 has a wrong checksum",
  "UPDATE change SET wall_ms = 1 WHERE number = 2": "change 2 has a wrong checksum",
  "UPDATE change SET skip = 3 WHERE number = 6": "change 6 has a wrong checksum",
  "UPDATE change SET number = 11 WHERE number = 10": "change 10 is missing",
  "UPDATE ledger SET crc32c = 1": "a row of the ledger has a wrong checksum",
  "UPDATE meta SET live_keys = 3": "the row of meta is missing or has a wrong checksum",
};

describe(`the scrub: what is edited in kv.db on ${runtime.name}`, () => {
  for (const [sql, expected] of Object.entries(edits)) {
    it(`finds ${sql}`, () => {
      using temp = makeTempDir("kv-scrub");
      const first = new KvStateMachine({ tables: openSqliteTables(temp.path) });
      fill(first);
      first.close();
      const database = runtime.openSqlite(join(temp.path, "kv.db"));
      database.exec(sql);
      database.close();
      let said: string | undefined;
      try {
        const machine = new KvStateMachine({ tables: openSqliteTables(temp.path) });
        try {
          scrubAll(machine);
        } finally {
          machine.close();
        }
      } catch (error) {
        said = error instanceof FatalStorageError ? error.message : String(error);
      }
      assert.match(said ?? "nothing", new RegExp(`kv\\.db is damaged: ${expected};`));
    });
  }
});
