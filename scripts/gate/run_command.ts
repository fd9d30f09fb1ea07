/** Runs one command of the gate to its end, with everything that it printed. */

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";

export interface CommandResult {
  readonly ok: boolean;
  /** Standard output and standard error, as they came. */
  readonly output: string;
}

export interface CommandOptions {
  /** The working directory. */
  readonly root: string;
  readonly limitMs: number;
  /** The place for temporary files; the system's own when absent. */
  readonly temporary?: string;
}

const running = new Set<ChildProcess>();

/**
 * Runs `command` and waits for it, at most `limitMs`; then it is killed with everything that it
 * started, and has failed. Never throws: a command that cannot be started has failed as well.
 */
export function runCommand(
  command: readonly string[],
  options: CommandOptions,
): Promise<CommandResult> {
  const [program, ...args] = command;
  return new Promise((resolve) => {
    const child = spawn(program ?? "", args, {
      cwd: options.root,
      env: plainEnvironment(options),
      stdio: ["ignore", "pipe", "pipe"],
      // A group of its own, so that what the command started ends with it.
      detached: true,
    });
    running.add(child);
    let output = "";
    const add = (chunk: string): void => {
      output += chunk;
    };
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", add);
    const timer = setTimeout(() => {
      add(`\nkilled after ${options.limitMs / 1000} s\n`);
      killGroup(child);
    }, options.limitMs);
    const end = (ok: boolean): void => {
      clearTimeout(timer);
      running.delete(child);
      resolve({ ok, output });
    };
    child.on("error", (error) => {
      add(`cannot run ${program}: ${error.message}\n`);
      end(false);
    });
    child.on("close", (code) => end(code === 0));
  });
}

/** Without what would colour the output or lengthen it by the runtime's own stack. */
function plainEnvironment({ temporary }: CommandOptions): Record<string, string | undefined> {
  const { FORCE_COLOR: _, ...rest } = process.env;
  const place = temporary === undefined ? {} : { TMPDIR: temporary };
  return { ...rest, ...place, NO_COLOR: "1", RUST_BACKTRACE: "0" };
}

/** Kills every command that is running, with what it started. */
export function killAllCommands(): void {
  for (const child of running) killGroup(child);
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    child.kill("SIGKILL");
  }
}

/** The pinned program of `npm run setup`, or the one on the PATH where that was not run. */
export function runtimeProgram(root: string, name: "bun" | "deno"): string {
  const pinned = join(root, "node_modules", ".bin", name);
  return existsSync(pinned) ? pinned : name;
}
