/** `config check` and `config print`. */

import { formatOrigin } from "../config/yaml_file.ts";
import { loadConfig, type Setting } from "../config/load.ts";
import type { Command } from "./command.ts";
import { configFrom, configOptions } from "./config_source.ts";
import { startWarnings } from "./machine.ts";
import { operandsOf } from "./remote.ts";
import { exitCode } from "./report.ts";
import { renderTable } from "./table.ts";

export const configCheck: Command = {
  name: "config check",
  summary: "Say whether a configuration file is right, and what is unwise about it",
  operands: "FILE",
  options: [],
  example: "skein config check skein.yaml",
  async run(context) {
    const [file = ""] = operandsOf(context, ["FILE"]);
    // The file alone: a variable of this shell must not hide what is wrong with it.
    const { config } = loadConfig({ file });
    for (const warning of startWarnings(config, context.runtime)) {
      context.terminal.warn(`warning: ${warning}`);
    }
    await context.terminal.write(`${file} is valid\n`);
    return exitCode.ok;
  },
};

export const configPrint: Command = {
  name: "config print",
  summary: "Show every value in effect and where it came from",
  operands: "",
  options: [
    ...configOptions,
    { name: "output", short: "o", value: "table|json", description: "json is for programs" },
  ],
  example: "skein config print --config skein.yaml",
  async run(context) {
    operandsOf(context, []);
    const output = context.args.oneOf("output", ["table", "json"]) ?? "table";
    const { settings } = configFrom(context);
    const text = output === "json" ? settingsJson(settings) : settingsTable(settings);
    await context.terminal.write(text);
    return exitCode.ok;
  },
};

function settingsTable(settings: readonly Setting[]): string {
  const rows = settings.map(({ key, value, origin }) => [
    key.path,
    value === undefined ? "-" : JSON.stringify(value),
    formatOrigin(origin),
  ]);
  return renderTable(["KEY", "VALUE", "FROM"], rows);
}

function settingsJson(settings: readonly Setting[]): string {
  const list = settings.map(({ key, value, origin }) => ({
    key: key.path,
    value: value ?? null,
    from: formatOrigin(origin),
  }));
  return `${JSON.stringify(list, null, 2)}\n`;
}
