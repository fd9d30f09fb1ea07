/** The program on Bun. */

import { runProgram } from "./cli/program.ts";
import { createRuntime } from "./runtime/bun.ts";

await runProgram(createRuntime());
