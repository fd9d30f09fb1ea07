/**
 * Real node processes for tests: started with configuration files of their own on free ports,
 * killed, stopped and continued by signals to the runtime's own process, and never left behind.
 */

import { type ChildProcess, spawn } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import denoFlags from "../../src/runtime/deno/run_flags.json" with { type: "json" };
import { programEnvironment } from "./environment.ts";
import { requestOnce } from "./http_once.ts";
import { freePorts } from "./ports.ts";
import { makeTempDir } from "./temp_dir.ts";
import { until } from "./wait.ts";

/** How a node is run: from source on either runtime, or as the compiled program. */
export type Build = "bun" | "deno" | "binary";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** The program of a build, ready for the arguments of `skein`. */
export function buildCommand(build: Build): readonly string[] {
  // The links in .bin are resolved, so that the process we start is the runtime and no wrapper
  // that would take our signals in its place.
  const runtime = (name: string): string => realpathSync(join(root, "node_modules", ".bin", name));
  switch (build) {
    case "bun":
      return [runtime("bun"), join(root, "src/main_bun.ts")];
    case "deno":
      return [runtime("deno"), "run", ...denoFlags, join(root, "src/main_deno.ts")];
    case "binary":
      return [join(root, "dist/skein")];
  }
}

/** Whether `npm run build` has been run. */
export function hasBinary(): boolean {
  return existsSync(join(root, "dist/skein"));
}

/**
 * Lines of configuration for tests that need a leader which stays: no pause of one process that a
 * busy machine may make takes so long that the others elect anew.
 */
export const steadyLeader =
  "raft: { election_timeout_min_ms: 3000, election_timeout_max_ms: 4500 }";

export interface ClusterOptions {
  /** One node a build; ids from 1. */
  readonly builds: readonly Build[];
  /** All nodes but the first join it, and are given their ids; otherwise they form the cluster. */
  readonly joins?: true;
  /** More lines of YAML for every node's configuration file. */
  readonly config?: string;
  /** The program of a build; {@link buildCommand} when absent. */
  readonly command?: (build: Build) => readonly string[];
}

/** How a process ended. */
export interface ExitStatus {
  readonly code: number | null;
  readonly signal: string | null;
}

interface Launch {
  readonly id: number;
  readonly build: Build;
  readonly command: readonly string[];
  readonly folder: string;
  readonly httpPort: number;
  readonly rpcPort: number;
}

const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) sendSignal(child, "SIGKILL");
});

/** Not `child.kill`: under Deno that takes any first signal for the end and sends no second one. */
function sendSignal(child: ChildProcess, signal: string): void {
  if (child.pid === undefined) return;
  try {
    process.kill(child.pid, signal);
  } catch {
    // It ended in the meantime, which is what most signals are for.
  }
}

/** One node: its directory and ports stay the same over all its starts. */
export class NodeProcess {
  readonly id: number;
  readonly build: Build;
  /** REST, without a path. */
  readonly url: string;
  /** gRPC, `host:port`. */
  readonly rpcAddress: string;
  readonly dataDir: string;
  readonly configPath: string;
  /** Standard output and standard error of every start. */
  readonly logPath: string;
  readonly #command: readonly string[];
  #child: ChildProcess | undefined;
  #ended: Promise<ExitStatus> | undefined;

  constructor(launch: Launch, config: string) {
    this.id = launch.id;
    this.build = launch.build;
    this.url = `http://127.0.0.1:${launch.httpPort}`;
    this.rpcAddress = `127.0.0.1:${launch.rpcPort}`;
    this.dataDir = join(launch.folder, `node-${launch.id}`);
    this.configPath = join(launch.folder, `node-${launch.id}.yaml`);
    this.logPath = join(launch.folder, `node-${launch.id}.log`);
    this.#command = [...launch.command, "start", "--config", this.configPath];
    writeFileSync(this.configPath, config);
  }

  /** The process id of the runtime itself; undefined while the node is down. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Starts the process; it may not be ready for long. */
  start(): void {
    if (this.#child !== undefined) throw new Error(`Node ${this.id} is running already`);
    const log = openSync(this.logPath, "a");
    const [program = "", ...args] = this.#command;
    const child = spawn(program, args, {
      cwd: root,
      stdio: ["ignore", log, log],
      env: programEnvironment(),
    });
    closeSync(log);
    running.add(child);
    this.#child = child;
    this.#ended = new Promise((resolve) => {
      const end = (code: number | null, signal: string | null): void => {
        running.delete(child);
        if (this.#child === child) this.#child = undefined;
        resolve({ code, signal });
      };
      child.on("exit", end);
      child.on("error", () => end(null, null));
    });
  }

  /** kill -9, also of a paused process; resolves when it is gone. */
  async kill(): Promise<void> {
    if (this.#child !== undefined) sendSignal(this.#child, "SIGKILL");
    await this.#ended;
  }

  /** SIGSTOP: the process is there and does nothing, as in a long pause of its machine. */
  pause(): void {
    this.#signal("SIGSTOP");
  }

  /** SIGCONT. */
  resume(): void {
    this.#signal("SIGCONT");
  }

  /** SIGTERM; resolves with how the process ended. */
  async stop(): Promise<ExitStatus> {
    this.#signal("SIGTERM");
    return await this.ended();
  }

  /** Resolves when the process that was started last has ended, however it did. */
  async ended(): Promise<ExitStatus> {
    if (this.#ended === undefined) throw new Error(`Node ${this.id} was never started`);
    return await this.#ended;
  }

  /** Waits for /readyz; fails at once when the process ends meanwhile. */
  async ready(): Promise<void> {
    const isReady = async (): Promise<boolean> => {
      if (this.#child === undefined) return true;
      const url = `${this.url}/readyz`;
      const answer = await requestOnce({ method: "GET", url, withinMs: 5_000 });
      return answer.kind === "answered" && answer.status === 200;
    };
    await until(isReady, { what: `node ${this.id} to be ready`, everyMs: 20 });
    if (this.#child === undefined) {
      throw new Error(`Node ${this.id} ended before it was ready\n${this.logTail()}`);
    }
  }

  /** The last lines of the log, for messages. */
  logTail(lines = 20): string {
    const text = existsSync(this.logPath) ? readFileSync(this.logPath, "utf8") : "";
    const tail = text.trimEnd().split("\n").slice(-lines);
    return tail.map((line) => `  node ${this.id} | ${line}`).join("\n");
  }

  #signal(signal: "SIGSTOP" | "SIGCONT" | "SIGTERM"): void {
    if (this.#child === undefined) throw new Error(`Node ${this.id} is not running`);
    sendSignal(this.#child, signal);
  }
}

/** The nodes of one cluster, all knowing each other from the start. */
export class ProcessCluster {
  readonly nodes: readonly NodeProcess[];
  /** Holds configurations, data and logs. */
  readonly folder: string;

  constructor(nodes: readonly NodeProcess[], folder: string) {
    this.nodes = nodes;
    this.folder = folder;
  }

  /** The addresses of all nodes, whether they run or not. */
  get urls(): readonly string[] {
    return this.nodes.map(({ url }) => url);
  }

  node(id: number): NodeProcess {
    const node = this.nodes[id - 1];
    if (node === undefined) throw new Error(`There is no node ${id}`);
    return node;
  }

  /** Starts every node that is down and waits until all are ready. */
  async start(): Promise<void> {
    for (const node of this.nodes) if (node.pid === undefined) node.start();
    await Promise.all(this.nodes.map((node) => node.ready()));
  }

  /** Waits for a node that runs and says of itself that it leads; never `other`. */
  async leader(options: { readonly other?: NodeProcess; readonly withinMs?: number } = {}): Promise<
    NodeProcess
  > {
    const find = async (): Promise<NodeProcess | undefined> => {
      for (const node of this.nodes) {
        if (node.pid !== undefined && node !== options.other && await leads(node)) return node;
      }
      return undefined;
    };
    const { withinMs } = options;
    const limit = withinMs === undefined ? {} : { withinMs };
    return await until(find, { what: "a leader", everyMs: 20, ...limit });
  }

  /** Kills what runs. */
  async kill(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.kill()));
  }
}

async function leads(node: NodeProcess): Promise<boolean> {
  const url = `${node.url}/v1/cluster`;
  const answer = await requestOnce({ method: "GET", url, withinMs: 2_000 });
  if (answer.kind !== "answered" || answer.status !== 200) return false;
  const view: unknown = JSON.parse(answer.body);
  const leader = member(view, "leader");
  return leader !== undefined && member(leader, "id") === member(view, "node_id");
}

function member(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return new Map<string, unknown>(Object.entries(value)).get(name) ?? undefined;
}

/**
 * Makes a cluster whose nodes are all down, hands it to `run`, and kills whatever runs afterwards.
 * When `run` throws, its error is thrown on with the end of every log in its message, and the
 * folder stays; otherwise it is removed.
 */
export async function withCluster(
  options: ClusterOptions,
  run: (cluster: ProcessCluster) => Promise<void>,
): Promise<void> {
  const dir = makeTempDir("cluster");
  const cluster = await makeCluster(options, dir.path);
  try {
    await run(cluster);
  } catch (error) {
    await cluster.kill();
    const logs = cluster.nodes.map((node) => node.logTail()).join("\n");
    const message = error instanceof Error ? error.message : String(error);
    throw new Error(`${message}\n${logs}\nkept in ${dir.path}`, { cause: error });
  }
  await cluster.kill();
  dir.remove();
}

async function makeCluster(options: ClusterOptions, folder: string): Promise<ProcessCluster> {
  const ports = await freePorts(options.builds.length * 2);
  const launches = options.builds.map((build, at): Launch => ({
    ...{ id: at + 1, build, folder },
    command: (options.command ?? buildCommand)(build),
    httpPort: ports[2 * at]!,
    rpcPort: ports[2 * at + 1]!,
  }));
  const nodes = launches.map((launch) => {
    const others = launches.filter(({ id }) => id !== launch.id);
    const lines = options.joins === true
      ? joiningLines(launch, launches[0]!)
      : formingLines(launch, others);
    return new NodeProcess(launch, configText(launch, lines, options.config ?? ""));
  });
  for (const node of nodes) mkdirSync(node.dataDir, { recursive: true });
  return new ProcessCluster(nodes, folder);
}

function formingLines(node: Launch, peers: readonly Launch[]): readonly string[] {
  return [
    `node_id: ${node.id}`,
    ...(peers.length === 0 ? [] : ["peers:"]),
    ...peers.map(({ id, rpcPort }) => `  - { id: ${id}, addr: "127.0.0.1:${rpcPort}" }`),
  ];
}

function joiningLines(node: Launch, first: Launch): readonly string[] {
  return node === first ? ["node_id: 1"] : [`join: ["http://127.0.0.1:${first.httpPort}"]`];
}

function configText(node: Launch, names: readonly string[], more: string): string {
  const lines = [
    `cluster_id: test-${node.folder.replace(/[^A-Za-z0-9]+/g, "-").slice(-20)}`,
    `http_addr: "127.0.0.1:${node.httpPort}"`,
    `rpc_addr: "127.0.0.1:${node.rpcPort}"`,
    `data_dir: ${JSON.stringify(join(node.folder, `node-${node.id}`))}`,
    ...names,
  ];
  return `${lines.join("\n")}\n${more}\n`;
}
