/** Says more to standard error than a pipe holds, then one line to standard output. */

import { processTerminal } from "../../../../src/cli/terminal.ts";

for (let count = 0; count < 300; count++) processTerminal.warn("x".repeat(1_000));
await processTerminal.write("going on\n");
