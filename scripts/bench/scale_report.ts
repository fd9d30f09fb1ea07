/** What the benchmark of cost against size prints: Markdown tables. */

import { shortNumber } from "./plot.ts";
import { count, milliseconds, table } from "./report.ts";
import { type ScaleRun, sizesOf } from "./scale_run.ts";
import { scaleWorkloads, type SizeResult } from "./scale_size.ts";
import { summarize } from "./statistics.ts";

/** Undefined where there is too little to divide by. */
export interface MemoryOfOne {
  readonly what: string;
  readonly bytes: number;
  readonly from: string;
}

export function scaleTables(run: ScaleRun): string {
  return [
    ...run.about,
    ...[1, 3].flatMap((nodes) => {
      const sizes = sizesOf(run, nodes);
      if (sizes.length === 0) return [];
      const name = nodes === 1 ? "One node" : `${nodes} nodes`;
      return [
        `${name}: latency, ms, median / p99\n\n${latencyTable(sizes)}`,
        `${name}: processor time of all servers, µs a call\n\n${processorTable(sizes)}`,
        `${name}: memory, disk, load and start\n\n${costTable(sizes)}`,
      ];
    }),
    ...(run.watches.length > 0 ? [`Watches of one key, ms\n\n${watchTable(run)}`] : []),
    memoryTable(memoryOfEach(run)),
  ].join("\n\n");
}

function latencyTable(sizes: readonly SizeResult[]): string {
  const head = ["", ...sizes.map(({ keys }) => `${shortNumber(keys)} keys`), "last ÷ first"];
  return table([
    head,
    ...scaleWorkloads.map(({ id, title }) => {
      const found = sizes.map(({ work }) => work.find((each) => each.id === id)?.measurement);
      const errors = found.reduce((sum, each) => sum + (each?.errors ?? 0), 0);
      const cells = found.map((each) => {
        if (each === undefined) return "–";
        return `${milliseconds(each.latency.p50Us)} / ${milliseconds(each.latency.p99Us)}`;
      });
      const [first, last] = [found[0]?.latency.p50Us, found.at(-1)?.latency.p50Us];
      const growth = first && last ? `**${(last / first).toFixed(2)}**` : "–";
      return [errors === 0 ? title : `${title} (${errors} errors)`, ...cells, growth];
    }),
  ]);
}

/** Of the same calls: what is busy beside them on the machine changes these figures least. */
function processorTable(sizes: readonly SizeResult[]): string {
  return table([
    ["", ...sizes.map(({ keys }) => `${shortNumber(keys)} keys`)],
    ...scaleWorkloads.map(({ id, title }) => [
      title,
      ...sizes.map(({ work }) => {
        const measurement = work.find((each) => each.id === id)?.measurement;
        const cpu = measurement && summarize([measurement]).serverCpuUsPerOp;
        return cpu === undefined ? "–" : count(cpu);
      }),
    ]),
  ]);
}

function costTable(sizes: readonly SizeResult[]): string {
  const row = (name: string, value: (size: SizeResult) => string): readonly string[] => [
    name,
    ...sizes.map(value),
  ];
  return table([
    row("", ({ keys }) => `${shortNumber(keys)} keys`),
    row("resident, grown and quiet", ({ memory }) => mib(memory.grown.residentBytes)),
    row("resident, after the work", ({ memory }) => mib(memory.worked.residentBytes)),
    row("resident, peak", ({ memory }) => mib(memory.worked.peakBytes)),
    row("resident, after a start", ({ memory }) => mib(memory.restarted.residentBytes)),
    row("disk: log", ({ disk }) => mib(disk.logBytes)),
    row("disk: store", ({ disk }) => mib(disk.storeBytes)),
    row("loaded, keys/s", ({ growth }) => count(growth.keys / growth.seconds)),
    row(
      "server CPU a key loaded, µs",
      ({ growth: { keys, serverCpuUs } }) =>
        serverCpuUs === undefined ? "–" : (serverCpuUs / keys).toFixed(0),
    ),
    row("quiet after, s", ({ quietAfterSeconds }) => String(quietAfterSeconds ?? "not in time")),
    row("start after kill -9, s", ({ restarts }) => seconds(restarts.afterKillMs)),
    row("start after a stop, s", ({ restarts }) => seconds(restarts.afterStopMs)),
    row("the stop, s", ({ restarts }) => seconds(restarts.stopMs)),
  ]);
}

function watchTable({ watches }: ScaleRun): string {
  return table([
    ["watchers", "PUT answered", "any watcher, median / p99", "last watcher, median / p99"],
    ...watches.map(({ watchers, answered, each, last }) => [
      count(watchers),
      milliseconds(answered.p50Us),
      `${milliseconds(each.p50Us)} / ${milliseconds(each.p99Us)}`,
      `${milliseconds(last.p50Us)} / ${milliseconds(last.p99Us)}`,
    ]),
  ]);
}

/** What one more of something takes in memory, from the growth between two measurements. */
export function memoryOfEach(run: ScaleRun): readonly MemoryOfOne[] {
  const sizes = sizesOf(run, 1);
  const [few, many] = [sizes.at(-2), sizes.at(-1)];
  const keys = few === undefined || many === undefined ? [] : [{
    what: "key",
    bytes: (many.memory.restarted.residentBytes - few.memory.restarted.residentBytes) /
      (many.keys - few.keys),
    from: `${shortNumber(few.keys)} to ${shortNumber(many.keys)} keys, after a start`,
  }];
  const leases = run.leases.map(({ leases, beforeBytes, afterBytes }) => ({
    what: "lease",
    bytes: (afterBytes - beforeBytes) / leases,
    from: `${count(leases)} leases`,
  }));
  const most = run.watches.at(-1);
  const watches = most === undefined ? [] : [{
    what: "watch",
    bytes: (most.memory.quiet - most.memory.before) / most.watchers,
    from: `${count(most.watchers)} watches, each a connection`,
  }];
  return [...keys, ...leases, ...watches];
}

function memoryTable(each: readonly MemoryOfOne[]): string {
  return `Memory of one\n\n${
    table([
      ["", "bytes resident", "from"],
      ...each.map(({ what, bytes, from }) => [what, count(bytes), from]),
    ])
  }`;
}

function mib(bytes: number): string {
  return `${count(bytes / 2 ** 20)} MiB`;
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(2);
}
