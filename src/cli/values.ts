/** Values on the command line: where they come from, and how they are shown. */

import type { RestAnswer } from "../client/connection.ts";
import { parseJson, recordOf } from "../client/records.ts";
import { utf8 } from "../lib/bytes.ts";
import type { CommandContext } from "./command.ts";
import { keyOf, shownKey } from "./keys.ts";
import { cell, printable } from "./table.ts";
import { UsageError } from "./usage_error.ts";

const shownValueLength = 60;

/** The beginning of a value, on one line. */
export function shownValue(value: Uint8Array): string {
  const shown = printable(value.subarray(0, shownValueLength));
  return value.length > shownValueLength ? `${shown}... (${value.length} bytes)` : shown;
}

/** KEY, and what `--file` or the operand behind KEY says; `-` is standard input. */
export async function keyAndBody(
  context: CommandContext,
  name: string,
): Promise<{ readonly key: Uint8Array; readonly body: Uint8Array }> {
  const { args } = context;
  const file = args.text("file");
  if (file !== undefined && args.operands.length > (args.has("key64") ? 0 : 1)) {
    throw new UsageError(`${name} and --file contradict each other`);
  }
  const { key, operands: [value] } = keyOf(context, file === undefined ? [name] : []);
  const body = file === undefined && value !== "-"
    ? utf8(value ?? "")
    : await inputOf(context, file ?? "-");
  return { key, body };
}

/** All of a file; `-` is standard input. */
export async function inputOf(context: CommandContext, path: string): Promise<Uint8Array> {
  return path === "-" ? await context.terminal.readInput() : readFile(context, path);
}

function readFile({ terminal }: CommandContext, path: string): Uint8Array {
  try {
    return terminal.readFile(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError(`--file is ${JSON.stringify(path)}, which cannot be read: ${reason}`);
  }
}

/** What a write of one key has done. */
export function writtenText(answer: RestAnswer): string {
  const json = parseJson(answer.body);
  const verb = answer.status === 201 ? "created" : "updated";
  return `${verb} at revision ${cell(json["revision"])}\n${previousText(json)}`;
}

/** What was there before: empty where nothing was, or nobody asked; of a range, a line a key. */
export function previousText(json: Readonly<Record<string, unknown>>): string {
  // A repetition after a lost answer is not told what was read then.
  return json["results_omitted"] === true
    ? "what was there before is not known: the answer had to be asked for again\n"
    : previous(json["prev"]);
}

function previous(json: unknown): string {
  if (json === undefined || json === null) return "";
  if (Array.isArray(json)) {
    return json.map((each) => `${shownKey(recordOf(each).key)} ${previous(each)}`).join("");
  }
  const { mod, value } = recordOf(json);
  return `before, at revision ${mod}: ${printable(value)}\n`;
}
