/** Three nodes of this program, run from source, with their defaults. */

import { execFileSync } from "node:child_process";
import { mkdirSync, realpathSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { version } from "../../src/lib/version.ts";
import denoFlags from "../../src/runtime/deno/run_flags.json" with { type: "json" };
import { freePorts } from "../../test/harness/ports.ts";
import { runtimeProgram } from "../gate/run_command.ts";
import { askJson, Cluster, type Member, memberCount, membersOf } from "./cluster.ts";
import { root } from "./run_generator.ts";
import { ServerProcess } from "./server_process.ts";

export type RuntimeName = "bun" | "deno";
/** What holds log and store; both wait for the disk. */
export type EngineName = "sqlite" | "file";

export interface SkeinOptions {
  readonly runtime: RuntimeName;
  readonly engine: EngineName;
  /** Holds data and logs. */
  readonly folder: string;
  /** Where each node, if it runs on Bun, writes a CPU profile when it ends. */
  readonly profileFolder: string | undefined;
}

export async function startSkein(options: SkeinOptions): Promise<Cluster> {
  return startSkeinOn(options, await freePorts(memberCount * 2));
}

/** On given ports, two a node, so that it can be started again over the same data. */
export function startSkeinOn(options: SkeinOptions, ports: readonly number[]): Cluster {
  const length = ports.length / 2;
  const members = Array.from({ length }, (_, at) => startNode(options, ports, at));
  return new Cluster({
    name: "skein",
    version: `skein ${version} on ${runtimeVersion(options.runtime)}, storage ${options.engine}`,
    leads: async ({ rest }) => {
      const view = await askJson(rest, "/v1/cluster");
      const leader = membersOf(view?.get("leader")).get("id");
      return leader !== undefined && leader === view?.get("node_id");
    },
  }, members);
}

function startNode(options: SkeinOptions, ports: readonly number[], at: number): Member {
  const id = at + 1;
  const host = "127.0.0.1";
  const restPort = ports[2 * at]!;
  const rpcPort = ports[2 * at + 1]!;
  const folder = join(options.folder, `node-${id}`);
  mkdirSync(folder, { recursive: true });
  const peers = Array.from({ length: ports.length / 2 }, (_, other) => ({
    id: other + 1,
    addr: `${host}:${ports[2 * other + 1]!}`,
  })).filter((peer) => peer.id !== id);
  const [program = "", ...before] = runtimeCommand(options);
  const server = new ServerProcess({
    program,
    args: [...before, "start"],
    folder: root,
    logPath: join(options.folder, `node-${id}.log`),
    env: {
      ...process.env,
      SKEIN_CLUSTER_ID: "bench",
      SKEIN_NODE_ID: String(id),
      SKEIN_HTTP_ADDR: `${host}:${restPort}`,
      SKEIN_RPC_ADDR: `${host}:${rpcPort}`,
      SKEIN_DATA_DIR: folder,
      SKEIN_PEERS: JSON.stringify(peers),
      SKEIN_STORAGE__ENGINE: options.engine,
    },
  });
  return { process: server, rest: { host, port: restPort }, grpc: { host, port: rpcPort } };
}

function runtimeVersion(runtime: RuntimeName): string {
  const text = execFileSync(runtimeProgram(root, runtime), ["--version"], { encoding: "utf8" });
  return `${runtime} ${/[0-9]+\.[0-9]+\.[0-9]+/.exec(text)?.[0] ?? "of unknown version"}`;
}

/** The runtime's binary itself: a wrapper in its place would keep our signals to itself. */
function runtimeCommand({ runtime, profileFolder }: SkeinOptions): readonly string[] {
  const program = realpathSync(runtimeProgram(root, runtime));
  if (runtime === "deno") {
    return [program, "run", ...denoFlags, join(root, "src/main_deno.ts")];
  }
  const profile = profileFolder === undefined
    ? []
    : ["--cpu-prof", `--cpu-prof-dir=${profileFolder}`];
  return [program, ...profile, join(root, "src/main_bun.ts")];
}
