/**
 * Applies operations of one seed to the store in argument 1 until it is killed. With each commit it
 * compacts a little, and prints the index that it has come to. Every tenth commit is a durable one.
 */

import { dirname } from "node:path";
import process from "node:process";
import { KvStateMachine } from "../../../src/kv/state_machine.ts";
import { SqliteKvTables } from "../../../src/storage/sqlite/kv_tables.ts";
import { EntryMaker } from "../../harness/kv_commands.ts";
import { imagesIn } from "../../harness/kv_images.ts";
import { RandomKv } from "../../harness/random_kv.ts";
import { randomPage } from "../../harness/random_page.ts";
import { currentRuntime } from "../../harness/runtime.ts";

const [path, clusterId, seed] = process.argv.slice(2);
if (path === undefined || clusterId === undefined) throw new Error("kv_writer PATH CLUSTER SEED");

const { openSqlite } = await currentRuntime();
const machine = new KvStateMachine({
  tables: new SqliteKvTables({
    ...{ openSqlite, path, clusterId, firstLogIndex: () => 1 },
    images: imagesIn(dirname(path)),
  }),
});
const source = { random: new RandomKv(Number(seed)), maker: new EntryMaker() };

for (let commits = 1;; commits++) {
  for (let pages = 0; pages < 3; pages++) machine.apply(randomPage(machine, source));
  machine.purge(commits % 20);
  if (commits % 10 === 0) machine.makeDurable(() => {});
  else machine.commit();
  process.stdout.write(`${machine.applied().position.index}\n`);
  await new Promise((resolve) => setImmediate(resolve));
}
