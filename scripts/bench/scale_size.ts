/** Everything that is measured at one size of the store. */

import { type DiskSize } from "./disk_size.ts";
import { growStore, type Growth } from "./growth.ts";
import { type LoadOrder, type Measurement, type Operation, rangeKeys } from "./measurement.ts";
import { type ProcessMemory, processMemory } from "./process_memory.ts";
import { waitUntilQuiet } from "./quiet.ts";
import { runGenerator } from "./run_generator.ts";
import type { Restarts, ScaleCluster } from "./scale_cluster.ts";
import { say, type ScaleOptions } from "./scale_options.ts";
import { keyBytes, valueBytes } from "./workloads.ts";

/** What clients do; they all draw keys uniformly from all that there are. */
export const scaleWorkloads = [
  { id: "get1", title: "GET, 1 client", operation: "linearizableRead", clients: 1 },
  { id: "put1", title: "PUT, 1 client", operation: "write", clients: 1 },
  { id: "get32", title: "GET, 32 clients", operation: "linearizableRead", clients: 32 },
  { id: "range1", title: `range of ${rangeKeys} keys, 1 client`, operation: "range", clients: 1 },
  // The last one: it is what makes the history longest.
  { id: "put32", title: "PUT, 32 clients", operation: "write", clients: 32 },
] as const satisfies readonly {
  readonly id: string;
  readonly title: string;
  readonly operation: Operation;
  readonly clients: number;
}[];

export type ScaleWorkload = (typeof scaleWorkloads)[number];

export interface SizeResult {
  readonly nodes: number;
  readonly keys: number;
  readonly growth: Growth;
  /** Undefined: it was not quiet in time. */
  readonly quietAfterSeconds: number | undefined;
  /** Of one node, once the grown store is quiet. */
  readonly disk: DiskSize;
  /** Of the leader: once the grown store is quiet, after the work, after the last start. */
  readonly memory: {
    readonly grown: ProcessMemory;
    readonly worked: ProcessMemory;
    readonly restarted: ProcessMemory;
  };
  readonly work: readonly { readonly id: ScaleWorkload["id"]; readonly measurement: Measurement }[];
  readonly restarts: Restarts;
}

/** So many different calls are made ready: more than a store keeps pages of in its cache. */
const callsReady = 262_144;
const rangeCallsReady = 4_096;
const leadInMs = 1_000;

/** Grows the store from `from` keys to `keys`, works on it, and starts it again. */
export async function measureSize(
  cluster: ScaleCluster,
  options: ScaleOptions,
  size: { readonly nodes: number; readonly from: number; readonly keys: number },
): Promise<SizeResult> {
  const { nodes, from, keys } = size;
  const { rest, pid } = await cluster.leader();
  const order = { target: rest, from, to: keys, seed: 1, serverPids: cluster.pids };
  const growth = await growStore(order);
  say(`${nodes} nodes, ${keys} keys: ${Math.round(growth.keys / growth.seconds)} keys/s put`);
  const quietAfterSeconds = await waitUntilQuiet(cluster.pids, options.quietSeconds);
  const grown = processMemory(pid);
  const disk = cluster.diskSize();
  say(`quiet after ${quietAfterSeconds} s; ${mib(grown.residentBytes)} MiB resident`);
  await warmUp(cluster, keys, options.warmupSeconds);
  const work: SizeResult["work"][number][] = [];
  for (const workload of scaleWorkloads) {
    const seconds = { warmupMs: leadInMs, measureMs: options.seconds * 1_000 };
    const measurement = await load(cluster, { workload, keys, ...seconds });
    work.push({ id: workload.id, measurement });
    const { p50Us, p99Us } = measurement.latency;
    say(`${workload.title}: median ${Math.round(p50Us)} µs, p99 ${Math.round(p99Us)} µs`);
  }
  const worked = processMemory(pid);
  const restarts = await cluster.restarts();
  say(
    `started after kill -9 in ${Math.round(restarts.afterKillMs)} ms, ` +
      `after a clean stop (${Math.round(restarts.stopMs)} ms) in ` +
      `${Math.round(restarts.afterStopMs)} ms`,
  );
  await waitUntilQuiet(cluster.pids, options.quietSeconds);
  const restarted = processMemory((await cluster.leader()).pid);
  const memory = { grown, worked, restarted };
  return { nodes, keys, growth, quietAfterSeconds, disk, memory, work, restarts };
}

/** Half of the time reads, half of it writes, by one client: many would make a long history. */
async function warmUp(cluster: ScaleCluster, keys: number, seconds: number): Promise<void> {
  for (const workload of [scaleWorkloads[0], scaleWorkloads[1]]) {
    if (seconds > 0) {
      await load(cluster, { workload, keys, warmupMs: 0, measureMs: seconds * 500 });
    }
  }
}

async function load(
  cluster: ScaleCluster,
  { workload, keys, warmupMs, measureMs }:
    & Pick<LoadOrder, "keys" | "warmupMs" | "measureMs">
    & { readonly workload: ScaleWorkload },
): Promise<Measurement> {
  const { operation, clients } = workload;
  const isRange = operation === "range";
  const measurement = await runGenerator({
    ...{ system: "skein", surface: "rest", operation, connections: clients, clients },
    targets: [(await cluster.leader()).rest],
    keys: isRange ? rangeCallsReady : callsReady,
    drawnFrom: isRange ? keys - rangeKeys : keys,
    ...{ keyBytes, valueBytes, warmupMs, measureMs },
    // Another one each time, so that nobody meets the pages of the measurement before.
    seed: Math.floor(Math.random() * 2 ** 31),
    serverPids: cluster.pids,
  });
  const { errors, firstError } = measurement;
  if (errors > 0) say(`${errors} errors, first: ${firstError}`);
  return measurement;
}

function mib(bytes: number): number {
  return Math.round(bytes / 2 ** 20);
}
