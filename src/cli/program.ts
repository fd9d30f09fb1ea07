/** The whole program: the command line with the real server behind it. */

import type { Runtime } from "../runtime/mod.ts";
import { startServer } from "../server.ts";
import { inspectBackup } from "../server_backup_file.ts";
import { recoverNode } from "../server_recover.ts";
import { main } from "./main.ts";

/** Runs the command line of this process and ends it with the exit code. */
export async function runProgram(runtime: Runtime): Promise<never> {
  return runtime.exit(await main({ runtime, startServer, recoverNode, inspectBackup }));
}
