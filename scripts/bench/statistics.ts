/** Several rounds of the same measurement, told as one. */

import type { Measurement } from "./measurement.ts";

export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

/** Throws for an empty list: a median of nothing is a mistake of the caller. */
export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const last = sorted.length - 1;
  if (last < 0) throw new RangeError("There is no median of no values");
  const middle = (sorted[Math.floor(last / 2)]! + sorted[Math.ceil(last / 2)]!) / 2;
  return { min: sorted[0]!, median: middle, max: sorted[last]! };
}

/** The rounds of one system and workload; each figure is the median of its own. */
export interface Summary {
  readonly rounds: number;
  readonly opsPerSecond: Spread;
  readonly meanUs: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** Of all rounds together. */
  readonly errors: number;
  readonly firstError: string | undefined;
  /** User and system time of all servers; undefined where the machine does not tell. */
  readonly serverCpuUsPerOp: number | undefined;
  readonly generatorCpuUsPerOp: number;
}

export function summarize(rounds: readonly Measurement[]): Summary {
  const median = (figure: (round: Measurement) => number): number =>
    spread(rounds.map(figure)).median;
  const cpu = rounds.flatMap((round) =>
    round.serverCpuUs === undefined ? [] : [perOperation(round, round.serverCpuUs)]
  );
  return {
    rounds: rounds.length,
    opsPerSecond: spread(rounds.map(opsPerSecond)),
    meanUs: median(({ latency }) => latency.meanUs),
    p50Us: median(({ latency }) => latency.p50Us),
    p99Us: median(({ latency }) => latency.p99Us),
    errors: rounds.reduce((sum, { errors }) => sum + errors, 0),
    firstError: rounds.find(({ firstError }) => firstError !== undefined)?.firstError,
    serverCpuUsPerOp: cpu.length === 0 ? undefined : spread(cpu).median,
    generatorCpuUsPerOp: median((round) => perOperation(round, round.generatorCpuUs)),
  };
}

/**
 * How many times the throughput of `theirs` ours is. The machine's mood changes from minute to
 * minute, so each round is compared with its neighbour, and then the median is taken.
 */
export function ratio(
  ours: readonly Measurement[],
  theirs: readonly Measurement[],
): Spread | undefined {
  const pairs = ours.flatMap((mine, at) => {
    const other = theirs[at];
    const base = other === undefined ? 0 : opsPerSecond(other);
    return base === 0 ? [] : [opsPerSecond(mine) / base];
  });
  return pairs.length === 0 ? undefined : spread(pairs);
}

export function opsPerSecond({ latency, seconds }: Measurement): number {
  return latency.count / seconds;
}

function perOperation({ latency, errors }: Measurement, us: number): number {
  return us / Math.max(1, latency.count + errors);
}
