/** Programs of the tests as processes of their own, on either runtime. */

import { spawn } from "node:child_process";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export const runtimeNames = ["bun", "deno"] as const;
export type RuntimeName = (typeof runtimeNames)[number];

const root = new URL("../../", import.meta.url);

export interface RuntimeProcess {
  signal(name: "SIGSTOP" | "SIGCONT" | "SIGKILL"): void;
  /** Resolves with the next line of standard output. */
  line(): Promise<string>;
  /** Kills it and waits until it is gone. */
  stop(): Promise<void>;
}

/** `program` is a path relative to the root of the repository. */
export function startProgram(
  runtime: RuntimeName,
  program: string,
  args: readonly string[] = [],
): RuntimeProcess {
  const binary = fileURLToPath(new URL(`node_modules/.bin/${runtime}`, root));
  const file = fileURLToPath(new URL(program, root));
  const flags = runtime === "deno" ? ["run", "-A", "--no-check"] : ["run"];
  const child = spawn(binary, [...flags, file, ...args], { stdio: ["pipe", "pipe", "inherit"] });
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  // Not child.kill(): on Deno it works once, whatever the signal was.
  const signal = (name: "SIGSTOP" | "SIGCONT" | "SIGKILL"): void => {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      process.kill(child.pid, name);
    }
  };
  return {
    signal,
    line: async () => {
      const next = await lines.next();
      if (next.done === true) throw new Error(`${program} on ${runtime} ended without a line`);
      return next.value;
    },
    stop: async () => {
      signal("SIGKILL");
      await gone;
    },
  };
}
