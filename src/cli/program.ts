/** The whole program: the command line with the real server behind it. */

import type { Runtime } from "../runtime/mod.ts";
import { main } from "./main.ts";

/**
 * Runs the command line of this process and ends it with the exit code. What a node consists of is
 * loaded by the commands that need it: who asks a node for a key should not wait for a server.
 */
export async function runProgram(runtime: Runtime): Promise<never> {
  const code = await main({
    runtime,
    startServer: async (options) => (await import("../server.ts")).startServer(options),
    recoverNode: async (options) => (await import("../server_recover.ts")).recoverNode(options),
    inspectBackup: async (path) => (await import("../server_backup_file.ts")).inspectBackup(path),
  });
  return runtime.exit(code);
}
