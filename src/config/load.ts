/**
 * Puts the configuration together: defaults < file < environment < flags, every value checked,
 * every problem reported at once, the origin of each value kept.
 */

import { hostname } from "node:os";
import { camelized } from "./camel.ts";
import { contradictions } from "./combinations.ts";
import { readEnvironment, valueOfText } from "./environment.ts";
import { nodeIdMax } from "./key.ts";
import { ConfigError, type ConfigProblem, shown } from "./problem.ts";
import { type Config, configSchema, type Key, keys, sectionNames } from "./schema.ts";
import { formatOrigin, type Given, type Origin, readConfigFile } from "./yaml_file.ts";

/** Where values come from; what is left out is not asked. */
export interface ConfigSources {
  /** Path of the YAML file. */
  readonly file?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Variables that start with SKEIN_ and belong to the command line, not to the configuration. */
  readonly otherVariables?: readonly string[];
  /** By key path, as typed. */
  readonly flags?: readonly ConfigFlag[];
  /** Of this machine; for `node_id: hostname`. */
  readonly hostname?: string;
}

/** One flag that sets a key. */
export interface ConfigFlag {
  /** As the user wrote it, e.g. `--http-addr`. */
  readonly flag: string;
  readonly path: string;
  readonly text: string;
}

/** One key as it is in effect. */
export interface Setting {
  readonly key: Key;
  /** As the file would say it; undefined for an optional key that nobody set. */
  readonly value: unknown;
  readonly origin: Origin;
}

/** The configuration, and how it came about. */
export interface LoadedConfig {
  readonly config: Config;
  /** Every key, in the order of the reference page. */
  readonly settings: readonly Setting[];
}

/** Throws a {@link ConfigError} that holds all problems. */
export function loadConfig(sources: ConfigSources): LoadedConfig {
  const problems: ConfigProblem[] = [];
  const settings = collect(sources, problems);
  for (const setting of settings.values()) problems.push(...check(setting));
  if (problems.length > 0) throw new ConfigError(problems);
  const config = resolve(settings, sources.hostname ?? hostname());
  for (const { path, message } of contradictions(config)) {
    const key = path.replace(/\[.*/, "");
    const origin = formatOrigin(settings.get(key)?.origin ?? { kind: "default" });
    problems.push({ path, origin: origin === "default" ? "" : origin, message });
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return { config, settings: [...settings.values()] };
}

function collect(sources: ConfigSources, problems: ConfigProblem[]): Map<string, Setting> {
  const settings = new Map<string, Setting>();
  for (const key of keys.values()) {
    settings.set(key.path, { key, value: key.defaultValue, origin: { kind: "default" } });
  }
  const given: Given[] = [
    ...(sources.file === undefined ? [] : readConfigFile(sources.file, problems)),
    ...readEnvironment(sources.environment ?? {}, sources.otherVariables ?? [], problems),
    ...(sources.flags ?? []).map(givenByFlag),
  ];
  for (const setting of given) settings.set(setting.key.path, setting);
  return settings;
}

function givenByFlag({ flag, path, text }: ConfigFlag): Given {
  const key = keys.get(path);
  if (key === undefined) throw new Error(`${flag} sets ${path}, which is no key`);
  return { key, value: valueOfText(key, text), origin: { kind: "flag", flag } };
}

/** The problems of one value by itself. */
function check({ key, value, origin }: Setting): readonly ConfigProblem[] {
  const checked = key.schema.safeParse(value);
  if (checked.success) return [];
  return checked.error.issues.map((issue) => {
    const path = key.path + issue.path.map(subscript).join("");
    const given = within(value, issue.path);
    const found = given === undefined ? "missing" : shown(given);
    const message = issue.code === "unrecognized_keys"
      ? `${path} has the unknown member ${issue.keys.join(", ")}; allowed is ${issue.message}`
      : `${path} is ${found}; allowed is ${issue.message}`;
    return { path, origin: formatOrigin(origin), message };
  });
}

function subscript(step: PropertyKey): string {
  return typeof step === "number" ? `[${step}]` : `.${String(step)}`;
}

function within(value: unknown, path: readonly PropertyKey[]): unknown {
  let inner = value;
  for (const step of path) {
    if (typeof inner !== "object" || inner === null) return undefined;
    inner = Reflect.get(inner, step);
  }
  return inner;
}

function resolve(settings: ReadonlyMap<string, Setting>, host: string): Config {
  const tree: Record<string, Record<string, unknown> | unknown> = {};
  for (const { key, value } of settings.values()) {
    if (value === undefined) continue;
    if (key.section === undefined) tree[key.name] = value;
    else tree[key.section] = Object.assign(tree[key.section] ?? {}, { [key.name]: value });
  }
  const { node_id: nodeId, ...snake } = configSchema.parse(tree);
  const resolved = nodeId === "hostname" ? nodeIdOfHost(host) : nodeId;
  const isSet = (path: string): boolean => settings.get(path)?.origin.kind !== "default";
  return {
    ...camelized(snake, (name) => sectionNames.includes(name)),
    nodeId: resolved,
    named: {
      ...(isSet("cluster_id") && { clusterId: snake.cluster_id }),
      ...(isSet("node_id") && { nodeId: resolved }),
    },
  };
}

/** `skein-3` is node 3. */
function nodeIdOfHost(host: string): number {
  const id = Number(/\d+$/.exec(host)?.[0]);
  if (Number.isInteger(id) && id >= 1 && id <= nodeIdMax) return id;
  const message = `node_id is hostname, and the host's name ${shown(host)} does not end in an ` +
    `integer from 1 to ${nodeIdMax}`;
  throw new ConfigError([{ path: "node_id", origin: "", message }]);
}
