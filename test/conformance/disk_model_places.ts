/**
 * Real engines that end in the middle of a script: in a process that is killed, or on files that
 * keep what was synced. Both leave a place where the script can go on.
 */

import { join } from "node:path";
import { assert } from "../harness/test.ts";
import { runToEnd } from "../harness/child.ts";
import { ManualClock } from "../harness/manual_clock.ts";
import { SimulatedFiles } from "../harness/simulated_files.ts";
import { Prng } from "../../src/lib/prng.ts";
import type { StorageEngine } from "../../src/node/ports.ts";
import { type Files, nodeFiles } from "../../src/storage/directory/files.ts";
import { IdentityFile } from "../../src/storage/directory/identity_file.ts";
import { type FilesHooks, hookedFiles } from "./disk_model_files.ts";
import { type Moment, momentOf, runScript, type ScriptPlace } from "./disk_model_run.ts";
import type { DiskScript } from "./disk_model_scripts.ts";
import { openFileEngine, openSqliteEngine } from "./storage_engine_places.ts";

export type Backend = "sqlite" | "file";

/** What was left when a script ended early. */
export interface Crashed {
  readonly moment: Moment;
  /** The script was over before it. */
  readonly isOver: boolean;
  readonly place: ScriptPlace;
  /** Takes what is not durable by now; undefined where nothing can or may be taken. */
  readonly crashAgain: (() => void) | undefined;
}

export interface KillOptions {
  /** The command that runs programs/storage_kill.ts. */
  readonly command: readonly string[];
  readonly backend: Backend;
  readonly script: DiskScript;
  /** An empty directory. */
  readonly directory: string;
  /** The number of the operation before which the process is killed, from 0 on. */
  readonly at: number;
  /** Where the count begins: before the engine is made, or with the first step. */
  readonly from: "start" | "opened";
}

/** Runs a script in a process that is killed before one operation. */
export async function killed(options: KillOptions): Promise<Crashed> {
  const { command, backend, script, directory, at, from } = options;
  const args = [backend, directory, String(at), script.name, from];
  const { stdout, stderr, signal } = await runToEnd([...command, ...args]);
  const isOver = stdout.endsWith("over\n");
  assert.ok(isOver || signal === "SIGKILL", `ended by ${signal}: ${stderr}`);
  const moment = momentOf(stdout.split("\n"));
  const place = placeOf({ files: nodeFiles, directory, backend });
  return { moment, isOver, place, crashAgain: undefined };
}

/** What ends a script on simulated files. */
export interface Fault {
  /** "end": the process or the machine ends before an operation. "EIO": a sync fails. */
  readonly kind: "end" | "EIO";
  /** The number of the operation, or of the sync, from 0 on. */
  readonly at: number;
  /**
   * What the next process finds: all that was written, as when only the process died; what was
   * synced, as after a power cut; or that, and what a seed draws of the rest.
   */
  readonly survives: "written" | "synced" | number;
}

/** Runs a script on the file engine until the fault comes. */
export function brokenOff(script: DiskScript, { kind, at, survives }: Fault): Crashed {
  const disk = new SimulatedFiles();
  const lines: string[] = [];
  const state = { count: 0, isFull: false };
  const operation: FilesHooks["operation"] = (name) => {
    if (kind === "EIO" && !name.startsWith("sync")) return;
    if (state.count++ >= at) throw Object.assign(new Error(`${kind} at ${name}`), { code: "EIO" });
  };
  const files = hookedFiles(disk, { operation, isFull: () => state.isFull });
  const place: ScriptPlace = {
    ...placeOf({ files, directory: "/data", backend: "file" }),
    setFull: (isFull) => state.isFull = isFull,
    say: (line) => {
      // Durable, and nobody knows it yet.
      if (line.startsWith("done")) operation("close");
      lines.push(line);
    },
  };
  try {
    runScript(script, place);
  } catch (error) {
    // The engine has told it in words of its own.
    if (state.count <= at) throw error;
  }
  cutPower(disk, survives);
  return {
    moment: momentOf(lines),
    isOver: lines.at(-1) === "over",
    place: placeOf({ files: disk, directory: "/data", backend: "file" }),
    // What is found is durable, also what a killed process had written and not synced.
    crashAgain: () => disk.cutPower(),
  };
}

function cutPower(disk: SimulatedFiles, survives: Fault["survives"]): void {
  if (survives === "synced") disk.cutPower();
  if (typeof survives === "number") disk.cutPower(new Prng(survives));
}

/** A place that nothing befalls. */
function placeOf(
  of: { readonly files: Files; readonly directory: string; readonly backend: Backend },
): ScriptPlace {
  const { files, directory, backend } = of;
  let clock = new ManualClock();
  const open = (): StorageEngine =>
    backend === "sqlite"
      ? openSqliteEngine(directory, clock)
      : openFileEngine(directory, clock, files);
  return {
    open: () => {
      clock = new ManualClock();
      return {
        storage: open(),
        identity: new IdentityFile(files, join(directory, "identity.json")),
      };
    },
    tick: () => clock.tick(),
    setFull: () => {},
    say: () => {},
  };
}
