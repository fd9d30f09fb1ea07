/** Errors as exit codes and as lines for people. */

import { AnswerError, UnreachableError } from "../client/errors.ts";
import { ConfigError } from "../config/problem.ts";
import { utf8 } from "../lib/bytes.ts";
import { printable } from "./table.ts";
import type { Terminal } from "./terminal.ts";
import { UsageError } from "./usage_error.ts";

export const exitCode = {
  ok: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  conditionFailed: 4,
  unreachable: 5,
  outcomeUnknown: 6,
} as const;

/** An unknown outcome outweighs everything else: a script must be able to tell it apart. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return exitCode.usage;
  if (error instanceof UnreachableError) {
    return error.outcome === "unknown" ? exitCode.outcomeUnknown : exitCode.unreachable;
  }
  if (!(error instanceof AnswerError)) return exitCode.failed;
  if (error.outcome === "unknown") return exitCode.outcomeUnknown;
  // A 404 may also come from what is no node, or does not know the route.
  if (/^(?!route_)\w+_not_found$/.test(error.code)) return exitCode.notFound;
  return error.status === 412 ? exitCode.conditionFailed : exitCode.failed;
}

/**
 * Writes `error: detail [code, outcome]` to standard error: one line, in which no terminal finds a
 * command, whatever the keys and owners are called that it names.
 */
export function reportError(error: unknown, terminal: Terminal): void {
  if (error instanceof ConfigError) {
    for (const line of error.message.split("\n")) terminal.warn(`error: ${line}`);
    return;
  }
  const detail = error instanceof Error ? error.message : String(error);
  terminal.warn(`error: ${printable(utf8(detail))}${suffixOf(error)}`);
}

function suffixOf(error: unknown): string {
  if (!(error instanceof AnswerError) && !(error instanceof UnreachableError)) return "";
  return error.outcome === undefined ? ` [${error.code}]` : ` [${error.code}, ${error.outcome}]`;
}
