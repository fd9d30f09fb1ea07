/**
 * Nodes as src/server.ts starts them, all in this process: real SQLite, real gRPC and HTTP on
 * loopback, ports and directories of their own that stay the same over all starts.
 */

import { join } from "node:path";
import { loadConfig } from "../../src/config/load.ts";
import { createLogger } from "../../src/lib/logger.ts";
import { type RunningServer, startServer } from "../../src/server.ts";
import { programVersions } from "../../src/server_versions.ts";
import { type OnceRequest, requestOnce } from "./http_once.ts";
import { freePorts } from "./ports.ts";
import { currentRuntime } from "./runtime.ts";
import { makeTempDir, type TempDir } from "./temp_dir.ts";
import { until } from "./wait.ts";

/** A leader stays until a test takes it away, however busy the one thread of all nodes is. */
const timing = {
  "raft.heartbeat_interval_ms": "50",
  "raft.election_timeout_min_ms": "3000",
  "raft.election_timeout_max_ms": "4500",
  // Who votes is the test's to say; one of promotion turns it on again.
  "raft.promote_learners": "false",
  "storage.space_low_bytes": "0",
  "storage.space_reserve_bytes": "0",
};

/** By path, as typed; undefined takes one back. */
export type Flags = Readonly<Record<string, string | undefined>>;

/** What of GET /v1/cluster the tests look at. */
export interface SeenCluster {
  readonly cluster_id: string;
  readonly node_id: number;
  readonly term: number;
  readonly leader: { readonly id: number; readonly http: string; readonly rpc: string } | null;
  readonly members: readonly {
    readonly id: number;
    readonly suffrage: string;
    readonly role: string | null;
    readonly http: string | null;
    readonly match: number | null;
    readonly applied: number | null;
    readonly lag_ms: number | null;
    readonly healthy: boolean | null;
    readonly version: string | null;
  }[];
}

const runtime = await currentRuntime();

export type OnceInit = Partial<Pick<OnceRequest, "method" | "headers" | "body">>;

/**
 * As `fetch`, on a connection of its own: one that was kept may belong to a server that has ended.
 */
export async function fetchOnce(url: string, init: OnceInit = {}): Promise<Response> {
  const answer = await requestOnce({ method: "GET", ...init, url, withinMs: 60_000 });
  if (answer.kind !== "answered") throw new Error(`${url}: ${answer.kind}, ${answer.reason}`);
  const { status, headers, body } = answer;
  return new Response(body === "" ? null : body, { status, headers: [...headers] });
}

/** A directory and two ports, with or without a server on them. */
export class ServedNode {
  readonly id: number;
  readonly url: string;
  readonly rpcAddress: string;
  readonly dataDir: string;
  readonly lines: string[] = [];
  readonly #from: { readonly folder: string; readonly ports: readonly number[] };
  readonly #flags: Flags;
  #server: RunningServer | undefined;

  constructor(id: number, from: { readonly folder: string; readonly ports: readonly number[] }) {
    const count = from.ports.length / 2;
    const at = (other: number) => ({
      http: `127.0.0.1:${from.ports[2 * other - 2]}`,
      rpc: `127.0.0.1:${from.ports[2 * other - 1]}`,
    });
    const others = Array.from({ length: count }, (_, at) => at + 1).filter((other) => other !== id);
    this.#from = from;
    this.id = id;
    this.url = `http://${at(id).http}`;
    this.rpcAddress = at(id).rpc;
    this.dataDir = join(from.folder, `node-${id}`);
    this.#flags = {
      ...timing,
      ...{ node_id: String(id), http_addr: at(id).http, rpc_addr: at(id).rpc },
      data_dir: this.dataDir,
      peers: JSON.stringify(others.map((other) => ({ id: other, addr: at(other).rpc }))),
    };
  }

  /** Another one on the same directory and the same ports. */
  again(): ServedNode {
    return new ServedNode(this.id, this.#from);
  }

  get server(): RunningServer {
    if (this.#server === undefined) throw new Error(`Node ${this.id} does not run`);
    return this.#server;
  }

  get isRunning(): boolean {
    return this.#server !== undefined;
  }

  async start(more: Flags = {}, versions = programVersions): Promise<void> {
    const flags = Object.entries({ ...this.#flags, ...more }).flatMap(([path, text]) =>
      text === undefined ? [] : [{ flag: path, path, text }]
    );
    this.#server = await startServer({
      config: loadConfig({ flags }).config,
      runtime,
      logger: createLogger({
        level: "info",
        format: "text",
        write: (line) => this.lines.push(line),
        timestamp: () => new Date().toISOString(),
      }),
    }, versions);
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    await server?.stop();
  }

  /** `path` begins with a slash. */
  async fetch(path: string, init: OnceInit = {}): Promise<Response> {
    return await fetchOnce(`${this.url}${path}`, init);
  }

  /** The status of /readyz, and what it says. */
  async readiness(): Promise<{ readonly status: number; readonly text: string }> {
    const response = await this.fetch("/readyz?verbose=true");
    return { status: response.status, text: await response.text() };
  }

  async cluster(): Promise<SeenCluster> {
    const response = await this.fetch("/v1/cluster");
    const seen: SeenCluster = await response.json();
    return seen;
  }

  async isReady(): Promise<boolean> {
    return (await this.readiness()).status === 200;
  }
}

export class ServerCluster {
  readonly nodes: readonly ServedNode[];
  readonly #folder: TempDir;

  constructor(folder: TempDir, ports: readonly number[]) {
    this.#folder = folder;
    this.nodes = Array.from(
      { length: ports.length / 2 },
      (_, at) => new ServedNode(at + 1, { folder: folder.path, ports }),
    );
  }

  node(id: number): ServedNode {
    const node = this.nodes[id - 1];
    if (node === undefined) throw new Error(`There is no node ${id}`);
    return node;
  }

  others(...nodes: readonly ServedNode[]): readonly ServedNode[] {
    return this.nodes.filter((node) => !nodes.includes(node));
  }

  /** Starts whoever is down and waits until all are ready. */
  async start(): Promise<void> {
    await Promise.all(this.nodes.filter((node) => !node.isRunning).map((node) => node.start()));
    await this.ready();
  }

  async ready(): Promise<void> {
    for (const node of this.nodes) {
      if (!node.isRunning) continue;
      await until(() => node.isReady(), { what: `node ${node.id} to be ready` });
    }
  }

  /** The one that all running nodes take for the leader. */
  async leader(): Promise<ServedNode> {
    const running = this.nodes.filter(({ isRunning }) => isRunning);
    const agreed = async (): Promise<ServedNode | undefined> => {
      const ids = await Promise.all(running.map(async (node) => (await node.cluster()).leader?.id));
      const [first] = ids;
      return first !== undefined && ids.every((id) => id === first) ? this.node(first) : undefined;
    };
    return await until(agreed, { what: "a leader" });
  }

  async remove(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()));
    this.#folder.remove();
  }
}

/** A cluster whose nodes are all down. */
export async function makeServerCluster(nodes = 3): Promise<ServerCluster> {
  return new ServerCluster(makeTempDir("servers"), await freePorts(2 * nodes));
}
