/** What the benchmark prints: Markdown tables, as readable in a terminal as in a page. */

import type { Measurement, Surface } from "./measurement.ts";
import { ratio, type Spread, summarize, type Summary } from "./statistics.ts";
import type { Workload } from "./workloads.ts";

/** All rounds of one workload over one surface. */
export interface Row {
  readonly workload: Workload;
  readonly skein: readonly Measurement[];
  /** In the order of the rounds, empty without a comparison. */
  readonly etcd: readonly Measurement[];
}

const columns = [
  "workload",
  "system",
  "ops/s (min … max)",
  "mean ms",
  "p50 ms",
  "p99 ms",
  "errors",
  "server CPU µs/op",
  "ratio to etcd",
];

export function surfaceTable(surface: Surface, rows: readonly Row[]): string {
  const lines = rows.flatMap((row) => {
    const ours = [row.workload.title, "skein", ...figures(summarize(row.skein)), ratioText(row)];
    if (row.etcd.length === 0) return [ours];
    return [ours, ["", "etcd", ...figures(summarize(row.etcd)), ""]];
  });
  const title = surface === "rest" ? "REST" : "gRPC";
  return `${title}\n\n${table([columns, ...lines])}`;
}

function figures(summary: Summary): readonly string[] {
  const { min, median, max } = summary.opsPerSecond;
  return [
    `${count(median)} (${count(min)} … ${count(max)})`,
    ...[summary.meanUs, summary.p50Us, summary.p99Us].map(milliseconds),
    String(summary.errors),
    summary.serverCpuUsPerOp === undefined ? "" : String(Math.round(summary.serverCpuUsPerOp)),
  ];
}

function ratioText({ skein, etcd }: Row): string {
  const found: Spread | undefined = ratio(skein, etcd);
  if (found === undefined) return "";
  const { min, median, max } = found;
  return `**${median.toFixed(2)}** (${min.toFixed(2)} … ${max.toFixed(2)})`;
}

/** Errors by workload, for below the tables; empty when there were none. */
export function errorLines(surface: Surface, rows: readonly Row[]): readonly string[] {
  return rows.flatMap(({ workload, skein, etcd }) =>
    ([["skein", skein], ["etcd", etcd]] as const).flatMap(([system, rounds]) => {
      if (rounds.length === 0) return [];
      const { errors, firstError } = summarize(rounds);
      if (errors === 0) return [];
      return [`${system}, ${surface}, ${workload.title}: ${errors} errors, first: ${firstError}`];
    })
  );
}

/** A Markdown table, its columns aligned for the terminal. */
export function table(lines: readonly (readonly string[])[]): string {
  const [head = []] = lines;
  const widths = head.map((_, at) => Math.max(...lines.map((line) => (line[at] ?? "").length), 3));
  const draw = (cells: readonly string[]): string =>
    `| ${widths.map((width, at) => (cells[at] ?? "").padEnd(width)).join(" | ")} |`;
  const rule = widths.map((width) => "-".repeat(width));
  return [draw(head), draw(rule), ...lines.slice(1).map(draw)].join("\n");
}

/** With commas between the thousands. */
export function count(value: number): string {
  return Math.round(value).toString().replace(/\B(?=(\d{3})+$)/g, ",");
}

export function milliseconds(us: number): string {
  const ms = us / 1_000;
  return ms < 10 ? ms.toFixed(2) : ms.toFixed(1);
}
