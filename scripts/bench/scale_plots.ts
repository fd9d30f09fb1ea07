/** Which plots a run of the benchmark of cost against size is drawn as. */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Chart, lineChart, type Point, type Series } from "./plot.ts";
import { type ScaleRun, sizesOf } from "./scale_run.ts";
import type { ScaleWorkload, SizeResult } from "./scale_size.ts";

/** Writes those for which there are figures, into `folder`. */
export function drawPlots(folder: string, run: ScaleRun): void {
  mkdirSync(folder, { recursive: true });
  for (const [name, chart] of Object.entries(chartsOf(run))) {
    if (chart.series.some(({ points }) => points.length > 0)) {
      writeFileSync(join(folder, `${name}.svg`), lineChart(chart));
    }
  }
}

const mib = 2 ** 20;
const against = { xTitle: "keys", yScale: "linear" } as const;

function chartsOf(run: ScaleRun): Readonly<Record<string, Chart>> {
  return {
    "latency-1-client": {
      title: "One client: latency against the number of keys",
      ...against,
      yTitle: "median, ms",
      series: both(run, (nodes) => [
        { name: `PUT, ${nodes}`, value: medianMs("put1") },
        { name: `GET, ${nodes}`, value: medianMs("get1") },
      ]),
    },
    "latency-32-clients": {
      title: "32 clients: latency against the number of keys",
      ...against,
      yTitle: "median, ms",
      series: both(run, (nodes) => [
        { name: `PUT, ${nodes}`, value: medianMs("put32") },
        { name: `GET, ${nodes}`, value: medianMs("get32") },
      ]),
    },
    memory: {
      title: "Memory of the leader against the number of keys",
      ...against,
      yTitle: "resident, MiB",
      target: { y: 1_024, name: "target: below 1 GiB" },
      series: both(run, (nodes) => [
        {
          name: `after the work, ${nodes}`,
          value: ({ memory }) => memory.worked.residentBytes / mib,
        },
        {
          name: `after a start, ${nodes}`,
          value: ({ memory }) => memory.restarted.residentBytes / mib,
        },
      ]),
    },
    disk: {
      title: "Size on disk against the number of keys",
      xTitle: "keys",
      yScale: "log",
      yTitle: "MiB of one node",
      series: lines(sizesOf(run, 1), [
        { name: "log", value: ({ disk }) => disk.logBytes / mib },
        { name: "store", value: ({ disk }) => disk.storeBytes / mib },
      ]),
    },
    restart: {
      title: "Start, to the first linearizable read",
      xTitle: "keys",
      yScale: "log",
      yTitle: "seconds",
      series: both(run, (nodes) => [
        { name: `after kill -9, ${nodes}`, value: ({ restarts }) => restarts.afterKillMs / 1_000 },
        { name: `after a stop, ${nodes}`, value: ({ restarts }) => restarts.afterStopMs / 1_000 },
      ]),
    },
    watch: watchChart(run),
  };
}

function watchChart({ watches }: ScaleRun): Chart {
  const series = (name: string, of: "answered" | "each" | "last"): Series => ({
    name,
    points: watches.map((result) => ({ x: result.watchers, y: result[of].p50Us / 1_000 })),
  });
  return {
    title: "A change on its way to all who watch the key",
    xTitle: "watchers",
    yScale: "log",
    yTitle: "median, ms from sending the PUT",
    series: [
      series("last watcher", "last"),
      series("any watcher", "each"),
      series("answer to the PUT", "answered"),
    ],
  };
}

interface Line {
  readonly name: string;
  readonly value: (size: SizeResult) => number;
}

/** The lines of a node alone, and of three. */
function both(run: ScaleRun, linesOf: (nodes: string) => readonly Line[]): readonly Series[] {
  return ([[1, "1 node"], [3, "3 nodes"]] as const).flatMap(([nodes, name]) =>
    lines(sizesOf(run, nodes), linesOf(name))
  );
}

function lines(sizes: readonly SizeResult[], of: readonly Line[]): readonly Series[] {
  if (sizes.length === 0) return [];
  return of.map(({ name, value }) => ({
    name,
    points: sizes.map((size): Point => ({ x: size.keys, y: value(size) })),
  }));
}

function medianMs(id: ScaleWorkload["id"]): (size: SizeResult) => number {
  return ({ work }) => {
    const found = work.find((each) => each.id === id);
    return (found?.measurement.latency.p50Us ?? 0) / 1_000;
  };
}
