/**
 * `recover`: the ways out that only a person can choose. A sole voter goes on although its log lost
 * something; a node that is left when a majority is gone goes on alone.
 */

import type { Command, CommandContext } from "./command.ts";
import { configFrom, configOptions } from "./config_source.ts";
import { operandsOf } from "./remote.ts";
import { exitCode } from "./report.ts";
import type { Recovered, RecoveryWish, Remains } from "./server_port.ts";
import { UsageError } from "./usage_error.ts";

export const recover: Command = {
  name: "recover",
  summary: "Look at what a stopped node holds, or let it go on without what is lost",
  operands: "",
  options: [
    ...configOptions,
    { name: "inspect", description: "say what the node holds, and change nothing" },
    {
      name: "lost-quorum",
      description: "a majority is gone for good: let this node go on alone, with what it holds",
    },
    { name: "accept-data-loss", description: "yes, what is lost may be lost" },
  ],
  example: "skein recover --inspect --config skein.yaml\n" +
    "  skein recover --lost-quorum --accept-data-loss --config skein.yaml",
  async run(context) {
    operandsOf(context, []);
    const { config } = configFrom(context);
    const wish = wishOf(context);
    const { runtime, terminal } = context;
    const recovered = await context.recoverNode({ config, runtime, wish });
    if (recovered.kind === "refused") {
      terminal.warn(`error: ${recovered.reason}`);
      return exitCode.failed;
    }
    await terminal.write(`${linesOf(recovered, config.dataDir).join("\n")}\n`);
    return exitCode.ok;
  },
};

function wishOf({ args }: CommandContext): RecoveryWish {
  if (args.has("inspect")) {
    if (!args.has("lost-quorum") && !args.has("accept-data-loss")) return "inspect";
    throw new UsageError("--inspect changes nothing: say it alone");
  }
  if (!args.has("accept-data-loss")) {
    throw new UsageError("Writes that were acknowledged may be gone; say --accept-data-loss");
  }
  return args.has("lost-quorum") ? "goOnAlone" : "acceptLoss";
}

function linesOf(
  recovered: Exclude<Recovered, { readonly kind: "refused" }>,
  dataDir: string,
): readonly string[] {
  switch (recovered.kind) {
    case "whole":
      return [`Nothing is missing from the log in ${dataDir}`];
    case "accepted": {
      const { lost, goesOnBehind } = recovered;
      return [`Accepted that ${lost}`, `The node goes on behind entry ${goesOnBehind.index}`];
    }
    case "alone": {
      const { nodeId, position, incarnation } = recovered;
      return [
        `Node ${nodeId} is the only voter from entry ${position.index} of term ${position.term} on`,
        `Its incarnation is ${incarnation}: no other node of before may come back, ` +
        "except by joining with an empty directory",
      ];
    }
    case "remains":
      return linesOfRemains(recovered.remains);
  }
}

function linesOfRemains(remains: Remains): readonly string[] {
  const { nodeId, incarnation, currentTerm, lastLog, commitIndex, applied, members } = remains;
  return [
    `node         ${nodeId}`,
    `incarnation  ${incarnation}`,
    `term         ${currentTerm}`,
    `last entry   ${lastLog.index} of term ${lastLog.term}`,
    `committed    ${commitIndex}, at least`,
    `applied      ${applied.index} of term ${applied.term}`,
    `state hash   ${remains.stateHash}`,
    `members      ${members.map(({ id, suffrage }) => `${id} (${suffrage})`).join(", ")}`,
    `log          ${remains.lost ?? "whole"}`,
    ...(remains.refusal === undefined ? [] : [`alone        no: ${remains.refusal}`]),
  ];
}
