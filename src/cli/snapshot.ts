/** `snapshot inspect`: backups as files. */

import { hex } from "../lib/bytes.ts";
import type { Command } from "./command.ts";
import { operandsOf } from "./remote.ts";
import { exitCode } from "./report.ts";
import type { InspectedBackup } from "./server_port.ts";

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
