/** The options by which commands choose a configuration, and how they become one. */

import { type ConfigFlag, loadConfig, type LoadedConfig } from "../config/load.ts";
import type { CommandContext } from "./command.ts";
import type { Option } from "./option.ts";

/** Options that set one key each. */
const keyOptions = [
  { name: "cluster-id", path: "cluster_id", value: "NAME", description: "name of the cluster" },
  {
    name: "data-dir",
    path: "data_dir",
    value: "DIR",
    description: "where the node keeps its data",
  },
  { name: "node-id", path: "node_id", value: "N", description: "the node's id in its cluster" },
  {
    name: "join",
    path: "join",
    value: "URL,…",
    description: "become a member of the cluster of this node, or of these",
  },
  {
    name: "join-as",
    path: "join_as",
    value: "learner|read_only",
    description: "a learner (default) votes in the end, read_only never",
  },
  { name: "http-addr", path: "http_addr", value: "HOST:PORT", description: "where REST listens" },
  { name: "rpc-addr", path: "rpc_addr", value: "HOST:PORT", description: "where gRPC listens" },
  {
    name: "log-level",
    path: "monitoring.log_level",
    value: "LEVEL",
    description: "debug, info (default), warn or error",
  },
] as const;

export const configOptions: readonly Option[] = [
  { name: "config", value: "FILE", description: "the configuration file", variable: true },
  ...keyOptions.map(({ name, value, description }) => ({ name, value, description })),
];

/** Variables that start with SKEIN_ and are no keys: those of the command line. */
export const otherVariables: readonly string[] = [
  ...["SKEIN_CONFIG", "SKEIN_RUNTIME", "SKEIN_SUPERVISED"],
  ...["SKEIN_ENDPOINTS", "SKEIN_TIMEOUT", "SKEIN_OUTPUT", "SKEIN_CONSISTENCY", "SKEIN_IF_MATCH"],
  ...["SKEIN_IF_ABSENT", "SKEIN_PREV", "SKEIN_IDEMPOTENCY_KEY", "SKEIN_TTL", "SKEIN_LEASE"],
  ...["SKEIN_WAIT", "SKEIN_OWNER"],
  // What `skein lock` tells its command, which may be a node.
  ...["SKEIN_LOCK_NAME", "SKEIN_LOCK_TOKEN", "SKEIN_LOCK_LEASE"],
];

/** Throws a ConfigError. */
export function configFrom({ args, runtime }: CommandContext): LoadedConfig {
  const file = args.text("config");
  const flags: ConfigFlag[] = keyOptions.flatMap(({ name, path }) => {
    const text = args.text(name);
    return text === undefined ? [] : [{ flag: `--${name}`, path, text }];
  });
  return loadConfig({
    ...(file === undefined ? {} : { file }),
    environment: runtime.environment(),
    otherVariables,
    flags,
  });
}
