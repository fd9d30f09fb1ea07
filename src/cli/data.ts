/** `put`, `get`, `del`, `ls`: the data, over REST. */

import type { JsonObject } from "../client/members.ts";
import { keyPath, queryString } from "../client/paths.ts";
import { listMember, parseJson, recordOf } from "../client/records.ts";
import { foldersOf } from "../client/results.ts";
import type { Command, CommandContext } from "./command.ts";
import { boundOf, key64Option, keyOf, prefixOf, shownKey } from "./keys.ts";
import { type Listing, pageOptions, showListing } from "./pages.ts";
import {
  connect,
  lifeOptions,
  lifeQuery,
  onceOf,
  onceOptions,
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

export const put: Command = {
  name: "put",
  summary: "Store a value under a key",
  operands: "KEY VALUE | KEY - | KEY --file FILE",
  options: [
    {
      name: "file",
      value: "FILE",
      description: "take the value from this file; - here or as VALUE is standard input",
    },
    key64Option("key", "KEY"),
    { name: "content-type", value: "TYPE", description: "what GET answers the value with" },
    ...lifeOptions,
    ...writeOptions,
    ...onceOptions,
    ...remoteOptions,
  ],
  example: "skein put config/greeting hello --if-absent",
  async run(context) {
    const { args, terminal } = context;
    const remote = connect(context);
    const headers = { ...writeHeaders(context), "content-type": contentTypeOf(context) };
    const [life, once] = [lifeQuery(context), onceOf(context)];
    const { key, body } = await keyAndBody(context, "VALUE");
    const answer = await remote.ask({
      kind: "write",
      method: "PUT",
      target: keyPath(key) + queryString({ ...life, prev: args.has("prev") }),
      ...{ headers, body, once },
    });
    if (remote.output === "json") await writeJson(answer, terminal);
    else await terminal.write(writtenText(answer));
    return exitCode.ok;
  },
};

/** What is allowed in it is the server's to say; what is none of a header's never gets there. */
function contentTypeOf({ args }: CommandContext): string {
  const text = args.text("content-type") ?? "application/octet-stream";
  if (/^[\x20-\x7e]*$/.test(text)) return text;
  throw new UsageError(
    `--content-type is ${JSON.stringify(text)}; allowed are visible ASCII characters`,
  );
}

export const get: Command = {
  name: "get",
  summary: "Write the value of a key to standard output, byte for byte",
  operands: "KEY",
  options: [
    { name: "revision", value: "N", description: "as it was at this revision" },
    key64Option("key", "KEY"),
    ...readOptions,
    ...remoteOptions,
  ],
  example: "skein get config/greeting --consistency eventual",
  async run(context) {
    const { args, terminal } = context;
    const remote = connect(context);
    const { key } = keyOf(context);
    const answer = await remote.ask({
      kind: "read",
      method: "GET",
      target: keyPath(key) + queryString({
        ...(remote.output === "json" ? { format: "record" } : {}),
        consistency: args.oneOf("consistency", readLevels),
        revision: args.integer("revision", { min: 1, max: Number.MAX_SAFE_INTEGER }),
      }),
    });
    if (remote.output === "json") await writeJson(answer, terminal);
    else await terminal.write(answer.body);
    return exitCode.ok;
  },
};

export const del: Command = {
  name: "del",
  summary: "Delete a key, or every key with a prefix",
  operands: "KEY | --prefix P | --all",
  options: [
    { name: "prefix", value: "P", description: "delete every key that starts with it" },
    { name: "all", description: "delete every key" },
    { name: "limit", value: "N", description: "with --prefix and --all: at most so many" },
    key64Option("key", "KEY"),
    key64Option("prefix", "--prefix"),
    ...writeOptions.filter(({ name }) => name !== "if-absent"),
    ...onceOptions,
    ...remoteOptions,
  ],
  example: "skein del --prefix sessions/",
  async run(context) {
    const { terminal } = context;
    const remote = connect(context);
    const answer = await remote.ask({
      kind: "write",
      method: "DELETE",
      target: deleteTarget(context),
      headers: writeHeaders(context),
      once: onceOf(context),
    });
    if (remote.output === "json") {
      await writeJson(answer, terminal);
      return exitCode.ok;
    }
    const json = parseJson(answer.body);
    const rest = json["more"] === true ? ", more are left" : "";
    const at = `at revision ${cell(json["revision"])}`;
    await terminal.write(`deleted ${cell(json["deleted"])} ${at}${rest}\n`);
    await terminal.write(previousText(json));
    return exitCode.ok;
  },
};

function deleteTarget(context: CommandContext): string {
  const { args } = context;
  const prefix = boundOf(args, "prefix");
  const prev = args.has("prev");
  const limit = args.integer("limit", { min: 1, max: 10_000 });
  if (args.has("all")) {
    if (prefix !== undefined || args.operands.length > 0) {
      throw new UsageError("--all contradicts KEY and --prefix");
    }
    return `/v1/kv${queryString({ all: true, limit, prev })}`;
  }
  if (prefix === undefined) {
    if (limit !== undefined) throw new UsageError("--limit goes with --prefix or --all");
    return keyPath(keyOf(context).key) + queryString({ prev });
  }
  if (args.operands.length > 0) throw new UsageError("KEY and --prefix contradict each other");
  if (prefix.length === 0) {
    throw new UsageError("--prefix is empty, which would delete everything: --all does");
  }
  return `/v1/kv${queryString({ prefix, limit, prev })}`;
}

export const ls: Command = {
  name: "ls",
  summary: "List keys with a prefix, in order",
  operands: "[PREFIX]",
  options: [
    ...pageOptions,
    { name: "start", value: "KEY", description: "from this key on" },
    { name: "end", value: "KEY", description: "up to this key, which is left out" },
    { name: "reverse", description: "from the last to the first" },
    { name: "delimiter", value: "TEXT", description: "fold keys that contain it into folders" },
    { name: "keys-only", description: "leave the values out" },
    { name: "revision", value: "N", description: "as it was at this revision" },
    key64Option("prefix", "PREFIX"),
    key64Option("start", "--start"),
    key64Option("end", "--end"),
    ...readOptions,
    ...remoteOptions,
  ],
  example: "skein ls config/ --limit 10",
  async run(context) {
    const remote = connect(context);
    await showListing(context, remote, {
      path: "/v1/kv",
      query: listQuery(context),
      head: ["KEY", "REVISION", "VERSION", ...(hasValues(context) ? ["VALUE"] : [])],
      rowsOf: listRows,
    });
    return exitCode.ok;
  },
};

function listQuery(context: CommandContext): Listing["query"] {
  const { args } = context;
  const prefix = prefixOf(context);
  const [start, end] = [boundOf(args, "start"), boundOf(args, "end")];
  if (prefix !== undefined && (start !== undefined || end !== undefined)) {
    throw new UsageError("PREFIX contradicts --start and --end");
  }
  return {
    prefix,
    start,
    end,
    reverse: args.has("reverse"),
    delimiter: args.text("delimiter"),
    keys_only: args.has("keys-only"),
    revision: args.integer("revision", { min: 1, max: Number.MAX_SAFE_INTEGER }),
    consistency: args.oneOf("consistency", readLevels),
  };
}

/** Where keys are folded, the place of the value tells folders apart. */
function hasValues({ args }: CommandContext): boolean {
  return !args.has("keys-only") || args.has("delimiter");
}

function listRows(page: JsonObject): string[][] {
  const items = listMember(page, "items").map(recordOf);
  return [
    ...items.map(({ key, mod, version, value }) => [
      ...[shownKey(key), String(mod), String(version), shownValue(value)],
    ]),
    ...foldersOf(page).map((folder) => [shownKey(folder, "prefix"), "-", "-", "(folder)"]),
  ];
}
