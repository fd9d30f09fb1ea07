/** Opens the data directory that it is given, says so, and holds it until it is killed. */

import process from "node:process";
import { openDataDirectory } from "../../../../src/storage/directory/data_directory.ts";
import { ManualClock } from "../../../harness/manual_clock.ts";
import { currentRuntime } from "../../../harness/runtime.ts";

const runtime = await currentRuntime();
try {
  openDataDirectory({
    path: process.argv.at(-1) ?? "",
    engine: "sqlite",
    openSqlite: runtime.openSqlite,
    clock: new ManualClock(),
    onFatal: (error) => console.error(error),
    expected: {},
    reserveBytes: 1000,
  });
  console.log("held");
  process.stdin.resume();
} catch (error) {
  console.log(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
