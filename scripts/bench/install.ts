/**
 * Measures what it costs a cluster to bring a follower back by an image of a large store: the
 * latency of writes, how long the leader's event loop stands still, its write-ahead logs and its
 * memory, beside the same cluster without a transfer. Then once more, and in the middle the
 * follower is killed, and has to go on where it was.
 */

import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { constants, setPriority } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  type Build,
  buildCommand,
  type NodeProcess,
  type ProcessCluster,
  withCluster,
} from "../../test/harness/processes.ts";
import { pause, until } from "../../test/harness/wait.ts";
import { memoryFolder } from "../memory_folder.ts";
import { countOption, refuse, scriptOptions } from "../script_options.ts";
import { longestLoopDelay } from "./loop_delay.ts";
import { processMemory } from "./process_memory.ts";
import { processorUs } from "./processor_time.ts";

const usage = `Usage: scripts/bench/install.ts [--mib 1024] [--writes 100] [--build bun]
  --mib      size of the store
  --writes   of 100 bytes a second, by eight clients, while it is measured
  --build    what the nodes run on: bun or deno
  --seconds  of writes alone, before
  --rate     snapshot.bytes_per_second_max, MiB a second; 0: what is the default
  --follower that gets images: apart, its files in memory and its process behind all others, as if
             it had a machine of its own; or beside, on the one disk and the processors of all`;
const given = scriptOptions(usage, {
  mib: "1024",
  writes: "100",
  build: "bun",
  seconds: "30",
  rate: "0",
  follower: "apart",
});
const mib = countOption("--mib", given.mib, usage);
const writesPerSecond = countOption("--writes", given.writes, usage);
const aloneSeconds = countOption("--seconds", given.seconds, usage);

const isApart = given.follower === "apart";
/** The log reaches back a little, so that an absence of seconds needs an image. */
const rate = given.rate === "0"
  ? ""
  : `, bytes_per_second_max: ${Number(given.rate) * 1024 * 1024}`;
const config = "snapshot: { log_entries_max: 1000, retained_entries_max: 200, " +
  `cool_down_ms: 1000, held_bytes_max: 0${rate} }\n` +
  // Its first pass would fall into one of the parts that are compared, and not into the others.
  "storage: { scrub_bytes_per_second_max: 0 }";
const clients = 8;
const valueBytes = 4_096;
const valuesAtOnce = 256;
const mebibyte = 1024 * 1024;
const waitMs = 600_000;
const preload = fileURLToPath(new URL("./loop_delay_preload.ts", import.meta.url));

function measuredCommand(build: Build): readonly string[] {
  const command = buildCommand(build);
  const program = command.length - 1;
  const flags = build === "bun" ? ["--preload", preload] : [`--preload=${preload}`];
  return [...command.slice(0, program), ...flags, ...command.slice(program)];
}

/** Until the store has so many MiB. */
async function fill({ url, dataDir }: NodeProcess): Promise<void> {
  const value = "x".repeat(valueBytes);
  for (let batch = 0; sizeOf(dataDir, "kv.db") < mib * mebibyte; batch++) {
    const items = Array.from(
      { length: valuesAtOnce },
      (_, at) => ({ put: { key: `filled/${batch}/${at}`, value } }),
    );
    const headers = { "Content-Type": "application/json" };
    const body = JSON.stringify(items);
    const answer = await fetch(`${url}/v1/batch?timeout=60s`, { method: "POST", headers, body });
    const said = await answer.text();
    if (!answer.ok) throw new Error(`A batch: ${answer.status} ${said}`);
  }
}

async function haveCaughtUp({ url }: NodeProcess): Promise<boolean> {
  const answer = await fetch(`${url}/v1/cluster`);
  const { members }: { members: readonly { match: number | null }[] } = await answer.json();
  const matches = members.map(({ match }) => match ?? 0);
  return Math.min(...matches) === Math.max(...matches);
}

/** Clients that write at a constant rate, and how long each write took. */
class Writers {
  #isOver = false;
  latencies: number[] = [];
  readonly #url: string;
  readonly #running: Promise<unknown>;

  constructor(url: string) {
    this.#url = url;
    this.#running = Promise.all(Array.from({ length: clients }, (_, at) => this.#write(at)));
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#running;
  }

  /** A write that comes late because the one before it was slow counts from when it was due. */
  async #write(client: number): Promise<void> {
    const everyMs = 1_000 * clients / writesPerSecond;
    let dueMs = performance.now() + everyMs * Math.random();
    for (let count = 0; !this.#isOver; count++, dueMs += everyMs) {
      await pause(Math.max(0, dueMs - performance.now()));
      const url = `${this.#url}/v1/kv/written-${client}-${count % 1_000}`;
      const answer = await fetch(url, { method: "PUT", body: "y".repeat(100) });
      const said = await answer.text();
      if (!answer.ok) throw new Error(`A write: ${answer.status} ${said}`);
      this.latencies.push(performance.now() - dueMs);
    }
  }
}

/** What a while has cost the leader. */
async function measured<T>(
  { leader, writers }: { readonly leader: NodeProcess; readonly writers: Writers },
  what: string,
  run: () => Promise<T>,
): Promise<T> {
  const pid = leader.pid ?? 0;
  const residentBefore = processMemory(pid).residentBytes;
  let [residentMax, raftWal, kvWal] = [residentBefore, 0, 0];
  writers.latencies = [];
  const processorBefore = processorUs([pid]) ?? 0;
  const startMs = Date.now();
  const clock = setInterval(() => {
    residentMax = Math.max(residentMax, processMemory(pid).residentBytes);
    raftWal = Math.max(raftWal, sizeOf(leader.dataDir, "raft.db-wal"));
    kvWal = Math.max(kvWal, sizeOf(leader.dataDir, "kv.db-wal"));
  }, 50);
  const result = await run();
  clearInterval(clock);
  const ms = Date.now() - startMs;
  const processor = ((processorUs([pid]) ?? 0) - processorBefore) / (10 * ms);
  const sorted = writers.latencies.toSorted((a, b) => a - b);
  const at = (part: number): string => (sorted[Math.floor(part * sorted.length)] ?? 0).toFixed(1);
  console.log(
    `${what}: ${(ms / 1_000).toFixed(1)} s, ${sorted.length} writes, ` +
      `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${sorted.at(-1)?.toFixed(0)} ms; leader: loop ` +
      `late by ${longestLoopDelay(pid, startMs).toFixed(0)} ms at most, processor ${
        processor.toFixed(0)
      } %, WAL of raft.db ` +
      `${inMib(raftWal)}, of kv.db ${inMib(kvWal)}, memory +${inMib(residentMax - residentBefore)}`,
  );
  return result;
}

function inMib(bytes: number): string {
  return `${(bytes / mebibyte).toFixed(0)} MiB`;
}

function sizeOf(folder: string, name: string): number {
  return statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0;
}

/** What of an image lies beside the store. */
function stageBytes({ dataDir }: NodeProcess): number {
  const folder = join(dataDir, "snapshots");
  const names = statSync(folder, { throwIfNoEntry: false }) === undefined
    ? []
    : readdirSync(folder);
  return Math.max(
    0,
    ...names.filter((name) => name.startsWith("stage.part")).map((name) => sizeOf(folder, name)),
  );
}

/** How often the node has taken an image. */
function installs({ logPath }: NodeProcess): number {
  return readFileSync(logPath, "utf8").split("The store is an image of the leader's now").length -
    1;
}

/** The follower that gets images. Its threads take over the priority of its first one. */
function start(node: NodeProcess): void {
  node.start();
  if (isApart && node.pid !== undefined) setPriority(node.pid, constants.priority.PRIORITY_LOW);
}

/** Its files from now on: in a folder in memory, which is returned. */
async function moveToMemory(node: NodeProcess, memory: string): Promise<string> {
  await node.kill();
  const folder = mkdtempSync(join(memory, "skein-install-"));
  cpSync(node.dataDir, folder, { recursive: true });
  rmSync(node.dataDir, { recursive: true });
  symlinkSync(folder, node.dataDir);
  start(node);
  await node.ready();
  return folder;
}

/** Away for so many writes that the log does not reach back far enough. */
async function leave(node: NodeProcess, writers: Writers, writes = 2_000): Promise<void> {
  await node.kill();
  const before = writers.latencies.length;
  await until(() => writers.latencies.length > before + writes, {
    what: "writes",
    withinMs: waitMs,
  });
}

/** Its leader makes an image for it, which begins to come. */
async function ask(node: NodeProcess): Promise<void> {
  start(node);
  const comes = (): boolean => stageBytes(node) > 0;
  await until(comes, { what: "an image", withinMs: waitMs, everyMs: 20 });
}

async function receive(node: NodeProcess): Promise<void> {
  const before = installs(node);
  const isInstalled = (): boolean => installs(node) > before;
  await until(isInstalled, { what: "the image to be installed", withinMs: waitMs, everyMs: 20 });
}

/** Half of the image comes, the node is killed, and what it has is there at its next start. */
async function receiveInterrupted(node: NodeProcess): Promise<number> {
  const before = installs(node);
  start(node);
  const half = mib * mebibyte / 2;
  const hasHalf = (): boolean => stageBytes(node) > half;
  await until(hasHalf, { what: "half of the image", withinMs: waitMs, everyMs: 20 });
  await node.kill();
  const kept = stageBytes(node);
  start(node);
  let lowest = kept;
  await until(() => {
    const bytes = stageBytes(node);
    // When it is whole it has another name.
    if (bytes > 0) lowest = Math.min(lowest, bytes);
    return installs(node) > before;
  }, { what: "the image to be installed", withinMs: waitMs, everyMs: 20 });
  if (lowest < kept) throw new Error(`Of ${kept} bytes only ${lowest} were kept`);
  return kept;
}

async function run(cluster: ProcessCluster): Promise<void> {
  await cluster.start();
  const leader = await cluster.leader();
  await fill(leader);
  // Else the log would be compacted before one of them, and two would need an image at a time.
  await until(() => haveCaughtUp(leader), { what: "all members to catch up", withinMs: waitMs });
  console.log(`${given.build}: a store of ${inMib(sizeOf(leader.dataDir, "kv.db"))}`);
  const node = cluster.nodes.find((each) => each !== leader)!;
  const memory = isApart ? memoryFolder() : undefined;
  if (memory === undefined) console.log("all nodes share the disk");
  const folder = memory && await moveToMemory(node, memory);
  try {
    await runAt(cluster, leader, node);
  } finally {
    await cluster.kill();
    if (folder !== undefined) rmSync(folder, { recursive: true });
  }
}

async function runAt(
  cluster: ProcessCluster,
  leader: NodeProcess,
  node: NodeProcess,
): Promise<void> {
  const writers = new Writers(leader.url);
  // So that what is warm is warm, and the writes of the filling have come to rest.
  await pause(10_000);
  const parts = { leader, writers };
  await measured(parts, "writes alone", () => pause(aloneSeconds * 1_000));
  await measured(parts, "a follower is away", () => leave(node, writers));
  await measured(parts, "an image is made for it", () => ask(node));
  await measured(parts, "it gets the image", () => receive(node));
  // An image, and the log behind it, are kept for a minute for whoever may come back to them.
  await leave(node, writers, 65 * writesPerSecond);
  const kept = await measured(
    parts,
    "it gets another, and is killed in the middle",
    () => receiveInterrupted(node),
  );
  console.log(`killed at ${inMib(kept)}, it went on from there`);
  await writers.stop();
  if (await cluster.leader() !== leader) throw new Error("Another node leads now");
}

const { build } = given;
if (given.follower !== "apart" && given.follower !== "beside") {
  refuse(`--follower is "${given.follower}"; allowed are apart, beside`, usage);
}
if (build === "bun" || build === "deno") {
  await withCluster({ builds: [build, build, build], config, command: measuredCommand }, run);
} else {
  refuse(`--build is "${build}"; allowed are bun, deno`, usage);
}
