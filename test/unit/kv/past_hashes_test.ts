import { hashedEvery, hashesMax } from "../../../src/kv/past_hashes.ts";
import { KvFullError } from "../../../src/kv/ports.ts";
import { KvStateMachine } from "../../../src/kv/state_machine.ts";
import { MemoryKvTables } from "../../../src/storage/memory/kv_tables.ts";
import { EntryMaker, put } from "../../harness/kv_commands.ts";
import { assert, describe, it } from "../../harness/test.ts";

function indexes(machine: KvStateMachine): readonly number[] {
  return machine.audit.hashes().map(({ position }) => position.index);
}

function apply(machine: KvStateMachine, maker: EntryMaker, count: number): void {
  machine.apply(Array.from({ length: count }, () => maker.command(put("a", "b"))));
}

describe("The hashes of the state in the past", () => {
  it("stand at the same indexes whatever the pages were, and one at what is applied", () => {
    const machines = [7, 1_000].map((pageLength) => {
      const machine = new KvStateMachine({ tables: new MemoryKvTables() });
      const maker = new EntryMaker();
      for (let done = 0; done < 2_100; done += pageLength) {
        apply(machine, maker, Math.min(pageLength, 2_100 - done));
      }
      return machine;
    });
    const [one, other] = machines.map((machine) => machine.audit.hashes());
    assert.deepEqual(one, other);
    assert.deepEqual(one?.map(({ position }) => position.index), [1_024, 2_048, 2_100]);
    assert.deepEqual(one?.at(-1)?.hash, machines[0]?.status().stateHash);
  });

  it("are bounded, the newest ones", () => {
    const machine = new KvStateMachine({ tables: new MemoryKvTables() });
    const maker = new EntryMaker();
    for (let done = 0; done < hashesMax + 3; done++) {
      machine.apply(Array.from({ length: hashedEvery }, () => maker.noop()));
    }
    const kept = indexes(machine);
    assert.equal(kept.length, hashesMax);
    assert.deepEqual([kept[0], kept.at(-1)], [4 * hashedEvery, (hashesMax + 3) * hashedEvery]);
  });

  it("fall back with the store", () => {
    const tables = new MemoryKvTables();
    const machine = new KvStateMachine({ tables });
    const maker = new EntryMaker();
    apply(machine, maker, 1_000);
    machine.commit();
    apply(machine, maker, 100);
    assert.deepEqual(indexes(machine), [1_024, 1_100]);
    tables.commit = () => {
      throw new KvFullError("full");
    };
    assert.equal(machine.commit(), false);
    assert.deepEqual(indexes(machine), [1_000]);
  });
});
