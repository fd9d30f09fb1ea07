/** Backups are made of every backend, and restored into every backend. */

import { backupOf, randomStore, readBackup } from "../harness/backups.ts";
import { range } from "../harness/kv_commands.ts";
import { assertIntact } from "../harness/kv_invariants.ts";
import { MemoryStore } from "../harness/kv_store.ts";
import { plain } from "../harness/plain.ts";
import { restore } from "../harness/restoring.ts";
import { assert } from "../harness/test.ts";
import { bytes, Driver, type KvPlace, type StateMachineCase } from "./state_machine_place.ts";

export const restoreCases: readonly StateMachineCase[] = [
  { name: "makes the same backup as any other backend", run: makesTheSameBackup },
  { name: "takes a backup over, through crashes at any point", run: restoresThroughCrashes },
  { name: "takes a backup over in place of what it held", run: replaces },
  { name: "restores values of every length", run: restoresLongValues },
];

function makesTheSameBackup(place: KvPlace): void {
  for (const purge of [false, true]) {
    const store = randomStore(11, { operations: 300, purge });
    const driver = new Driver(place);
    driver.apply(store.log.slice(driver.machine.applied().position.index));
    while (purge && driver.machine.purge());
    driver.machine.commit();
    assert.deepEqual(backupOf(driver.tables), backupOf(store.tables));
    driver.machine.close();
  }
}

function restoresThroughCrashes(place: KvPlace): void {
  const backup = backupOf(randomStore(12, { operations: 500, purge: false }).tables);
  restoreBoth(place, backup, { over: "unwritten", crashEvery: 3 });
}

function replaces(place: KvPlace): void {
  const backup = backupOf(randomStore(13, { operations: 300, purge: true }).tables);
  const before = randomStore(14, { operations: 300, purge: true });
  const driver = new Driver(place);
  driver.apply(before.log);
  driver.machine.close();
  restoreBoth(place, backup, { over: "any", crashEvery: 5 }, before);
}

/** Into the backend and into memory: the same entries leave the same behind. */
function restoreBoth(
  place: KvPlace,
  backup: Uint8Array,
  { over, crashEvery }: { readonly over: "unwritten" | "any"; readonly crashEvery: number },
  store = new MemoryStore(),
): void {
  const driver = new Driver(place, { commitEntriesMax: 2 });
  driver.log.push(...store.log);
  let entries = 0;
  restore(
    (operation) => {
      const result = store.do(operation);
      driver.apply([store.log.at(-1)!]);
      if (++entries % crashEvery === 0) {
        driver.crash();
        driver.replay();
      }
      return result;
    },
    backup,
    { over, recordsMax: 24 },
  );
  driver.machine.commit();
  assertIntact(driver.tables);
  assert.deepEqual(driver.machine.status(), store.machine.status());
  const all = range({ limit: 10_000 });
  assert.deepEqual(plain(driver.machine.read(all)), plain(store.machine.read(all)));
  store.machine.commit();
  assert.deepEqual(backupOf(driver.tables), backupOf(store.tables));
  while (driver.machine.purge());
  driver.machine.commit();
  assertIntact(driver.tables);
}

function restoresLongValues(place: KvPlace): void {
  const origin = new MemoryStore();
  const lengths = [0, 1, 65_535, 65_536, 65_537, 1_048_577, 8 * 1024 * 1024];
  for (const length of lengths) {
    const value = new Uint8Array(length).map((_, at) => at % 251);
    origin.do({
      ...{ kind: "put", key: bytes(`long ${length}`), value },
      ...{ conditions: {}, prev: false },
    });
  }
  origin.machine.commit();
  const backup = backupOf(origin.tables);
  assert.equal(readBackup(backup, 100_000).counts.changes, lengths.length);
  const driver = new Driver(place);
  restore((operation) => driver.do(operation), backup);
  const all = range({ limit: 100, revision: origin.machine.revision, bytesMax: 1e9 });
  assert.deepEqual(plain(driver.machine.read(all)), plain(origin.machine.read(all)));
}
