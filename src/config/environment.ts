/** Configuration from environment variables: `SKEIN_NODE_ID`, `SKEIN_STORAGE__ENGINE`. */

import { nearest } from "../lib/nearest.ts";
import type { ConfigProblem } from "./problem.ts";
import { type Key, keys } from "./schema.ts";
import type { Given } from "./yaml_file.ts";

const prefix = "SKEIN_";

/** The variable that sets `key`. */
export function variableOf(key: Key): string {
  return prefix + key.path.replace(".", "__").toUpperCase();
}

/** What Kubernetes adds to every container for a service whose name starts with "skein". */
const serviceVariable =
  /_SERVICE_(HOST|PORT)(_[A-Z0-9_]+)?$|_PORT(_\d+_(TCP|UDP)(_(PROTO|PORT|ADDR))?)?$/;

/**
 * The keys that `environment` sets. A variable of ours that is none of them nor of `others` (the
 * command line's own) is a problem, because it is a key misspelt. An empty one counts as not set.
 */
export function readEnvironment(
  environment: Readonly<Record<string, string>>,
  others: readonly string[],
  problems: ConfigProblem[],
): readonly Given[] {
  const byVariable = new Map([...keys.values()].map((key) => [variableOf(key), key]));
  const given: Given[] = [];
  for (const [variable, text] of Object.entries(environment)) {
    if (!variable.startsWith(prefix) || text === "") continue;
    const key = byVariable.get(variable);
    if (key !== undefined) {
      const value = valueOfText(key, text);
      given.push({ key, value, origin: { kind: "environment", variable } });
    } else if (!others.includes(variable) && !serviceVariable.test(variable)) {
      const meant = nearest(variable, [...byVariable.keys(), ...others]);
      const hint = meant === undefined ? "" : `; did you mean ${meant}?`;
      const message = `${variable} is not a known variable${hint}`;
      problems.push({ path: "", origin: "environment", message });
    }
  }
  return given;
}

/**
 * The value that `text` stands for. Text that does not fit the key's kind is handed on as it is,
 * for the schema to refuse.
 */
export function valueOfText(key: Key, text: string): unknown {
  switch (key.kind) {
    case "integer":
    case "nodeId":
      return /^-?\d+$/.test(text) ? Number(text) : text;
    case "boolean":
      return text === "true" ? true : text === "false" ? false : text;
    case "json":
      return jsonOr(text);
    case "urls":
      return text.startsWith("[") ? jsonOr(text) : text.split(",").map((url) => url.trim());
    case "text":
      return text;
  }
}

function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
