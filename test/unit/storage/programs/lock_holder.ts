/** Opens the data directory that it is given, says so, and holds it until it is killed. */

import process from "node:process";
import { openDataDirectory } from "../../../../src/storage/directory/data_directory.ts";
import { ManualClock } from "../../../harness/manual_clock.ts";
import { currentRuntime } from "../../../harness/runtime.ts";

/** The directory is not referred to any more: it must not matter that it is collected. */
async function collectGarbage(): Promise<void> {
  for (let round = 0; round < 20; round++) {
    const garbage = Array.from({ length: 50 }, () => new Array(20_000).fill({ round }));
    await new Promise((resolve) => setTimeout(resolve, garbage.length > 0 ? 1 : 0));
  }
}

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
  await collectGarbage();
  console.log("held");
  process.stdin.resume();
} catch (error) {
  console.log(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
