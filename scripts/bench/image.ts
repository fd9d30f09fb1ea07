/**
 * Measures what an image of a store costs the node that makes it: how long it takes, how long the
 * event loop stands still at most, how far the write-ahead log grows, and how much memory it takes,
 * while keys are written. The store alone is measured, in one process, without a log and clients.
 */

import { mkdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { encodeCommand } from "../../src/kv/command_encoding.ts";
import { kvCommitIntervalMs, KvStateMachine } from "../../src/kv/state_machine.ts";
import { Prng } from "../../src/lib/prng.ts";
import type { SnapshotImage } from "../../src/node/ports.ts";
import { makeEntry } from "../../src/raft/encoding.ts";
import { systemClock } from "../../src/runtime/system_clock.ts";
import { WorkerImages } from "../../src/server_worker.ts";
import { nodeFiles } from "../../src/storage/directory/files.ts";
import { SqliteKvTables } from "../../src/storage/sqlite/kv_tables.ts";
import { put } from "../../test/harness/kv_commands.ts";
import { currentRuntime } from "../../test/harness/runtime.ts";
import { pause } from "../../test/harness/wait.ts";
import { countOption, scriptOptions } from "../script_options.ts";
import { processMemory } from "./process_memory.ts";

const usage = `Usage: scripts/bench/image.ts [--mib 1024] [--writes 2000] [--directory DIR]
  --mib        size of the store
  --writes     puts of random keys a second while the image is made
  --directory  where the store is made and stays, to be used again`;
const ownDirectory = join(tmpdir(), "skein-bench-image");
const given = scriptOptions(usage, {
  mib: "1024",
  writes: "2000",
  directory: ownDirectory,
});
const mib = countOption("--mib", given.mib, usage);
const writesPerSecond = countOption("--writes", given.writes, usage);
const path = join(given.directory, "kv.db");

/** Of a store that keys are written to for a while. */
interface Measured {
  readonly seconds: number;
  /** The longest time that a timer of a millisecond was late. */
  readonly stallMs: number;
  readonly walMib: number;
  readonly memoryMib: number;
}

const valueBytes = 1_000;
const loadEveryMs = 10;
const mebibyte = 1024 * 1024;
const chunkBytes = 256 * 1024;

const { openSqlite, name: runtimeName, spawnWorker } = await currentRuntime();
const work = new WorkerImages({ spawnWorker });

/** The store in a directory, made where there is none. */
function open(directory: string): SqliteKvTables {
  mkdirSync(directory, { recursive: true });
  return new SqliteKvTables({
    ...{ openSqlite, path: join(directory, "kv.db"), clusterId: "bench", firstLogIndex: () => 1 },
    images: {
      ...{ directory: join(directory, "snapshots"), files: nodeFiles, clock: systemClock, work },
      ...{ freeBytes: () => Infinity, spaceLowBytes: 0 },
      onProblem: (what) => console.error(what),
      onFatal: (error) => {
        throw error;
      },
    },
  });
}

const tables = open(given.directory);
const machine = new KvStateMachine({ tables });
const prng = new Prng(machine.revision);
/** Keys of the store, and as many again that are not there yet. */
const keys = Math.ceil(2 * mib * mebibyte / (valueBytes + 200));

function write(count: number): void {
  let { index } = machine.applied().position;
  const entries = Array.from({ length: count }, () => {
    const value = new Uint8Array(valueBytes).fill(prng.below(256));
    const operation = put(`key ${prng.below(keys)}`, value);
    const data = encodeCommand({ wallMs: 1, operation });
    index++;
    return makeEntry({ index, term: 1, kind: "command", timeMs: index, data });
  });
  machine.apply(entries);
}

/** Writes as long as `until` is under way. */
async function underLoad(until: Promise<unknown>): Promise<Measured> {
  const startMs = performance.now();
  const residentBefore = processMemory(process.pid).residentBytes;
  let [stallMs, walBytes, residentBytes] = [0, 0, residentBefore];
  let lastMs = startMs;
  let owed = 0;
  const clocks = [
    setInterval(() => {
      const nowMs = performance.now();
      stallMs = Math.max(stallMs, nowMs - lastMs - 1);
      lastMs = nowMs;
    }, 1),
    setInterval(() => {
      owed += writesPerSecond * loadEveryMs / 1_000;
      write(Math.floor(owed));
      owed %= 1;
    }, loadEveryMs),
    setInterval(() => machine.commit(), kvCommitIntervalMs),
    setInterval(() => {
      walBytes = Math.max(walBytes, statSync(`${path}-wal`).size);
      residentBytes = Math.max(residentBytes, processMemory(process.pid).residentBytes);
    }, 100),
  ];
  await until;
  for (const clock of clocks) clearInterval(clock);
  return {
    seconds: (performance.now() - startMs) / 1_000,
    stallMs,
    walMib: walBytes / mebibyte,
    memoryMib: (residentBytes - residentBefore) / mebibyte,
  };
}

function shown(what: string, measured: Measured): string {
  const { seconds, stallMs, walMib, memoryMib } = measured;
  return `${runtimeName} ${what}: ${seconds.toFixed(1)} s, longest stall ${
    stallMs.toFixed(0)
  } ms, ` +
    `log ${walMib.toFixed(0)} MiB, memory +${memoryMib.toFixed(0)} MiB`;
}

/** Another store takes the image over, as fast as it can be read. */
async function takeOver(image: SnapshotImage): Promise<void> {
  const other = new KvStateMachine({ tables: open(join(given.directory, "other")) });
  const stage = other.stage(image.meta);
  while (stage.offset < image.meta.bytes) {
    const where = { offset: stage.offset, bytesMax: chunkBytes };
    stage.write(await new Promise<Uint8Array>((resolve) => image.read(where, resolve)));
  }
  const outcome = await new Promise((resolve) => stage.finish(resolve));
  const startMs = performance.now();
  other.adopt();
  const tookMs = (performance.now() - startMs).toFixed(0);
  console.log(`The stage is ${outcome}; to adopt it took ${tookMs} ms`);
  other.close();
  rmSync(join(given.directory, "other"), { recursive: true });
}

while (statSync(path).size < mib * mebibyte) {
  write(4_000);
  machine.commit();
}
console.log(`${runtimeName}: a store of ${(statSync(path).size / mebibyte).toFixed(0)} MiB`);
await underLoad(pause(3_000));
console.log(shown("writes alone", await underLoad(pause(10_000))));
const made = new Promise<SnapshotImage | undefined>((resolve) => machine.image(resolve));
console.log(shown("with an image", await underLoad(made)));
const image = await made;
if (image === undefined) throw new Error("The image was given up");
console.log(`An image of ${(image.meta.bytes / mebibyte).toFixed(0)} MiB`);
console.log(shown("taken over by another", await underLoad(takeOver(image))));
machine.close();
work.close();
if (given.directory === ownDirectory) rmSync(ownDirectory, { recursive: true });
