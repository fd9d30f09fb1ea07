/** `recover`: lets a sole voter go on although its log lost something. */

import type { Command } from "./command.ts";
import { configFrom, configOptions } from "./config_source.ts";
import { operandsOf } from "./remote.ts";
import { exitCode } from "./report.ts";
import { UsageError } from "./usage_error.ts";

export const recover: Command = {
  name: "recover",
  summary: "Let the only voter of a cluster start again although its log lost something",
  operands: "",
  options: [
    ...configOptions,
    { name: "accept-data-loss", description: "yes, what is lost may be lost" },
  ],
  example: "skein recover --accept-data-loss --config skein.yaml",
  async run(context) {
    operandsOf(context, []);
    const { config } = configFrom(context);
    if (!context.args.has("accept-data-loss")) {
      throw new UsageError("Writes that were acknowledged may be gone; say --accept-data-loss");
    }
    const acceptance = await context.recoverNode({ config, runtime: context.runtime });
    switch (acceptance.kind) {
      case "whole":
        await context.terminal.write(`Nothing is missing from the log in ${config.dataDir}\n`);
        return exitCode.ok;
      case "refused":
        context.terminal.warn(`error: ${acceptance.reason}`);
        return exitCode.failed;
      case "accepted": {
        const { lost, goesOnBehind } = acceptance;
        await context.terminal.write(
          `Accepted that ${lost}\nThe node goes on behind entry ${goesOnBehind.index}\n`,
        );
        return exitCode.ok;
      }
    }
  },
};
