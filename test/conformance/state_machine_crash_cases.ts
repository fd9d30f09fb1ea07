/** What is there after closing, after a kill, and after a full disk. */

import { KvFullError } from "../../src/kv/ports.ts";
import { FatalStorageError } from "../../src/node/ports.ts";
import type { LogPosition } from "../../src/raft/types.ts";
import { del, get, put, range } from "../harness/kv_commands.ts";
import { assert } from "../harness/test.ts";
import { Driver, type StateMachineCase } from "./state_machine_place.ts";

function script(count: number): readonly ReturnType<typeof put | typeof del>[] {
  return Array.from(
    { length: count },
    (_, at) => at % 5 === 4 ? del(`${at % 7}`) : put(`${at % 7}`, `value ${at}`),
  );
}

function durableThrough(driver: Driver): LogPosition {
  let found: LogPosition | undefined;
  driver.machine.makeDurable((through) => found = through);
  assert.ok(found);
  return found;
}

export const crashCases: readonly StateMachineCase[] = [
  {
    name: "persistence",
    run: (place) => {
      const driver = new Driver(place);
      driver.doAll([put("a", "1"), put("b", "2"), put("a", "3"), del("b")]);
      const before = [driver.machine.status(), driver.machine.applied(), driver.range()];
      driver.reopen();
      assert.deepEqual([driver.machine.status(), driver.machine.applied(), driver.range()], before);
      assert.equal(driver.value("b", 3), "2");
    },
  },
  {
    name: "drop_flushes_data",
    run: (place) => {
      const driver = new Driver(place);
      driver.do(put("k", "v"));
      driver.reopen();
      assert.equal(driver.value("k"), "v");
    },
  },
  {
    name: "drop_persists_last_applied",
    run: (place) => {
      const driver = new Driver(place);
      driver.apply([driver.maker.noop(), driver.maker.noop()]);
      driver.reopen();
      assert.deepEqual(driver.machine.applied().position, { index: 2, term: 1 });
      assert.equal(driver.machine.status().clusterTimeMs, 20);
    },
  },
  {
    name: "data_survives_reopen",
    run: (place) => {
      const driver = new Driver(place);
      for (let round = 0; round < 5; round++) {
        driver.do(put(`${round}`, "v"));
        driver.reopen();
        assert.equal(driver.range().count, round + 1);
        assert.equal(driver.machine.applied().position.index, round + 1);
      }
    },
  },
  {
    name: "a kill takes what was not committed, data and position together",
    run: (place) => {
      const driver = new Driver(place);
      driver.doAll([put("a", "1"), del("a")]);
      assert.equal(driver.machine.commit(), true);
      const committed = driver.machine.status();
      driver.doAll([put("a", "2"), put("b", "2")]);
      driver.crash();
      assert.deepEqual(driver.machine.status(), committed);
      assert.deepEqual([driver.record("a"), driver.record("b")], [undefined, undefined]);
      assert.equal(driver.value("a", 2), "1");
      driver.replay();
      assert.equal(driver.value("b"), "2");
    },
  },
  {
    name: "the log brings back the same state from every position that a kill can leave",
    run: (place) => {
      const driver = new Driver(place);
      const entries = driver.maker.commands(script(60));
      for (const entry of entries) {
        driver.apply([entry]);
        // Each second position is committed; a kill falls back to it.
        if (entry.index % 2 === 0) driver.machine.commit();
        driver.crash();
        driver.replay();
      }
      const kept = { hash: driver.machine.status().stateHash, range: driver.range() };
      const straight = driver.maker.lastIndex;
      assert.equal(straight, 60);
      driver.crash();
      driver.replay();
      assert.deepEqual(
        { hash: driver.machine.status().stateHash, range: driver.range() },
        kept,
      );
    },
  },
  {
    name: "the transaction is committed by count and by bytes",
    run: (place) => {
      const driver = new Driver(place, { commitEntriesMax: 4, commitBytesMax: 1_000 });
      const kept = (): number => {
        driver.crash();
        const { index } = driver.machine.applied().position;
        driver.replay();
        driver.machine.commit();
        return index;
      };
      driver.doAll(script(3));
      assert.equal(kept(), 0);
      driver.doAll(script(3));
      assert.equal(kept(), 3);
      driver.doAll(script(4));
      assert.equal(kept(), 10);
      driver.do(put("large", new Uint8Array(1_000)));
      assert.equal(kept(), 11);
    },
  },
  {
    name: "what was made durable survives, and its position is told",
    run: (place) => {
      const driver = new Driver(place);
      assert.deepEqual(durableThrough(driver), { index: 0, term: 0 });
      driver.doAll(script(9));
      assert.deepEqual(durableThrough(driver), { index: 9, term: 1 });
      assert.deepEqual(durableThrough(driver), { index: 9, term: 1 });
      driver.do(put("later", "v"));
      driver.crash();
      assert.equal(driver.machine.applied().position.index, 9);
      driver.replay();
      driver.doAll(script(3));
      driver.machine.commit();
      assert.deepEqual(durableThrough(driver), { index: 13, term: 1 });
    },
  },
  {
    name: "a full disk takes the store back to the last commit, and the log brings it on again",
    run: (place) => {
      const driver = new Driver(place);
      driver.doAll(script(10));
      driver.machine.commit();
      const { tables } = driver;
      const append = tables.append.bind(tables);
      let room = 3;
      tables.append = (change, over) => {
        if (room-- === 0) throw new KvFullError("kv.db could not be written: the disk is full");
        append(change, over);
      };
      driver.doAll(script(2));
      assert.equal(driver.machine.applied().position.index, 12);
      const lost = driver.maker.commands(script(5));
      assert.deepEqual(driver.machine.apply(lost), { full: true });
      assert.equal(driver.machine.applied().position.index, 10);
      // Until it has come back to where it was, nobody may see it run backwards.
      assert.equal(driver.machine.read(get("0")).kind, "future");
      assert.equal(driver.machine.read(range()).kind, "future");
      // Entries behind the gap are not taken.
      assert.deepEqual(driver.machine.apply(driver.maker.commands(script(1))), { full: true });
      room = Number.MAX_SAFE_INTEGER;
      driver.log.push(...lost);
      driver.replay();
      assert.equal(driver.machine.read(get("0")).kind, "records");
      assert.equal(driver.machine.applied().position.index, 17);
      const { stateHash } = driver.machine.status();
      driver.reopen();
      assert.deepEqual(driver.machine.status().stateHash, stateHash);
    },
  },
  {
    name: "a disk found full by a commit between two pages is told at the next page",
    run: (place) => {
      const driver = new Driver(place);
      driver.doAll(script(4));
      driver.machine.commit();
      const { tables } = driver;
      const commit = tables.commit.bind(tables);
      let full = true;
      tables.commit = (meta, how) => {
        if (full) throw new KvFullError("kv.db could not be written: the disk is full");
        commit(meta, how);
      };
      driver.doAll(script(4));
      assert.equal(driver.machine.commit(), false);
      assert.equal(driver.machine.applied().position.index, 4);
      assert.equal(driver.machine.read(get("0")).kind, "future");
      const next = driver.maker.commands(script(1));
      assert.deepEqual(driver.machine.apply(next), { full: true });
      // Making it durable fails alike, and promises no more than it has.
      assert.deepEqual(durableThrough(driver), { index: 0, term: 0 });
      full = false;
      for (const entry of driver.log.slice(4)) {
        assert.equal(driver.machine.read(get("0")).kind, "future", `before entry ${entry.index}`);
        driver.apply([entry]);
      }
      assert.equal(driver.machine.read(get("0")).kind, "records");
      assert.equal(driver.machine.applied().position.index, 8);
      assert.equal(driver.apply(next).length, 1);
      assert.deepEqual(durableThrough(driver), { index: 9, term: 1 });
    },
  },
  {
    name: "a disk found full by a read takes data and position back together",
    run: (place) => {
      const driver = new Driver(place);
      driver.doAll(script(4));
      driver.machine.commit();
      const { tables } = driver;
      const live = tables.live.bind(tables);
      let full = true;
      tables.live = (key) => {
        if (!full) return live(key);
        // SQLite makes room in its cache by writing what is not committed, and drops it all.
        tables.rollback();
        throw new KvFullError("kv.db could not be read: the disk is full");
      };
      driver.doAll(script(3));
      assert.equal(driver.machine.read(get("0")).kind, "future");
      assert.equal(driver.machine.applied().position.index, 4);
      full = false;
      assert.equal(driver.machine.read(get("0")).kind, "future");
      driver.replay();
      assert.equal(driver.machine.applied().position.index, 7);
      assert.equal(driver.value("2"), "value 2");
      driver.reopen();
      assert.equal(driver.value("2"), "value 2");
    },
  },
  {
    name: "a disk found full by a look at the deadlines or the times takes both back as well",
    run: (place) => {
      const driver = new Driver(place);
      driver.doAll([...script(4), { kind: "grantLease", ttlMs: 1_000 }]);
      driver.machine.commit();
      const { tables } = driver;
      const { ledgerSlice, firstFrom } = tables;
      const looks = [
        () => assert.deepEqual(driver.machine.leasesDue(Number.MAX_SAFE_INTEGER, 10), []),
        () => assert.equal(driver.machine.nextDeadlineMs(), undefined),
        () => assert.equal(driver.machine.revisionAt(Number.MAX_SAFE_INTEGER), 0),
      ];
      for (const look of looks) {
        driver.doAll(script(3));
        const before = driver.machine.applied().position.index;
        tables.ledgerSlice = tables.firstFrom = () => {
          tables.rollback();
          throw new KvFullError("kv.db could not be read: the disk is full");
        };
        look();
        assert.equal(driver.machine.applied().position.index, before - 3);
        Object.assign(tables, { ledgerSlice, firstFrom });
        driver.replay();
        driver.machine.commit();
      }
      const after = driver.machine.status();
      driver.reopen();
      assert.deepEqual(driver.machine.status(), after);
      assert.equal(driver.machine.leasesDue(Number.MAX_SAFE_INTEGER, 10).length, 1);
    },
  },
  {
    name: "an entry that cannot be applied to its end leaves nothing of itself",
    run: (place) => {
      const driver = new Driver(place);
      driver.doAll(script(4));
      driver.machine.commit();
      const before = driver.machine.status();
      const { tables } = driver;
      const append = tables.append.bind(tables);
      tables.append = (change, over) => {
        append(change, over);
        throw new Error("broken behind the change");
      };
      assert.throws(() => driver.do(put("a", "1")), /broken behind the change/);
      assert.deepEqual(driver.machine.status(), before);
      driver.reopen();
      assert.deepEqual(driver.machine.status(), before);
      assert.equal(driver.record("a"), undefined);
    },
  },
  {
    name: "a change that is missing is fatal, and tells the way out",
    run: (place) => {
      const driver = new Driver(place);
      driver.doAll([put("a", "1"), put("a", "2"), put("a", "3")]);
      const { tables } = driver;
      const past = { ...get("a"), revision: driver.machine.revision - 2 };
      const wayOut = /damaged: change (\d) is missing; .*the next start builds.* from the log$/;
      const fails = (number: string) => (error: unknown): boolean =>
        error instanceof FatalStorageError && wayOut.exec(error.message)?.[1] === number;
      const change = tables.change.bind(tables);
      tables.change = () => undefined;
      assert.throws(() => driver.machine.read(past), fails("1"));
      tables.change = change;
      tables.link = () => undefined;
      assert.throws(() => driver.machine.read(past), fails("2"));
    },
  },
];
