/** `start`: runs a node until it is told to stop. */

import process from "node:process";
import type { Config } from "../config/schema.ts";
import { createLogger, type Logger } from "../lib/logger.ts";
import { commit, version } from "../lib/version.ts";
import type { Command, CommandContext } from "./command.ts";
import { configFrom, configOptions } from "./config_source.ts";
import { startWarnings } from "./machine.ts";
import { operandsOf } from "./remote.ts";
import type { RunningServer } from "./server_port.ts";

export const start: Command = {
  name: "start",
  summary: "Run a node; without options a single one on loopback, with its data in ./skein-data",
  operands: "",
  options: configOptions,
  example: "skein start --config skein.yaml",
  async run(context) {
    operandsOf(context, []);
    const { config } = configFrom(context);
    const logger = loggerOf(config, context);
    for (const warning of startWarnings(config, context.runtime)) logger.warn(warning);
    logger.info("Starting", {
      version,
      runtime: `${context.runtime.name} ${context.runtime.version}`,
      data_dir: config.dataDir,
    });
    const { runtime } = context;
    const program = { version, commit };
    const server = await context.startServer({ config, runtime, logger, program });
    logger.info("Listening", { http: server.httpUrl, rpc: server.rpcAddress });
    return await runUntilTold(context, server, logger);
  },
};

function loggerOf(config: Config, { terminal }: CommandContext): Logger {
  return createLogger({
    level: config.monitoring.logLevel,
    format: config.monitoring.logFormat,
    write: (line) => terminal.warn(line),
    timestamp: () => new Date().toISOString(),
  });
}

/** The first signal stops the node in order, the second one at once. */
async function runUntilTold(
  { runtime }: CommandContext,
  server: RunningServer,
  logger: Logger,
): Promise<number> {
  let stopping = false;
  const stop = (reason: string): void => {
    stopping = true;
    logger.info("Stopping", { reason });
    server.stop().catch((error: unknown) => logger.error(`Cannot stop in order: ${String(error)}`));
  };
  const isSupervised = runtime.env("SKEIN_SUPERVISED") === "1";
  const forget = runtime.onSignal((signal) => {
    if (!stopping) stop(signal);
    else if (!isSupervised) runtime.exit(signal === "SIGINT" ? 130 : 143);
  });
  const leave = isSupervised
    ? onSupervisorGone(() => !stopping && stop("supervisor gone"))
    : forget;
  const { code } = await server.stopped;
  leave();
  forget();
  return code;
}

/**
 * `skein dev` holds the other end of its nodes' standard input: when that closes it asked them to
 * stop, or died without a chance to.
 */
function onSupervisorGone(handler: () => void): () => void {
  process.stdin.on("end", handler);
  process.stdin.on("error", handler);
  process.stdin.resume();
  return () => {
    process.stdin.off("end", handler);
    process.stdin.off("error", handler);
    process.stdin.destroy();
  };
}
