/**
 * The benchmark: a cluster of three nodes of this program and one of etcd, both fresh and on this
 * machine, measured in turn by the same generator (docs/BENCHMARKS.md says what the figures mean).
 *
 *     bun scripts/bench/bench.ts --help
 */

import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { type Ceiling, measureCeilings } from "./ceiling.ts";
import type { Cluster } from "./cluster.ts";
import { findEtcd, startEtcd } from "./etcd_cluster.ts";
import { lookAtMachine, type Machine, machineLines } from "./machine.ts";
import type { Measurement, Surface } from "./measurement.ts";
import { type BenchOptions, BenchUsageError, parseOptions, usage } from "./options.ts";
import { errorLines, type Row, surfaceTable } from "./report.ts";
import { runGenerator } from "./run_generator.ts";
import { startSkein } from "./skein_cluster.ts";
import { opsPerSecond } from "./statistics.ts";
import { keyBytes, valueBytes, type Workload } from "./workloads.ts";

/** One measurement with its place in the run. */
interface Taken {
  readonly round: number;
  readonly surface: Surface;
  readonly workload: Workload;
  readonly system: Cluster["facts"]["name"];
  readonly measurement: Measurement;
}

const seed = 1;

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2));
  if (options === undefined) return console.log(usage);
  const folder = makeFolder(options.dir);
  const clusters: Cluster[] = [];
  try {
    const machine = lookAtMachine(folder);
    for (const line of machineLines(machine)) console.log(line);
    const ceilings = await measureCeilings(options.surfaces, { folder, seconds: 2 });
    tellCeilings(ceilings);
    await startClusters(options, folder, clusters);
    const taken = await takeRounds(options, clusters);
    tell(options, taken);
    if (options.json !== undefined) {
      writeJson(options.json, { machine, options, clusters, ceilings, taken });
    }
  } finally {
    await Promise.all(clusters.map((cluster) => cluster.end()));
  }
}

const tmpfsMagic = 0x01021994;

/** In memory there is no fsync to wait for: figures from there would be of something else. */
function makeFolder(dir: string | undefined): string {
  const parent = dir ?? tmpdir();
  mkdirSync(parent, { recursive: true });
  if (statfsSync(parent).type === tmpfsMagic) {
    throw new BenchUsageError(`${parent} is in memory (tmpfs); name a folder on a disk by --dir`);
  }
  const folder = mkdtempSync(join(parent, "skein-bench-"));
  // Also when the run is interrupted; by then the servers are killed.
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function startClusters(
  options: BenchOptions,
  folder: string,
  clusters: Cluster[],
): Promise<void> {
  const { runtime, engine, profile: profileFolder, keys } = options;
  if (profileFolder !== undefined) mkdirSync(profileFolder, { recursive: true });
  const skein = { runtime, engine, folder: join(folder, "skein"), profileFolder };
  clusters.push(await startSkein(skein));
  const etcd = options.etcd === false ? undefined : options.etcd ?? findEtcd();
  if (etcd !== undefined) clusters.push(await startEtcd(etcd, join(folder, "etcd")));
  for (const cluster of clusters) {
    await alone(cluster, clusters, () => cluster.fill({ keys, keyBytes, valueBytes, seed }));
  }
  console.log(`Measuring ${clusters.map(({ facts }) => facts.version).join(" and ")}`);
  if (etcd !== undefined) return;
  const why = options.etcd === false ? "--no-etcd" : "no etcd on the PATH, and no --etcd";
  console.log(`Comparison with etcd skipped: ${why}`);
}

/** Runs `work` while every other cluster is frozen. */
async function alone<T>(
  cluster: Cluster,
  all: readonly Cluster[],
  work: () => Promise<T>,
): Promise<T> {
  for (const other of all) if (other !== cluster) other.freeze();
  cluster.thaw();
  try {
    return await work();
  } finally {
    for (const other of all) other.thaw();
  }
}

async function takeRounds(
  options: BenchOptions,
  clusters: readonly Cluster[],
): Promise<readonly Taken[]> {
  const taken: Taken[] = [];
  for (let round = 1; round <= options.rounds; round++) {
    // Whoever is second may profit, or suffer, from what the first left behind: they take turns.
    const inTurn = round % 2 === 1 ? clusters : clusters.toReversed();
    for (const surface of options.surfaces) {
      for (const workload of options.workloads) {
        for (const cluster of inTurn) {
          const measurement = await alone(
            cluster,
            clusters,
            async () => await measure(options, { cluster, surface, workload, seed: seed + round }),
          );
          const system = cluster.facts.name;
          taken.push({ round, surface, workload, system, measurement });
          console.log(progressLine(taken.at(-1)!, options.rounds));
        }
      }
    }
  }
  return taken;
}

async function measure(options: BenchOptions, one: {
  readonly cluster: Cluster;
  readonly surface: Surface;
  readonly workload: Workload;
  readonly seed: number;
}): Promise<Measurement> {
  const { cluster, surface, workload } = one;
  const { operation, connections, clients } = workload;
  return await runGenerator({
    ...{ surface, operation, connections, clients, keyBytes, valueBytes, seed: one.seed },
    system: cluster.facts.name,
    targets: await cluster.targets(surface, options.spread),
    keys: options.keys,
    warmupMs: options.warmupSeconds * 1_000,
    measureMs: options.seconds * 1_000,
    ...(options.total !== undefined && { operationsMax: options.total }),
    serverPids: cluster.pids,
  });
}

function progressLine(
  { round, surface, workload, system, measurement }: Taken,
  of: number,
): string {
  const rate = Math.round(opsPerSecond(measurement));
  const errors = measurement.errors === 0 ? "" : `, ${measurement.errors} errors`;
  return `round ${round}/${of}, ${surface}, ${workload.title}, ${system}: ${rate} ops/s${errors}`;
}

function tellCeilings(ceilings: readonly Ceiling[]): void {
  for (const { surface, measurement } of ceilings) {
    const { latency, generatorCpuUs } = measurement;
    const rate = Math.round(opsPerSecond(measurement));
    const cpu = (generatorCpuUs / Math.max(1, latency.count)).toFixed(1);
    console.log(
      `The generator reaches ${rate} ops/s over ${surface} against a server that does nothing, ` +
        `at ${cpu} µs of its own CPU time per call`,
    );
  }
}

function tell(options: BenchOptions, taken: readonly Taken[]): void {
  for (const surface of options.surfaces) {
    const rows = options.workloads.map((workload): Row => {
      const of = (system: string): readonly Measurement[] =>
        taken.filter((one) =>
          one.surface === surface && one.workload === workload && one.system === system
        ).map(({ measurement }) => measurement);
      return { workload, skein: of("skein"), etcd: of("etcd") };
    });
    console.log(`\n${surfaceTable(surface, rows)}`);
    for (const line of errorLines(surface, rows)) console.log(line);
  }
}

function writeJson(path: string, run: {
  readonly machine: Machine;
  readonly options: BenchOptions;
  readonly clusters: readonly Cluster[];
  readonly ceilings: readonly Ceiling[];
  readonly taken: readonly Taken[];
}): void {
  const systems = run.clusters.map(({ facts }) => facts.version);
  const { machine, options, ceilings, taken } = run;
  writeFileSync(path, JSON.stringify({ machine, systems, options, ceilings, taken }, undefined, 2));
}

if (import.meta.main) {
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(1));
  try {
    await main();
    process.exit(0);
  } catch (error) {
    console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
    process.exit(error instanceof BenchUsageError ? 2 : 1);
  }
}
