/** `dev` in a process of its own, so that a test can kill it: RUNTIME NODE BASE_PORT DATA_DIR. */

import process from "node:process";
import { main } from "../../../../src/cli/main.ts";
import { createRuntime } from "../../../../src/runtime/bun.ts";

const [runtime = "", node = "", basePort = "", dataDir = ""] = process.argv.slice(2);

await main({
  runtime: {
    ...createRuntime(),
    args: ["dev", "--base-port", basePort, "--data-dir", dataDir],
    selfCommand: [runtime, node],
  },
  startServer: () => Promise.reject(new Error("dev starts no server itself")),
  recoverNode: () => Promise.reject(new Error("dev recovers no node")),
  inspectBackup: () => Promise.reject(new Error("dev inspects no backup")),
});
