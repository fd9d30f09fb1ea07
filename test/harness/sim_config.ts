/** The configuration of a simulated node, as its file says it. */

import { loadConfig } from "../../src/config/load.ts";
import type { Config } from "../../src/config/schema.ts";

/** What stands in the file. */
interface ConfigFile {
  readonly id: number;
  /** `c` unless given. */
  readonly clusterId?: string;
  /** Keys of the configuration, by path, as typed. */
  readonly config?: Readonly<Record<string, string>>;
}

/** A node starts many times, and a file that was not written anew says the same. */
const readBefore = new WeakMap<ConfigFile, Config>();

/** Reads the file: the same object is read once. */
export function simConfig(file: ConfigFile): Config {
  const known = readBefore.get(file);
  if (known !== undefined) return known;
  const { id, clusterId = "c", config: typed = {} } = file;
  // Who votes is the workload's to say; a test of promotion turns it on again.
  const quiet = { "raft.promote_learners": "false", "storage.compare_interval_ms": "0" };
  // The whole store again and again, in the middle of everything.
  const strict = { "storage.scrub_interval_ms": "1000" };
  const given = { node_id: String(id), cluster_id: clusterId, ...quiet, ...strict, ...typed };
  const flags = Object.entries(given).map(([path, text]) => ({ flag: path, path, text }));
  const { config } = loadConfig({ flags });
  readBefore.set(file, config);
  return config;
}
