/** A process that behaves like a node towards test/harness/processes.ts: `start --config FILE`. */

import { readFileSync } from "node:fs";
import process from "node:process";
import { serveStandIn } from "./stand_in_store.ts";

const config = readFileSync(process.argv.at(-1) ?? "", "utf8");
const port = Number(/http_addr: "127\.0\.0\.1:([0-9]+)"/.exec(config)?.[1]);
console.log(`stand-in ${process.pid} starts`);
if (config.includes("fail_at_start")) throw new Error("told to fail");
process.on("SIGTERM", () => process.exit(0));
await serveStandIn({}, port);
