/** `snapshot save`, `restore`, `inspect`: backups as files. */

import { Endpoints } from "../client/endpoints.ts";
import { parseJson } from "../client/records.ts";
import { hex } from "../lib/bytes.ts";
import type { Command, CommandContext } from "./command.ts";
import type { Option } from "./option.ts";
import { defaultEndpoint, operandsOf, remoteOptions, withHint, writeJson } from "./remote.ts";
import { exitCode } from "./report.ts";
import { cell } from "./table.ts";
import { UsageError } from "./usage_error.ts";
import { download, upload } from "./snapshot_transfer.ts";
import type { InspectedBackup } from "./server_port.ts";

/** As every node takes it: revisions go on from there. */
const aboveMax = 2 ** 51;
/** For so long nothing may come of it. */
const pauseMsDefault = 60_000;

const transferOptions: readonly Option[] = remoteOptions.map((option) =>
  option.name === "timeout"
    ? { ...option, description: "give up when nothing comes for so long (default 60s)" }
    : option
);

/** Whom to ask, and for how long nothing may come. */
function askedOf(
  { args }: CommandContext,
): { readonly endpoints: readonly string[]; readonly pauseMs: number } {
  const pauseMs = args.duration("timeout") ?? pauseMsDefault;
  try {
    const endpoints = new Endpoints((args.text("endpoints") ?? defaultEndpoint).split(","));
    return { endpoints: endpoints.inOrder("read"), pauseMs };
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(error.message);
    throw error;
  }
}

/** Where nobody was named, the error says how. */
function hinted({ args }: CommandContext, error: unknown): unknown {
  return args.has("endpoints") ? error : withHint(error);
}

export const snapshotSave: Command = {
  name: "snapshot save",
  summary: "Save a backup of the whole store to a file, while the cluster goes on",
  operands: "FILE",
  options: transferOptions,
  example: "skein snapshot save backup.skein --endpoints http://127.0.0.1:7410",
  async run(context) {
    const { args, terminal } = context;
    const output = args.oneOf("output", ["table", "json"]) ?? "table";
    const [file = ""] = operandsOf(context, ["FILE"]);
    const saved = await download(file, askedOf(context)).catch((error: unknown) => {
      throw hinted(context, error);
    });
    const { revision, bytes, sha256 } = saved;
    await terminal.write(
      output === "json"
        ? `${JSON.stringify(saved)}\n`
        : `saved revision ${revision} to ${file}: ${bytes} bytes, SHA-256 ${sha256}\n`,
    );
    return exitCode.ok;
  },
};

export const snapshotRestore: Command = {
  name: "snapshot restore",
  summary: "Restore a backup into a cluster, on all of its members",
  operands: "FILE",
  options: [
    { name: "replace", description: "also where the store holds keys or leases: they are gone" },
    { name: "verify", description: "only let the node look whether the file is whole" },
    {
      name: "above",
      value: "REVISION",
      description: "make the revision higher than this one, which clients may have seen",
    },
    ...transferOptions,
  ],
  example: "skein snapshot restore backup.skein --replace",
  async run(context) {
    const { args, terminal } = context;
    const output = args.oneOf("output", ["table", "json"]) ?? "table";
    const [file = ""] = operandsOf(context, ["FILE"]);
    const above = args.integer("above", { min: 1, max: aboveMax });
    const asked = askedOf(context);
    // A damaged file is not even sent.
    const inspected = await context.inspectBackup(file);
    if (inspected.kind === "damaged") throw new Error(inspected.reason);
    const query = (args.has("replace") ? "&replace=true" : "") +
      (args.has("verify") ? "&verify=true" : "") + (above === undefined ? "" : `&above=${above}`);
    const { digest: sha256 } = inspected.backup;
    const answer = await upload(file, query, { ...asked, sha256 }).catch((error: unknown) => {
      throw hinted(context, error);
    });
    if (output === "json") await writeJson(answer, terminal);
    else {
      const revision = parseJson(answer.body)["revision"];
      await terminal.write(
        revision === undefined
          ? `${file} is whole, and nothing was changed\n`
          : `restored ${file}: the store is at revision ${cell(revision)}\n`,
      );
    }
    return exitCode.ok;
  },
};

export const snapshotInspect: Command = {
  name: "snapshot inspect",
  summary: "Check the file of a backup to its last byte, and show what it holds",
  operands: "FILE",
  options: [{ name: "output", short: "o", value: "table|json", description: "how to show it" }],
  example: "skein snapshot inspect backup.skein",
  async run(context) {
    const [file = ""] = operandsOf(context, ["FILE"]);
    const output = context.args.oneOf("output", ["table", "json"]) ?? "table";
    const inspected = await context.inspectBackup(file);
    if (inspected.kind === "damaged") throw new Error(inspected.reason);
    const facts = factsOf(inspected.backup);
    await context.terminal.write(
      output === "json" ? `${JSON.stringify(facts)}\n` : tableOf(facts),
    );
    return exitCode.ok;
  },
};

/** In the words of the file's own header. */
function factsOf(
  { header, counts, bytes, digest }: InspectedBackup,
): Readonly<Record<string, string | number>> {
  return {
    format: header.format,
    program: header.program,
    created: new Date(header.createdMs).toISOString(),
    cluster_id: header.clusterId,
    applied_index: header.appliedIndex,
    revision: header.revision,
    oldest: header.oldest,
    keys: header.keys,
    ...counts,
    bytes,
    sha256: hex(digest),
  };
}

function tableOf(facts: Readonly<Record<string, string | number>>): string {
  const width = Math.max(...Object.keys(facts).map((name) => name.length));
  return Object.entries(facts).map(([name, value]) => `${name.padEnd(width)}  ${value}\n`).join("");
}
