/**
 * The benchmark of cost against size: what a call, a start, a byte of memory and an event cost as
 * the store and its watchers grow (docs/BENCHMARKS.md says what the figures mean).
 *
 *     bun scripts/bench/scale.ts --help
 */

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { lookAtMachine, machineLines } from "./machine.ts";
import { measureLeases, measureWatchers } from "./scale_beside.ts";
import { ScaleCluster } from "./scale_cluster.ts";
import { fail, parseScaleOptions, say, type ScaleOptions } from "./scale_options.ts";
import { drawPlots } from "./scale_plots.ts";
import { scaleTables } from "./scale_report.ts";
import type { ScaleRun } from "./scale_run.ts";
import { measureSize } from "./scale_size.ts";

async function main(): Promise<void> {
  const options = parseScaleOptions();
  const run = options.redraw.length > 0 ? readRuns(options.redraw) : await measure(options);
  console.log(scaleTables(run));
  if (options.plots !== undefined) drawPlots(options.plots, run);
}

async function measure(options: ScaleOptions): Promise<ScaleRun> {
  const parent = options.dir ?? tmpdir();
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, "skein-scale-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const about = machineLines(lookAtMachine(folder));
  for (const line of about) say(line);
  let run: ScaleRun = { about, sizes: [], watches: [], leases: [] };
  // After each step: hours may have gone into it.
  const keep = (more: Partial<ScaleRun>): void => {
    run = { ...run, ...more };
    if (options.json !== undefined) writeFileSync(options.json, JSON.stringify(run, undefined, 2));
  };
  if (options.watchers.length > 0 || options.leases > 0) {
    await withCluster(options, { folder, nodes: 1 }, async (cluster) => {
      keep({ watches: await measureWatchers(cluster, options) });
      if (options.leases > 0) keep({ leases: [await measureLeases(cluster, options.leases)] });
    });
  }
  for (const [nodes, sizes] of [[3, options.sizesOfThree], [1, options.sizes]] as const) {
    if (sizes.length === 0) continue;
    await withCluster(options, { folder, nodes }, async (cluster) => {
      say(`${nodes} nodes of ${cluster.version}`);
      for (const [at, keys] of sizes.entries()) {
        const size = { nodes, from: sizes[at - 1] ?? 0, keys };
        keep({ sizes: [...run.sizes, await measureSize(cluster, options, size)] });
      }
    });
  }
  return run;
}

async function withCluster(
  { runtime, profile }: ScaleOptions,
  { folder, nodes }: { readonly folder: string; readonly nodes: number },
  work: (cluster: ScaleCluster) => Promise<void>,
): Promise<void> {
  const data = mkdtempSync(join(folder, `${nodes}-`));
  if (profile !== undefined) mkdirSync(profile, { recursive: true });
  const skein = { runtime, engine: "sqlite", folder: data, profileFolder: profile } as const;
  const cluster = await ScaleCluster.start(skein, nodes);
  try {
    await work(cluster);
  } finally {
    await cluster.end();
    rmSync(data, { recursive: true, force: true });
  }
}

function readRuns(paths: readonly string[]): ScaleRun {
  const runs = paths.map((path): ScaleRun => JSON.parse(readFileSync(path, "utf8")));
  return {
    about: runs[0]?.about ?? [],
    sizes: runs.flatMap(({ sizes }) => sizes),
    watches: runs.flatMap(({ watches }) => watches),
    leases: runs.flatMap(({ leases }) => leases),
  };
}

if (import.meta.main) {
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(1));
  try {
    await main();
    process.exit(0);
  } catch (error) {
    fail(error);
  }
}
