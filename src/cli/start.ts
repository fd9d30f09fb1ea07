/** `start`: runs a node until it is told to stop. */

import process from "node:process";
import type { Config } from "../config/schema.ts";
import { createLogger, type Logger } from "../lib/logger.ts";
import { commit, version } from "../lib/version.ts";
import type { Command, CommandContext } from "./command.ts";
import { configFrom, configOptions } from "./config_source.ts";
import { startWarnings } from "./machine.ts";
import type { Runtime } from "../runtime/mod.ts";
import { operandsOf } from "./remote.ts";

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
    // Before the server is there: who stops a node that is still starting shall be heard.
    const stopWish = new StopWish(runtime, logger);
    try {
      const program = { version, commit };
      const server = await context.startServer({ config, runtime, logger, program });
      logger.info("Listening", { http: server.httpUrl, rpc: server.rpcAddress });
      stopWish.granted(() => server.stop());
      const { code } = await server.stopped;
      return code;
    } finally {
      stopWish.forget();
    }
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
class StopWish {
  readonly #logger: Logger;
  readonly #forgets: (() => void)[] = [];
  #isWished = false;
  #stop: (() => Promise<void>) | undefined;

  constructor(runtime: Runtime, logger: Logger) {
    this.#logger = logger;
    const isSupervised = runtime.env("SKEIN_SUPERVISED") === "1";
    this.#forgets.push(runtime.onSignal((signal) => {
      if (!this.#isWished) this.#wish(signal);
      // Whoever supervises repeats itself, and kills when it has lost patience.
      else if (!isSupervised) runtime.exit(signal === "SIGINT" ? 130 : 143);
    }));
    if (isSupervised) this.#forgets.push(onSupervisorGone(() => this.#wish("supervisor gone")));
  }

  /** From now on a wish is granted by `stop`; an earlier one at once. */
  granted(stop: () => Promise<void>): void {
    this.#stop = stop;
    if (this.#isWished) this.#grant();
  }

  forget(): void {
    for (const forget of this.#forgets) forget();
  }

  #wish(reason: string): void {
    if (this.#isWished) return;
    this.#isWished = true;
    this.#logger.info("Stopping", { reason });
    this.#grant();
  }

  #grant(): void {
    this.#stop?.().catch((error: unknown) => {
      this.#logger.error(`The node does not stop in order: ${String(error)}`);
    });
  }
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
