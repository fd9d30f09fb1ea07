/** What the store does with what other versions of the program have written. */

import { encodeCommand } from "../../src/kv/command_encoding.ts";
import { LaterVersionError } from "../../src/kv/data_version.ts";
import { KvStateMachine } from "../../src/kv/state_machine.ts";
import { MemoryKvTables } from "../../src/storage/memory/kv_tables.ts";
import { EntryMaker, put } from "../harness/kv_commands.ts";
import { assert } from "../harness/test.ts";
import { Driver, type StateMachineCase } from "./state_machine_place.ts";

export const versionCases: readonly StateMachineCase[] = [
  {
    name: "what a later version may know is not passed over: the machine ends instead",
    run: (place) => {
      const machine = new KvStateMachine({ tables: place.open() });
      const good = encodeCommand({ wallMs: 0, operation: put("k", "2") });
      // The command's version and flags, a wall time of one byte, the operation's version and kind.
      for (const at of [0, 1, 3, 4]) {
        const entry = new EntryMaker().raw(good.with(at, 128));
        assert.throws(() => machine.apply([entry]), LaterVersionError);
        assert.equal(machine.applied().position.index, 0);
      }
    },
  },
  {
    name: "the data version in use is part of the state, and only ever grows",
    run: (place) => {
      const driver = new Driver(place, { dataVersion: 9 });
      const { inUse } = driver.machine.dataVersions;
      for (const version of [inUse + 2, inUse + 1]) {
        assert.deepEqual(driver.do({ kind: "raiseDataVersion", version }).kind, "nothing");
        assert.equal(driver.machine.dataVersions.inUse, inUse + 2);
      }
      driver.reopen();
      assert.equal(driver.machine.dataVersions.inUse, inUse + 2);
      assert.equal(driver.value("k"), undefined);
    },
  },
  {
    name: "a program that is too old does not go on with the store, nor behind such a command",
    run: (place) => {
      const driver = new Driver(place, { dataVersion: 9 });
      const { inUse } = driver.machine.dataVersions;
      const raise = driver.maker.command({ kind: "raiseDataVersion", version: inUse + 1 });
      driver.apply([raise]);
      driver.machine.close();
      const tables = place.open();
      const said = `The cluster uses data version ${inUse + 1}, this program knows ${inUse}: ` +
        "start a later version of it on this directory";
      assert.throws(() => new KvStateMachine({ tables, dataVersion: inUse }), { message: said });
      tables.close();
      const behind = new KvStateMachine({ tables: new MemoryKvTables(), dataVersion: inUse });
      assert.throws(() => behind.apply([raise]), { message: said });
      assert.equal(behind.applied().position.index, 0);
      assert.equal(behind.dataVersions.inUse, inUse);
    },
  },
];
