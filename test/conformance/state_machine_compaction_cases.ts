/** Compaction, transactions, leases and remembered answers on a backend: over closing and kills. */

import type { Idempotency, Operation, Txn } from "../../src/kv/command.ts";
import { KvFullError } from "../../src/kv/ports.ts";
import { utf8 } from "../../src/lib/bytes.ts";
import { del, put, range } from "../harness/kv_commands.ts";
import { assertIntact } from "../harness/kv_invariants.ts";
import { assert } from "../harness/test.ts";
import { bytes, Driver, type StateMachineCase } from "./state_machine_place.ts";

function compact(revision: number): Operation {
  return { kind: "compact", revision };
}

function purgeAll(driver: Driver): void {
  while (driver.machine.purge(3));
}

function intact(driver: Driver): void {
  driver.machine.commit();
  assertIntact(driver.tables);
}

function once(key: string): Idempotency {
  return { identity: "", key, requestHash: new Uint8Array(32) };
}

/** Puts each of the keys; then, where it is to fail, the first one again. */
function txn(keys: readonly string[], { fails }: { readonly fails: boolean }): Txn {
  const names = fails ? [...keys, keys[0]!] : keys;
  const then = names.map((name) => {
    return { kind: "put", put: { key: bytes(name), value: bytes("v"), prev: false } } as const;
  });
  return { kind: "txn", compares: [], then, otherwise: [] };
}

/** Lives, dies and comes back, with leases and answers in between. */
const script: readonly Operation[] = [
  { kind: "grantLease", id: "7", ttlMs: 5_000 },
  put("a", "1", { lease: "7" }),
  put("b", "1"),
  put("c", "1", { ttlMs: 3_000 }),
  del("b"),
  put("b", "2"),
  txn(["d", "e"], { fails: false }),
  txn(["f", "g"], { fails: true }),
  put("a", "2", { lease: "7" }),
  { kind: "revokeLease", id: "7" },
  put("c", "2"),
  {
    kind: "update",
    key: utf8("n"),
    change: { kind: "add", operand: "1" },
    conditions: {},
    prev: false,
    returnValue: true,
  },
];

export const compactionCases: readonly StateMachineCase[] = [
  {
    name: "compaction goes on where it stopped, whatever was closed or killed",
    run: (place) => {
      for (let closing = 0; closing < 2; closing++) {
        const driver = new Driver(place);
        if (closing === 0) driver.doAll([...script, compact(7)]);
        const { oldest, stateHash } = driver.machine.status();
        assert.equal(oldest, 7);
        const seen = [7, 8, driver.machine.revision].map((revision) => driver.range({ revision }));
        for (let more = true; more;) {
          more = driver.machine.purge(1);
          if (closing === 0) driver.machine.commit();
          driver.crash();
          assert.deepEqual(driver.machine.status().stateHash, stateHash);
          const again = [7, 8, driver.machine.revision].map((revision) =>
            driver.range({ revision })
          );
          assert.deepEqual(again, seen);
        }
        intact(driver);
        driver.reopen();
        assert.deepEqual(driver.machine.read(range({ revision: 6 })), {
          kind: "compacted",
          oldest,
        });
        driver.machine.close();
      }
    },
  },
  {
    name: "the oldest revision can be read where it ended with a deletion that is gone",
    run: (place) => {
      const driver = new Driver(place);
      driver.doAll([put("x", "1"), put("a", "1"), del("a"), put("a", "2"), put("a", "3")]);
      driver.do(compact(4));
      purgeAll(driver);
      assert.deepEqual(driver.keys({ revision: 4 }), ["x"]);
      assert.equal(driver.record("a", 4), undefined);
      assert.equal(driver.value("a", 5), "2");
      assert.deepEqual(driver.range({ revision: 4 }).changed, 4);
      intact(driver);
    },
  },
  {
    name: "a transaction that fails leaves nothing, over closing and kills",
    run: (place) => {
      const driver = new Driver(place);
      driver.do(put("a", "1"));
      driver.machine.commit();
      const results = driver.doAll([
        put("b", "1"),
        txn(["c", "d"], { fails: true }),
        put("e", "1"),
        txn(["f", "g"], { fails: false }),
        txn(["a", "h"], { fails: true }),
      ]);
      assert.deepEqual(results.map(({ kind }) => kind), [
        ...["put", "rejected", "put", "txn", "rejected"],
      ]);
      const expected = ["a", "b", "e", "f", "g"];
      assert.deepEqual(driver.keys(), expected);
      intact(driver);
      driver.crash();
      assert.deepEqual(driver.keys(), expected);
      driver.replay();
      driver.reopen();
      assert.deepEqual(driver.keys(), expected);
      assert.equal(driver.machine.revision, 5);
      intact(driver);
    },
  },
  {
    name: "leases and answers are there after closing and after a kill",
    run: (place) => {
      const driver = new Driver(place);
      const { maker } = driver;
      driver.doAll(script.slice(0, 9));
      const counted = script.at(-1)!;
      driver.apply([maker.command(counted, once("single")), maker.command(counted, once("s;300"))]);
      const replayed = (key: string): unknown => {
        const [result] = driver.apply([maker.command(counted, once(key))]);
        return result?.replayed ?? (result?.kind === "rejected" ? result.code : "applied");
      };
      const asExpected = (): void => {
        assert.deepEqual(["single", "s;300", "s;44"].map(replayed), [
          ...[true, true, "idempotency_expired"],
        ]);
        assert.deepEqual(driver.machine.leasesDue(Number.MAX_SAFE_INTEGER, 9), [
          { id: "1", deadlineMs: 3_040 },
          { id: "7", deadlineMs: 5_010 },
        ]);
        const keys = { limit: 9, bytesMax: 9 };
        assert.deepEqual(driver.machine.read({ kind: "lease", id: "7", keys }), {
          kind: "lease",
          revision: driver.machine.revision,
          lease: {
            ...{ id: "7", ttlMs: 5_000, keyCount: 1, isPrivate: false },
            remainingMs: 5_010 - driver.machine.status().clusterTimeMs,
          },
          keys: [utf8("a")],
        });
        assert.equal(driver.value("n"), "2");
      };
      asExpected();
      driver.reopen();
      asExpected();
      driver.crash();
      driver.replay();
      asExpected();
      intact(driver);
    },
  },
  {
    name:
      "a full disk within a transaction takes all of it back, and it is applied once there is room",
    run: (place) => {
      const driver = new Driver(place);
      driver.doAll(script.slice(0, 4));
      driver.machine.commit();
      const { tables } = driver;
      const append = tables.append.bind(tables);
      const setLedgerRow = tables.setLedgerRow.bind(tables);
      let room = 0;
      const take = (): void => {
        if (room-- === 0) throw new KvFullError("kv.db could not be written: the disk is full");
      };
      tables.append = (change, over) => (take(), append(change, over));
      tables.setLedgerRow = (row) => (take(), setLedgerRow(row));
      const { status, range: before } = { status: driver.machine.status(), range: driver.range() };
      const page = [
        driver.maker.command(put("b", "9", { ttlMs: 1_000 }), once("s;1")),
        driver.maker.command(txn(["f", "g"], { fails: true })),
        driver.maker.command(txn(["c", "d"], { fails: false }), once("t")),
      ];
      driver.log.push(...page);
      for (let rooms = 0;; rooms++) {
        room = rooms;
        const results = driver.machine.apply(page);
        if (!("full" in results)) {
          assert.deepEqual(results.map(({ kind }) => kind), ["put", "rejected", "txn"]);
          assert.ok(rooms > 10, `room for ${rooms} rows`);
          break;
        }
        assert.deepEqual(driver.machine.status(), status);
        // Where an entry of the page had been applied, readers wait until it is there again.
        const reading = driver.machine.read(range());
        if (reading.kind !== "future") assert.deepEqual(reading, before);
        assertIntact(tables);
      }
      room = Number.MAX_SAFE_INTEGER;
      assert.notDeepEqual(driver.range(), before);
      intact(driver);
      const { stateHash } = driver.machine.status();
      driver.crash();
      driver.replay();
      assert.deepEqual(driver.machine.status().stateHash, stateHash);
      assert.equal(driver.record("b")?.lease, "2");
    },
  },
  {
    name:
      "a full disk in a step of compaction takes data and position back, and the step is retried",
    run: (place) => {
      const driver = new Driver(place);
      driver.doAll([...script, compact(9)]);
      driver.machine.commit();
      driver.do(put("later", "v"));
      const { tables } = driver;
      const removeChange = tables.removeChange.bind(tables);
      let full = true;
      tables.removeChange = (number) => {
        if (full) throw new KvFullError("kv.db could not be written: the disk is full");
        removeChange(number);
      };
      assert.equal(driver.machine.purge(), false);
      assert.equal(driver.machine.applied().position.index, script.length + 1);
      assert.deepEqual(driver.machine.apply(driver.maker.commands([put("z", "v")])), {
        full: true,
      });
      full = false;
      driver.replay();
      purgeAll(driver);
      assert.equal(driver.value("later"), "v");
      assert.ok(driver.machine.commit());
      assert.ok(driver.tables.stored().purgedThrough >= 7);
      intact(driver);
    },
  },
  {
    name: "a full disk behind the last step of compaction takes it back, and it is taken again",
    run: (place) => {
      const driver = new Driver(place);
      driver.doAll([...script, compact(9)]);
      driver.machine.commit();
      purgeAll(driver);
      const { tables } = driver;
      const commit = tables.commit.bind(tables);
      tables.commit = () => {
        throw new KvFullError("kv.db could not be written: the disk is full");
      };
      assert.equal(driver.machine.commit(), false);
      tables.commit = commit;
      assert.equal(tables.stored().purgedThrough, 0);
      purgeAll(driver);
      assert.ok(driver.machine.commit());
      assert.ok(tables.stored().purgedThrough >= 7);
      intact(driver);
    },
  },
];
