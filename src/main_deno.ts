/** The program on Deno. */

import { runProgram } from "./cli/program.ts";
import { createRuntime } from "./runtime/deno.ts";

await runProgram(createRuntime());
