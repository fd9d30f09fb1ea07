/** `patch`, `incr`, `history`, `compact`: values that follow from others, and what they were. */

import { type HistoryItem, historyPageOf } from "../client/history.ts";
import { historyPath, keyPath, queryString } from "../client/paths.ts";
import { parseJson } from "../client/records.ts";
import { utf8 } from "../lib/bytes.ts";
import type { Command } from "./command.ts";
import { key64Option, keyOf } from "./keys.ts";
import { pageOptions, showListing } from "./pages.ts";
import {
  connect,
  onceOf,
  onceOptions,
  operandsOf,
  readLevels,
  readOptions,
  remoteOptions,
  writeHeaders,
  writeJson,
  writeOptions,
} from "./remote.ts";
import { exitCode } from "./report.ts";
import { cell } from "./table.ts";
import { UsageError } from "./usage_error.ts";
import { keyAndBody, previousText, shownValue, writtenText } from "./values.ts";

export const patch: Command = {
  name: "patch",
  summary: "Merge a patch into a JSON document (RFC 7396); null removes a member",
  operands: "KEY JSON | KEY - | KEY --file FILE",
  options: [
    {
      name: "file",
      value: "FILE",
      description: "take the patch from this file; - here or as JSON is standard input",
    },
    key64Option("key", "KEY"),
    ...writeOptions,
    ...onceOptions,
    ...remoteOptions,
  ],
  example: `skein patch config/flags '{"dark": true, "old": null}'`,
  async run(context) {
    const remote = connect(context);
    const headers = {
      "content-type": "application/merge-patch+json",
      ...writeHeaders(context),
    };
    const once = onceOf(context);
    const { key, body } = await keyAndBody(context, "JSON");
    const answer = await remote.ask({
      kind: "write",
      method: "PATCH",
      target: keyPath(key) + queryString({ prev: context.args.has("prev") }),
      ...{ headers, body, once },
    });
    if (remote.output === "json") await writeJson(answer, context.terminal);
    else await context.terminal.write(writtenText(answer));
    return exitCode.ok;
  },
};

export const incr: Command = {
  name: "incr",
  summary: "Add to the number under a key, 1 unless given, and show the sum",
  operands: "KEY [N]",
  options: [
    key64Option("key", "KEY"),
    ...writeOptions,
    ...onceOptions,
    ...remoteOptions,
  ],
  example: "skein incr visits 5",
  async run(context) {
    const { args, terminal } = context;
    const remote = connect(context);
    const isGiven = args.operands.length > (args.has("key64") ? 0 : 1);
    const { key, operands: [by = "1"] } = keyOf(context, isGiven ? ["N"] : []);
    if (!/^-?\d{1,19}$/.test(by)) {
      throw new UsageError(`N is ${JSON.stringify(by)}; allowed is a signed 64-bit integer`);
    }
    const answer = await remote.ask({
      kind: "write",
      method: "POST",
      target: keyPath(key) + queryString({ prev: args.has("prev") }),
      headers: { "content-type": "application/json", ...writeHeaders(context) },
      body: utf8(JSON.stringify({ op: "add", value: by })),
      once: onceOf(context),
    });
    if (remote.output === "json") await writeJson(answer, terminal);
    else {
      const json = parseJson(answer.body);
      await terminal.write(`${cell(json["value"])}\n${previousText(json)}`);
    }
    return exitCode.ok;
  },
};

const maxSafe = Number.MAX_SAFE_INTEGER;

export const history: Command = {
  name: "history",
  summary: "Show the versions and deletions of a key, the newest first",
  operands: "KEY",
  options: [
    ...pageOptions,
    { name: "revision", value: "N", description: "as it was at this revision" },
    key64Option("key", "KEY"),
    ...readOptions,
    ...remoteOptions,
  ],
  example: "skein history config/greeting --limit 10",
  async run(context) {
    const { args } = context;
    const remote = connect(context);
    const { key } = keyOf(context);
    await showListing(context, remote, {
      path: historyPath(key),
      query: {
        revision: args.integer("revision", { min: 1, max: maxSafe }),
        consistency: args.oneOf("consistency", readLevels),
      },
      head: ["REVISION", "VERSION", "TIME", "VALUE"],
      rowsOf: (page) => historyPageOf(page).items.map(historyRow),
    });
    return exitCode.ok;
  },
};

function historyRow(item: HistoryItem): string[] {
  if (item.kind === "deleted") return [String(item.mod), "-", item.time, "(deleted)"];
  const { mod, version, value } = item.record;
  return [String(mod), String(version), item.time, shownValue(value)];
}

export const compact: Command = {
  name: "compact",
  summary: "Give up what was before a revision, which stays readable itself",
  operands: "REVISION",
  options: [...onceOptions, ...remoteOptions],
  example: "skein compact 1842",
  async run(context) {
    const remote = connect(context);
    const [text = ""] = operandsOf(context, ["REVISION"]);
    const revision = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
    if (!(revision >= 1 && revision <= maxSafe)) {
      const allowed = `an integer from 1 to ${maxSafe}`;
      throw new UsageError(`REVISION is ${JSON.stringify(text)}; allowed is ${allowed}`);
    }
    const answer = await remote.ask({
      kind: "write",
      method: "POST",
      target: "/v1/compactions",
      headers: { "content-type": "application/json" },
      body: utf8(JSON.stringify({ revision })),
      once: onceOf(context),
    });
    if (remote.output === "json") await writeJson(answer, context.terminal);
    else {
      const { oldest, revision: newest } = parseJson(answer.body);
      await context.terminal.write(`revisions ${cell(oldest)} to ${cell(newest)} can be read\n`);
    }
    return exitCode.ok;
  },
};
