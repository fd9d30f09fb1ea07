/** `version`. */

import { commit, version as programVersion } from "../lib/version.ts";
import type { Command } from "./command.ts";
import { operandsOf } from "./remote.ts";
import { exitCode } from "./report.ts";

export const version: Command = {
  name: "version",
  summary: "Show which build this is and what it runs on",
  operands: "",
  options: [{ name: "output", short: "o", value: "table|json", description: "how to show it" }],
  example: "skein version",
  async run(context) {
    operandsOf(context, []);
    const { runtime, terminal, args } = context;
    const output = args.oneOf("output", ["table", "json"]) ?? "table";
    const facts = {
      version: programVersion,
      commit,
      runtime: runtime.name,
      runtime_version: runtime.version,
      sqlite: runtime.sqliteVersion,
    };
    await terminal.write(
      output === "json"
        ? `${JSON.stringify(facts)}\n`
        : `skein ${facts.version} (${facts.commit}), ${facts.runtime} ${facts.runtime_version}, ` +
          `SQLite ${facts.sqlite}\n`,
    );
    return exitCode.ok;
  },
};
