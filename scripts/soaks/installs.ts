/**
 * Images of the store are installed under load: again and again a node is away until the log that
 * it needs is compacted, and comes back; some are killed in the middle of the transfer, at a random
 * chunk. At the end all nodes hold the same.
 */

import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { Prng } from "../../src/lib/prng.ts";
import { requestOnce } from "../../test/harness/http_once.ts";
import {
  buildCommand,
  type NodeProcess,
  type ProcessCluster,
  withCluster,
} from "../../test/harness/processes.ts";
import { pause, until } from "../../test/harness/wait.ts";
import { Caller, type Plan } from "./plan.ts";

/** Small bounds, so that an absence of seconds needs an image, and one of many chunks. */
const config = [
  "snapshot:",
  "  log_entries_max: 100",
  "  cool_down_ms: 500",
  "  retained_entries_max: 20",
  "  held_bytes_max: 0",
  "  chunk_bytes: 262144",
  "  bytes_per_second_max: 16777216",
].join("\n");

const valueBytes = 8 * 1024;
const killedPermille = 300;
/** After so many writes past values are given up: the store stays about as large as it is. */
const compactEvery = 500;
const patienceMs = 5_000;
const waitMs = 120_000;

/** `plan.count` installs; three of ten are killed on the way first. */
export async function soakInstalls(plan: Plan): Promise<string> {
  const prng = new Prng(plan.seed);
  let told = "";
  await withCluster({ builds: plan.builds, config }, async (cluster) => {
    await cluster.start();
    const load = new Load(cluster, plan, prng.split());
    const running = load.run();
    await until(() => load.writes > plan.keys * 2, {
      what: "a store of some size",
      withinMs: waitMs,
    });
    let kills = 0;
    for (let install = 1; install <= plan.count; install++) {
      const node = await follower(cluster, prng);
      // An image may have come before its node could be killed: then the next one is.
      const isKilled = kills < killedPermille * install / 1_000;
      kills += await leaveAndComeBack(node, { cluster, load, prng, isKilled });
      if (install % 10 === 0) console.log(`${install} installs, ${kills} of them killed`);
    }
    load.isOver = true;
    await running;
    await cluster.start();
    const hash = await sameStates(cluster.nodes);
    told = `${plan.count} installs, ${kills} killed at a random chunk, ${load.writes} writes ` +
      `meanwhile; state hash ${hash} on all nodes`;
  });
  return told;
}

/** Writes large values over and over, and counts. */
class Load {
  isOver = false;
  writes = 0;
  readonly #cluster: ProcessCluster;
  readonly #plan: Plan;
  readonly #prng: Prng;

  constructor(cluster: ProcessCluster, plan: Plan, prng: Prng) {
    this.#cluster = cluster;
    this.#plan = plan;
    this.#prng = prng;
  }

  async run(): Promise<void> {
    await Promise.all(Array.from({ length: this.#plan.clients }, () => this.#client()));
  }

  async #client(): Promise<void> {
    const prng = this.#prng.split();
    const caller = new Caller(this.#cluster, prng);
    while (!this.isOver) {
      const key = prng.below(this.#plan.keys);
      const answer = await caller.call({
        method: "PUT",
        path: `/v1/kv/key-${key}`,
        body: String(prng.below(10)).repeat(valueBytes),
        withinMs: () => patienceMs,
      });
      if (answer.status > 201) throw new Error(`A write: ${answer.status} ${answer.body}`);
      this.writes++;
      if (this.writes % compactEvery === 0) await this.#compact(caller, answer.body);
      await pause(20);
    }
  }

  /** Everything before what a write was answered with. */
  async #compact(caller: Caller, written: string): Promise<void> {
    const { revision } = JSON.parse(written);
    const answer = await caller.call({
      method: "POST",
      path: "/v1/compactions",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ revision }),
      withinMs: () => patienceMs,
    });
    if (answer.status > 201) throw new Error(`A compaction: ${answer.status} ${answer.body}`);
  }
}

async function follower(cluster: ProcessCluster, prng: Prng): Promise<NodeProcess> {
  const leader = await cluster.leader({ withinMs: waitMs });
  const others = cluster.nodes.filter((node) => node !== leader);
  return others[prng.below(others.length)]!;
}

/** Returns how often the node was killed while its image came. */
async function leaveAndComeBack(
  node: NodeProcess,
  { cluster, load, prng, isKilled }: {
    readonly isKilled: boolean;
    readonly cluster: ProcessCluster;
    readonly load: Load;
    readonly prng: Prng;
  },
): Promise<number> {
  await node.kill();
  const writes = load.writes;
  await until(() => load.writes >= writes + 150, { what: "writes meanwhile", withinMs: waitMs });
  const installedBefore = installsIn(node);
  const installed = (): boolean => installsIn(node) > installedBefore;
  let kills = 0;
  node.start();
  if (isKilled) {
    const bytes = prng.below(statSync(join(node.dataDir, "kv.db")).size);
    await until(() => installed() || stageBytes(node) > bytes, {
      what: `${bytes} bytes of an image at node ${node.id}`,
      withinMs: waitMs,
      everyMs: 2,
    });
    if (!installed()) {
      await node.kill();
      kills++;
      node.start();
    }
  }
  await until(installed, { what: `an image at node ${node.id}`, withinMs: waitMs });
  await cluster.start();
  return kills;
}

function installsIn(node: NodeProcess): number {
  const text = existsSync(node.logPath) ? readFileSync(node.logPath, "utf8") : "";
  return text.split("The store is an image of the leader's now").length - 1;
}

/** What lies beside the store. */
function stageBytes(node: NodeProcess): number {
  const folder = join(node.dataDir, "snapshots");
  if (!existsSync(folder)) return 0;
  let bytes = 0;
  for (const name of readdirSync(folder).filter((each) => each.startsWith("stage"))) {
    bytes += statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0;
  }
  return bytes;
}

/** Waits until all have applied the same, stops them, and compares what they hold. */
export async function sameStates(nodes: readonly NodeProcess[]): Promise<string> {
  await until(async () => new Set(await Promise.all(nodes.map(appliedBy))).size === 1, {
    ...{ what: "all nodes to have applied the same", withinMs: waitMs, everyMs: 200 },
  });
  for (const node of nodes) await node.stop();
  const hashes = nodes.map((node) => {
    const [program = "", ...args] = buildCommand(node.build);
    const words = [...args, "recover", "--inspect", "--config", node.configPath];
    const { stdout, stderr } = spawnSync(program, words, { encoding: "utf8" });
    const hash = /^state hash +([0-9a-f]{16})$/m.exec(stdout)?.[1];
    if (hash === undefined) throw new Error(`Node ${node.id}: ${stdout}${stderr}`);
    return hash;
  });
  if (new Set(hashes).size > 1) throw new Error(`State hashes differ: ${hashes.join(", ")}`);
  return hashes[0] ?? "";
}

async function appliedBy({ url }: NodeProcess): Promise<string> {
  const answer = await requestOnce({ method: "GET", url: `${url}/v1/cluster`, withinMs: 2_000 });
  const found = answer.kind === "answered" && /"node_id":(\d+)/.exec(answer.body);
  if (!found || answer.kind !== "answered") return url;
  const own = new RegExp(`"id":${found[1]},"suffrage"[^}]*?"applied":(\\d+)`).exec(answer.body);
  return own?.[1] ?? url;
}
