/** The benchmark's command line. */

import { parseArgs } from "node:util";
import type { Surface } from "./measurement.ts";
import type { EngineName, RuntimeName } from "./skein_cluster.ts";
import { type Workload, workloads } from "./workloads.ts";

export interface BenchOptions {
  readonly rounds: number;
  readonly seconds: number;
  readonly warmupSeconds: number;
  /** Ends each measurement sooner. */
  readonly total: number | undefined;
  readonly keys: number;
  readonly surfaces: readonly Surface[];
  readonly workloads: readonly Workload[];
  readonly runtime: RuntimeName;
  readonly engine: EngineName;
  /** A program, or false for no comparison; undefined: whatever is on the PATH. */
  readonly etcd: string | false | undefined;
  readonly spread: boolean;
  readonly dir: string | undefined;
  readonly json: string | undefined;
  readonly profile: string | undefined;
}

export const usage = `Measures a cluster of three nodes, and one of etcd beside it.

  bun scripts/bench/bench.ts [options]

  --rounds N          rounds, of which the median is told (3)
  --seconds S         length of one measurement (5)
  --warmup S          before each, not counted (2)
  --total N           end a measurement after so many calls
  --keys N            keys that are filled in before and drawn from (10000)
  --surface NAME      rest, grpc or both (both)
  --workloads LIST    of ${workloads.map(({ id }) => id).join(",")} (all)
  --runtime NAME      what the nodes run on: bun or deno (bun)
  --engine NAME       what holds their data: sqlite or file (sqlite)
  --etcd PATH         the etcd to compare with (the one on the PATH)
  --no-etcd           compare with nothing
  --spread            clients talk to all three nodes, not to the leader alone
  --dir DIR           where the data goes; must be on a real disk (the system's temporary files)
  --json FILE         write every measurement there
  --profile DIR       nodes on Bun write CPU profiles there; figures are then worth little
`;

/** Wrong usage; the message is for the person at the terminal. */
export class BenchUsageError extends Error {
  override readonly name = "BenchUsageError";
}

/** Undefined when only the usage is asked for. Throws BenchUsageError. */
export function parseOptions(args: readonly string[]): BenchOptions | undefined {
  const values = parse(args);
  if (values.help === true) return undefined;
  if (values.etcd !== undefined && values["no-etcd"] === true) {
    throw new BenchUsageError("--etcd and --no-etcd contradict each other");
  }
  return {
    rounds: integer("rounds", values.rounds ?? "3"),
    seconds: seconds("seconds", values.seconds ?? "5"),
    warmupSeconds: seconds("warmup", values.warmup ?? "2"),
    total: values.total === undefined ? undefined : integer("total", values.total),
    keys: integer("keys", values.keys ?? "10000"),
    surfaces: surfacesOf(values.surface ?? "both"),
    workloads: workloadsOf(values.workloads),
    runtime: oneOf("runtime", values.runtime ?? "bun", ["bun", "deno"]),
    engine: oneOf("engine", values.engine ?? "sqlite", ["sqlite", "file"]),
    etcd: values["no-etcd"] === true ? false : values.etcd,
    spread: values.spread === true,
    dir: values.dir,
    json: values.json,
    profile: values.profile,
  };
}

const text = { type: "string" } as const;
const flag = { type: "boolean" } as const;
const definitions = {
  ...{ rounds: text, seconds: text, warmup: text, total: text, keys: text, surface: text },
  ...{ workloads: text, runtime: text, engine: text, etcd: text, "no-etcd": flag },
  ...{ spread: flag, dir: text, json: text, profile: text, help: flag },
} as const;

type Given = ReturnType<typeof parseArgs<{ options: typeof definitions }>>["values"];

function parse(args: readonly string[]): Given {
  try {
    return parseArgs({ args: [...args], options: definitions, strict: true }).values;
  } catch (error) {
    throw new BenchUsageError(error instanceof Error ? error.message : String(error));
  }
}

function integer(name: string, given: string): number {
  const value = Number(given);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new BenchUsageError(`--${name} is ${given}, allowed is an integer above 0`);
}

function seconds(name: string, given: string): number {
  const value = given === "" ? Number.NaN : Number(given);
  if (value >= 0 && value <= 3_600) return value;
  throw new BenchUsageError(`--${name} is ${given}, allowed is 0 to 3600`);
}

function surfacesOf(given: string): readonly Surface[] {
  switch (given) {
    case "rest":
    case "grpc":
      return [given];
    case "both":
      return ["rest", "grpc"];
    default:
      throw new BenchUsageError(`--surface is ${given}, allowed are rest, grpc and both`);
  }
}

function workloadsOf(given: string | undefined): readonly Workload[] {
  if (given === undefined) return workloads;
  return given.split(",").map((id) => {
    const found = workloads.find((workload) => workload.id === id);
    if (found !== undefined) return found;
    const known = workloads.map((workload) => workload.id).join(", ");
    throw new BenchUsageError(`--workloads names ${id}, allowed are ${known}`);
  });
}

function oneOf<const T extends string>(name: string, given: string, allowed: readonly T[]): T {
  const found = allowed.find((each) => each === given);
  if (found !== undefined) return found;
  throw new BenchUsageError(`--${name} is ${given}, allowed are ${allowed.join(" and ")}`);
}
