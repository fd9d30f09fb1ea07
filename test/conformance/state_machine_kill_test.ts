/** ungraceful_shutdown_recovery, with a real process and a real kill -9. */

import { spawn } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { KvStateMachine } from "../../src/kv/state_machine.ts";
import { MemoryKvTables } from "../../src/storage/memory/kv_tables.ts";
import { EntryMaker, range } from "../harness/kv_commands.ts";
import { assertIntact } from "../harness/kv_invariants.ts";
import { RandomKv } from "../harness/random_kv.ts";
import { randomPage } from "../harness/random_page.ts";
import { makeTempDir } from "../harness/temp_dir.ts";
import { assert, describe, it } from "../harness/test.ts";
import { clusterId, openSqliteTables, runtime } from "./state_machine_places.ts";

const program = fileURLToPath(new URL("./programs/kv_writer.ts", import.meta.url));
const seed = 5;

/** Kills the writer once it has come past `index`; resolves with the last index that it told. */
function writeAndKill(directory: string, index: number): Promise<number> {
  const flags = runtime.name === "deno" ? ["run", "-A", "--no-check"] : [];
  const args = [...flags, program, join(directory, "kv.db"), clusterId, `${seed}`];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
  let [text, complaint] = ["", ""];
  child.stderr.on("data", (chunk) => complaint += String(chunk));
  child.stdout.on("data", (chunk) => {
    text += String(chunk);
    if (lastLine(text) >= index) child.kill("SIGKILL");
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (_code, signal) => {
      if (signal === "SIGKILL") resolve(lastLine(text));
      else reject(new Error(`The writer ended by itself: ${complaint}`));
    });
  });
}

/** The number on the last whole line. */
function lastLine(text: string): number {
  return Number(text.split("\n").at(-2) ?? 0);
}

/** The state that the first `count` entries of the writer give. */
function stateAfter(count: number): unknown {
  const machine = new KvStateMachine({ tables: new MemoryKvTables() });
  const source = { random: new RandomKv(seed), maker: new EntryMaker() };
  while (source.maker.lastIndex < count) machine.apply(randomPage(machine, source));
  return describeState(machine);
}

function describeState(machine: KvStateMachine): unknown {
  const half = Math.ceil(machine.revision / 2);
  return [machine.status(), machine.read(range()), machine.read(range({ revision: half }))];
}

describe(`state machine: sqlite on ${runtime.name}, killed`, () => {
  for (const index of [1, 400, 2_500]) {
    it(`ungraceful_shutdown_recovery after ${index} entries`, async () => {
      using temp = makeTempDir("kv-kill");
      const told = await writeAndKill(temp.path, index);
      const tables = openSqliteTables(temp.path);
      assertIntact(tables);
      const machine = new KvStateMachine({ tables });
      const applied = machine.applied().position.index;
      // Nothing that was committed is missing, and nothing is there but whole commits.
      assert.ok(applied >= told, `applied is ${applied}, the writer had committed ${told}`);
      assert.equal(applied % 21, 0);
      assert.deepEqual(describeState(machine), stateAfter(applied));
      machine.close();
    });
  }
});
