/** Runs the generator in a process of its own. */

import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runtimeProgram } from "../gate/run_command.ts";
import type { LoadOrder, Measurement } from "./measurement.ts";

export const root: string = fileURLToPath(new URL("../../", import.meta.url));

/** Always under Bun, whatever the servers run on, so that the load is the same for all of them. */
export function runGenerator(order: LoadOrder): Promise<Measurement> {
  const program = runtimeProgram(root, "bun");
  const args = [join(root, "scripts/bench/generator.ts"), JSON.stringify(order)];
  const timeout = order.warmupMs + order.measureMs + 30_000;
  return new Promise((resolve, reject) => {
    execFile(program, args, { cwd: root, timeout }, (error, stdout, stderr) => {
      if (error !== null) {
        return reject(new Error(`The generator failed: ${stderr || error.message}`));
      }
      const measurement: Measurement = JSON.parse(stdout);
      const { latency, errors } = measurement;
      if (latency.count + errors > 0) resolve(measurement);
      else reject(new Error(`No call was answered: ${args[1]}`));
    });
  });
}
