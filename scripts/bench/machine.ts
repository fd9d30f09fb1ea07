/** Where a run was made: without it the figures say little. */

import { execFileSync } from "node:child_process";
import { cpus, loadavg, totalmem } from "node:os";
import { measureSync, type SyncTimes } from "../../src/runtime/sync_probe.ts";
import { root } from "./run_generator.ts";

export interface Machine {
  /** With a plus sign behind it when the tree holds changes. */
  readonly commit: string;
  readonly date: string;
  readonly processor: string;
  readonly cores: number;
  readonly memoryGib: number;
  /** Of the last minute: work that is not ours. */
  readonly load: number;
  /** An append with fdatasync, in the folder of the data. */
  readonly sync: SyncTimes;
}

export function lookAtMachine(folder: string): Machine {
  const processors = cpus();
  return {
    commit: commitOfTree(),
    date: new Date().toISOString().slice(0, 10),
    processor: processors[0]?.model ?? "unknown processor",
    cores: processors.length,
    memoryGib: Math.round(totalmem() / 2 ** 30),
    load: loadavg()[0] ?? 0,
    sync: measureSync({ folder, rounds: 200 }),
  };
}

function commitOfTree(): string {
  try {
    const git = (...args: readonly string[]): string =>
      execFileSync("git", args, {
        cwd: root,
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      })
        .trim();
    const changed = git("status", "--porcelain", "--untracked-files=no", "--", "src", "routes");
    return git("rev-parse", "--short", "HEAD") + (changed === "" ? "" : "+");
  } catch {
    return "unknown";
  }
}

/** More than this, and the figures tell of the other work as well. */
const quietLoadMax = 0.3;

export function machineLines(machine: Machine): readonly string[] {
  const { commit, date, processor, cores, memoryGib, load, sync } = machine;
  const busy = load > quietLoadMax
    ? [`The machine is not quiet: its load is ${load.toFixed(1)}. Compare ratios only`]
    : [];
  return [
    `Commit ${commit}, ${date}; ${cores} cores (${processor}), ${memoryGib} GiB`,
    `An append with fdatasync takes ${sync.medianMs.toFixed(2)} ms in the median here, ` +
    `${sync.slowestMs.toFixed(1)} ms at the slowest of 200`,
    ...busy,
  ];
}
