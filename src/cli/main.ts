/** The command line: finds the command, parses its arguments, runs it, reports its errors. */

import { nearest } from "../lib/nearest.ts";
import type { Runtime } from "../runtime/mod.ts";
import { parseArguments } from "./arguments.ts";
import { leaderTransfer, status } from "./cluster.ts";
import { compact, history, incr, patch } from "./changes.ts";
import type { Command } from "./command.ts";
import { completionCommand } from "./completion.ts";
import { configCheck, configPrint } from "./config.ts";
import { del, get, ls, put } from "./data.ts";
import { dev } from "./dev.ts";
import { doctor } from "./doctor.ts";
import { commandHelp, generalHelp } from "./help.ts";
import { leaseGrant, leaseInfo, leaseKeepAlive, leaseList, leaseRevoke } from "./lease.ts";
import { lock } from "./lock.ts";
import {
  memberAdd,
  memberDemote,
  memberList,
  memberPromote,
  memberRemove,
  memberReplace,
} from "./members.ts";
import { recover } from "./recover.ts";
import { exitCode, exitCodeOf, reportError } from "./report.ts";
import type { InspectBackup, RecoverNode, StartServer } from "./server_port.ts";
import { snapshotInspect, snapshotRestore, snapshotSave } from "./snapshot.ts";
import { start } from "./start.ts";
import { processTerminal, type Terminal } from "./terminal.ts";
import { txn } from "./txn.ts";
import { UsageError } from "./usage_error.ts";
import { version } from "./version.ts";
import { watch } from "./watch.ts";

export const commands: readonly Command[] = [
  ...[start, dev],
  ...[put, get, del, ls, patch, incr, txn, watch, history, compact],
  ...[leaseGrant, leaseKeepAlive, leaseInfo, leaseList, leaseRevoke, lock],
  ...[memberList, memberAdd, memberPromote, memberDemote, memberReplace, memberRemove],
  ...[status, leaderTransfer, recover],
  ...[snapshotSave, snapshotRestore, snapshotInspect],
  ...[configCheck, configPrint, doctor, version, completionCommand(() => commands)],
];

/** The program around the command line. */
export interface MainOptions {
  readonly runtime: Runtime;
  readonly startServer: StartServer;
  readonly recoverNode: RecoverNode;
  readonly inspectBackup: InspectBackup;
  /** The process's own unless given. */
  readonly terminal?: Terminal;
}

/** Resolves with the exit code; never rejects. */
export async function main(options: MainOptions): Promise<number> {
  const { runtime, startServer, recoverNode, inspectBackup } = options;
  const shown = options.terminal ?? processTerminal;
  try {
    const request = requestOf(runtime.args);
    if (request.kind === "help") {
      await shown.write(request.text);
      return exitCode.ok;
    }
    const { command, words } = request;
    const args = parseArguments(words, command, (name) => runtime.env(name));
    const programs = { startServer, recoverNode, inspectBackup };
    return await command.run({ runtime, ...programs, terminal: shown, args });
  } catch (error) {
    reportError(error, shown);
    return exitCodeOf(error);
  }
}

/** Commands of later versions: who reads about them elsewhere need not look for a slip. */
const laterCommands: readonly string[] = [
  ...["export", "import"],
  "bench",
];

type Request =
  | { readonly kind: "help"; readonly text: string }
  | { readonly kind: "run"; readonly command: Command; readonly words: readonly string[] };

function requestOf(args: readonly string[]): Request {
  const [first, ...rest] = args;
  if (first === undefined) {
    throw new UsageError(`A command is missing; see skein --help`);
  }
  if (first === "--version") return { kind: "run", command: version, words: rest };
  if (first === "help" && rest.length > 0) return { kind: "help", text: helpOf(rest) };
  if (first === "--help" || first === "-h" || first === "help") {
    return { kind: "help", text: generalHelp(commands) };
  }
  const { command, words } = commandOf(args);
  const end = words.indexOf("--");
  const own = end < 0 ? words : words.slice(0, end);
  return own.includes("--help") || own.includes("-h")
    ? { kind: "help", text: commandHelp(command) }
    : { kind: "run", command, words };
}

function helpOf(words: readonly string[]): string {
  return commandHelp(commandOf([...words, "--help"]).command);
}

function commandOf(
  args: readonly string[],
): { readonly command: Command; readonly words: readonly string[] } {
  const [first = "", second = ""] = args;
  const one = commands.find(({ name }) => name === first);
  if (one !== undefined) return { command: one, words: args.slice(1) };
  const two = commands.find(({ name }) => name === `${first} ${second}`);
  if (two !== undefined) return { command: two, words: args.slice(2) };
  const later = laterCommands.find((name) => name === first || name === `${first} ${second}`);
  if (later !== undefined) throw new UsageError(`skein ${later} is not available in this version`);
  const group = commands.filter(({ name }) => name.startsWith(`${first} `));
  if (group.length > 0) {
    // `skein member --help` is answered with what there is.
    if (second === "--help" || second === "-h") {
      return { command: groupOf(first, group), words: args.slice(1) };
    }
    const known = group.map(({ name }) => name).join(", ");
    const problem = second === "" || second.startsWith("-")
      ? `skein ${first} needs one more word`
      : `"${first} ${second}" is not a command`;
    throw new UsageError(`${problem}; known are ${known}`);
  }
  if (first.startsWith("-")) {
    throw new UsageError(`${first} is not an option of skein; see skein --help`);
  }
  // "lists", and "memebr list" by its first word.
  const known = commands.flatMap(({ name }) => [name, name.split(" ")[0] ?? name]);
  const meant = nearest(first, known);
  const hint = meant === undefined ? "see skein --help" : `did you mean ${meant}?`;
  throw new UsageError(`${JSON.stringify(first)} is not a command; ${hint}`);
}

/** Stands for a group of commands where only its help is asked for. */
function groupOf(name: string, group: readonly Command[]): Command {
  const list = group.map((command) => `  skein ${command.name}  ${command.summary}`).join("\n");
  return {
    name,
    summary: list,
    operands: group.map((command) => command.name.slice(name.length + 1)).join("|"),
    options: [],
    example: group[0]?.example ?? "",
    run: () => Promise.resolve(exitCode.usage),
  };
}
