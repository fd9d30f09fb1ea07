/** Test programs in processes of their own, on the runtime that the tests run on. */

import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";

/** The command that runs a TypeScript file here: executable first. */
export function scriptCommand(script: string): readonly string[] {
  const isDeno = "Deno" in globalThis;
  const flags = isDeno ? ["run", "-A", "--no-check", "--quiet"] : [];
  return [process.execPath, ...flags, script];
}

export interface ChildResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number | null;
  readonly signal: string | null;
}

/** Runs a command to its end. */
export function runToEnd(command: readonly string[]): Promise<ChildResult> {
  const child = start(command);
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      resolve({ stdout: stdout(), stderr: stderr(), code, signal });
    });
  });
}

/** Starts a command whose output is read while it runs. */
export function start(command: readonly string[]): ChildProcess {
  const [executable, ...args] = command;
  return spawn(executable!, args, { stdio: ["pipe", "pipe", "pipe"] });
}

function collect(stream: ChildProcess["stdout"]): () => string {
  let text = "";
  stream?.setEncoding("utf8").on("data", (chunk: string) => text += chunk);
  return () => text;
}
