/** `dev`: a whole local cluster of real processes in one terminal. */

import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { foundersIn } from "../server_birth.ts";
import type { Command, CommandContext } from "./command.ts";
import { DevNode } from "./dev_node.ts";
import { addressesText, DevView, statusText, tryText } from "./dev_view.ts";
import { listenError } from "./doctor.ts";
import { operandsOf } from "./remote.ts";
import { exitCode } from "./report.ts";
import { CommandError, UsageError } from "./usage_error.ts";

export const dev: Command = {
  name: "dev",
  summary: "Run a whole local cluster in this terminal",
  operands: "",
  options: [
    { name: "nodes", value: "N", description: "how many nodes (default 3)" },
    {
      name: "base-port",
      value: "PORT",
      description: "REST of node i on PORT + 10 (i - 1), gRPC on the one after it (default 7400)",
    },
    { name: "data-dir", value: "DIR", description: "node i in DIR/node-i (default ./skein-dev)" },
    { name: "reset", description: "delete the data of an earlier run first" },
    { name: "restart", description: "start a node that died again without being asked" },
  ],
  example: "skein dev --nodes 5 --base-port 8400 --data-dir /tmp/demo --reset",
  async run(context) {
    operandsOf(context, []);
    const cluster = new DevCluster(context);
    await cluster.prepare();
    return await cluster.run();
  },
};

const nodesMax = 15;
const portStep = 10;
const stopGraceMs = 10_000;
const restartPauseMs = 1000;
const pollMs = 200;
const refreshMs = 1000;

class DevCluster {
  readonly #context: CommandContext;
  readonly #view: DevView;
  readonly #folder: string;
  readonly #nodes: readonly DevNode[];
  readonly #ports: readonly { readonly port: number; readonly use: string }[];
  /** Resolves with the exit code once the cluster shall end. */
  readonly #ended = Promise.withResolvers<number>();
  #isEnding = false;

  constructor(context: CommandContext) {
    const { args, runtime, terminal } = context;
    this.#context = context;
    this.#view = new DevView(terminal);
    this.#folder = args.text("data-dir") ?? "./skein-dev";
    // One runtime would take it for the current directory.
    if (this.#folder === "") throw new UsageError('--data-dir is ""; allowed is a path');
    const count = args.integer("nodes", { min: 1, max: nodesMax }) ?? 3;
    const portMax = 65_535 - portStep * (count - 1) - 1;
    const basePort = args.integer("base-port", { min: 1, max: portMax }) ?? 7400;
    const ids = Array.from({ length: count }, (_, at) => at + 1);
    const httpPort = (id: number): number => basePort + portStep * (id - 1);
    this.#ports = ids.flatMap((id) => [
      { port: httpPort(id), use: `REST of node ${id}` },
      { port: httpPort(id) + 1, use: `gRPC of node ${id}` },
    ]);
    this.#nodes = ids.map((id) => {
      const others = ids.filter((other) => other !== id);
      const peers = others.map((other) => ({
        id: other,
        addr: `127.0.0.1:${httpPort(other) + 1}`,
      }));
      return new DevNode({
        id,
        folder: join(this.#folder, `node-${id}`),
        httpPort: httpPort(id),
        rpcPort: httpPort(id) + 1,
        selfCommand: runtime.selfCommand,
        environment: { ...runtime.environment(), SKEIN_PEERS: JSON.stringify(peers) },
        onDied: (node, how) => void this.#onDied(node, how),
      });
    });
  }

  /** Names every busy port before anything is started. */
  async prepare(): Promise<void> {
    const busy: string[] = [];
    for (const { port, use } of this.#ports) {
      const error = await listenError({ host: "127.0.0.1", port });
      if (error !== undefined) busy.push(`Port ${port} (${use}) cannot be used: ${error}`);
    }
    if (busy.length > 0) {
      throw new CommandError(`${busy.join("; ")}; choose other ports with --base-port`);
    }
    try {
      mkdirSync(this.#folder, { recursive: true });
      if (this.#context.args.has("reset")) this.#reset();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new CommandError(
        `--data-dir is ${JSON.stringify(this.#folder)}, which cannot be used: ${reason}`,
      );
    }
    this.#requireFounders();
  }

  /** Data of another number of nodes: some would be turned away, or be missing, one by one. */
  #requireFounders(): void {
    const wanted = this.#nodes.map(({ id }) => id);
    for (const folder of this.#nodeFolders()) {
      const founders = foundersIn(folder);
      if (founders === undefined || String(founders) === String(wanted)) continue;
      throw new CommandError(
        `The cluster in ${this.#folder} was formed by ${idsText(founders)}, asked for is one of ` +
          `${idsText(wanted)}: start it with --nodes ${founders.length}, or give --reset, which ` +
          "deletes its data",
      );
    }
  }

  /** Only what `dev` itself makes: a wrong --data-dir must not cost anybody a folder. */
  #reset(): void {
    for (const folder of this.#nodeFolders()) rmSync(folder, { recursive: true, force: true });
  }

  #nodeFolders(): readonly string[] {
    const names = readdirSync(this.#folder).filter((name) => /^node-\d+$/.test(name));
    return names.map((name) => join(this.#folder, name));
  }

  async run(): Promise<number> {
    const { runtime, terminal } = this.#context;
    const forgetSignals = runtime.onSignal(() => this.#end(exitCode.ok));
    const forgetKeys = terminal.isInteractive
      ? terminal.onKey((key) => void this.#onKey(key))
      : () => {};
    for (const node of this.#nodes) node.start();
    await this.#view.say(
      `skein dev: starting ${countText(this.#nodes.length)}, data in ${this.#folder}\n` +
        addressesText(this.#nodes),
    );
    const live = this.#greetAndRefresh();
    const code = await this.#ended.promise;
    await live;
    await this.#view.end();
    await Promise.all(this.#nodes.map((node) => node.stop(stopGraceMs)));
    forgetKeys();
    forgetSignals();
    return code;
  }

  #end(code: number): void {
    this.#isEnding = true;
    this.#ended.resolve(code);
  }

  async #greetAndRefresh(): Promise<void> {
    while (!this.#isEnding && !await this.#allReady()) await this.#pause(pollMs);
    if (!this.#isEnding) {
      const how = "Ready. Ctrl-C ends the cluster; its data stays for the next start.\n";
      await this.#view.say(how + tryText(this.#nodes));
    }
    while (!this.#isEnding && this.#context.terminal.isInteractive) {
      await this.#view.show(await statusText(this.#nodes));
      await this.#pause(refreshMs);
    }
  }

  async #allReady(): Promise<boolean> {
    const ready = await Promise.all(this.#nodes.map((node) => node.isReady()));
    return ready.every((isReady) => isReady);
  }

  /** Ends early when the cluster does. */
  #pause(ms: number): Promise<unknown> {
    return Promise.race([new Promise((resolve) => setTimeout(resolve, ms)), this.#ended.promise]);
  }

  async #onDied(node: DevNode, how: string): Promise<void> {
    if (this.#isEnding) return;
    const restarts = this.#context.args.has("restart");
    const next = restarts
      ? "restarting"
      : this.#context.terminal.isInteractive
      ? "press r to restart it"
      : "it stays down, with --restart it would come back";
    const tail = node.logTail(3).map((line) => `  ${line}\n`).join("");
    await this.#view.say(
      `node ${node.id} ended with ${how}; ${next}; from ${node.logFile}:\n${tail}`,
    );
    if (restarts) {
      await this.#pause(restartPauseMs);
      this.#restartDead();
    } else if (
      !this.#context.terminal.isInteractive && !this.#nodes.some((each) => each.isRunning)
    ) {
      this.#end(exitCode.failed);
    }
  }

  async #onKey(key: string): Promise<void> {
    // In raw mode Ctrl-C and Ctrl-D are keys like others.
    if (key === "q" || key === "\x03" || key === "\x04") this.#end(exitCode.ok);
    else if (key === "r") {
      const dead = this.#nodes.filter((node) => !node.isRunning);
      this.#restartDead();
      if (dead.length === 0) return;
      const names = dead.map((node) => `node ${node.id}`).join(", ");
      await this.#view.say(`restarting ${names}\n`);
    }
  }

  #restartDead(): void {
    if (this.#isEnding) return;
    for (const node of this.#nodes) {
      if (node.isRunning) continue;
      node.start();
      void this.#announce(node);
    }
  }

  /** Says when a node that was started again serves. */
  async #announce(node: DevNode): Promise<void> {
    while (!this.#isEnding && node.isRunning) {
      if (await node.isReady()) return await this.#view.say(`node ${node.id} is ready again\n`);
      await this.#pause(pollMs);
    }
  }
}

function idsText(ids: readonly number[]): string {
  return ids.length === 1 ? `node ${ids[0]} alone` : `the nodes ${ids.join(", ")}`;
}

function countText(nodes: number): string {
  return nodes === 1 ? "1 node" : `${nodes} nodes`;
}
