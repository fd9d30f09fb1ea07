/** The command line of the benchmark of cost against size. */

import process from "node:process";
import { countOption, refuse, scriptOptions } from "../script_options.ts";
import type { RuntimeName } from "./skein_cluster.ts";

export interface ScaleOptions {
  /** Numbers of keys, rising: of a node alone, and of three. */
  readonly sizes: readonly number[];
  readonly sizesOfThree: readonly number[];
  readonly watchers: readonly number[];
  /** Leases that are granted to see what one takes; 0: none. */
  readonly leases: number;
  readonly seconds: number;
  readonly warmupSeconds: number;
  /** How long a store may take to become quiet after it has grown. */
  readonly quietSeconds: number;
  readonly runtime: RuntimeName;
  readonly dir: string | undefined;
  readonly json: string | undefined;
  readonly plots: string | undefined;
  readonly profile: string | undefined;
  /** Files of earlier runs: tables and plots are drawn from these, and nothing is measured. */
  readonly redraw: readonly string[];
}

const defaults = {
  sizes: "10000,100000,1000000,10000000",
  "sizes-of-three": "10000,100000,1000000",
  watchers: "1,100,10000",
  leases: "100000",
  seconds: "10",
  warmup: "60",
  quiet: "900",
  ...{ runtime: "bun", dir: "", json: "", plots: "", profile: "", redraw: "" },
} as const;

export const usage = `Measures what a call costs as the store grows.

  bun scripts/bench/scale.ts [options]

  --sizes LIST           numbers of keys of one node; none: leave it out
                         (${defaults.sizes})
  --sizes-of-three LIST  the same for three nodes (${defaults["sizes-of-three"]})
  --watchers LIST        how many watch one key (${defaults.watchers})
  --leases N             leases granted for the memory of one; 0: none (${defaults.leases})
  --seconds S            length of one measurement (${defaults.seconds})
  --warmup S             at each size, not counted (${defaults.warmup})
  --quiet S              how long a grown store may take to become quiet (${defaults.quiet})
  --runtime NAME         what the nodes run on: bun or deno (bun)
  --dir DIR              where the data goes; must be on a real disk (temporary files)
  --json FILE            write every measurement there
  --plots DIR            draw the plots there, as SVG
  --profile DIR          nodes on Bun write CPU profiles there; figures are then worth little
  --redraw LIST          measure nothing: tables and plots of these JSON files together
`;

/** Ends the process after --help, and where an option is wrong. */
export function parseScaleOptions(): ScaleOptions {
  const given = scriptOptions<keyof typeof defaults>(usage, defaults);
  const optional = (value: string): string | undefined => value === "" ? undefined : value;
  const { runtime } = given;
  if (runtime !== "bun" && runtime !== "deno") {
    refuse(`--runtime is ${runtime}; allowed are bun and deno`, usage);
  }
  const seconds = (name: keyof typeof defaults): number => {
    return given[name] === "0" ? 0 : countOption(`--${name}`, given[name], usage);
  };
  return {
    sizes: rising("--sizes", given.sizes),
    sizesOfThree: rising("--sizes-of-three", given["sizes-of-three"]),
    watchers: rising("--watchers", given.watchers),
    leases: seconds("leases"),
    seconds: countOption("--seconds", given.seconds, usage),
    warmupSeconds: seconds("warmup"),
    quietSeconds: seconds("quiet"),
    ...{ runtime, dir: optional(given.dir), json: optional(given.json) },
    ...{ plots: optional(given.plots), profile: optional(given.profile) },
    redraw: given.redraw === "" ? [] : given.redraw.split(","),
  };
}

function rising(name: string, list: string): readonly number[] {
  if (list === "" || list === "none") return [];
  const numbers = list.split(",").map((each) => countOption(name, each, usage));
  const isRising = numbers.every((number, at) => at === 0 || number > numbers[at - 1]!);
  return isRising ? numbers : refuse(`${name} is ${list}; allowed are rising numbers`, usage);
}

/** For a message on the way: a long run should say where it is. */
export function say(text: string): void {
  console.log(`${new Date().toISOString().slice(11, 19)} ${text}`);
}

/** Ends the process with a message. */
export function fail(error: unknown): never {
  console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}
