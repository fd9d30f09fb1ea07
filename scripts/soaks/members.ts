/**
 * Members come and go under load: nodes join and are promoted, are removed, lose their vote and get
 * it back, while nodes are killed and stopped, and cut off from the others. No write is lost, no
 * read is stale, nobody is stuck, and at the end all members hold the same.
 */

import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { Client } from "../../src/client/client.ts";
import { Prng } from "../../src/lib/prng.ts";
import { Load } from "../../test/harness/load.ts";
import { PeerLines } from "../../test/harness/peer_lines.ts";
import {
  type NodeProcess,
  type ProcessCluster,
  withCluster,
} from "../../test/harness/processes.ts";
import { assertLinearizable } from "../../test/harness/verdict.ts";
import { pause, until } from "../../test/harness/wait.ts";
import { sameStates } from "./installs.ts";
import type { Plan } from "./plan.ts";

const slots = 5;
const votersMin = 3;
const waitMs = 120_000;
const config = "snapshot: { log_entries_max: 2000, retained_entries_max: 200, cool_down_ms: 1000 }";

/** `plan.count` changes of members. */
export async function soakMembers(plan: Plan): Promise<string> {
  const prng = new Prng(plan.seed);
  const builds = Array.from({ length: slots }, (_, at) => plan.builds[at % plan.builds.length]!);
  let told = "";
  await withCluster({ builds, joins: true, config }, async (cluster) => {
    const lines = new PeerLines(cluster.nodes);
    try {
      told = await new Churn(cluster, lines, prng).run(plan);
    } finally {
      lines.close();
    }
  });
  return told;
}

class Churn {
  readonly #cluster: ProcessCluster;
  readonly #lines: PeerLines;
  readonly #prng: Prng;
  /** Those that belong to the cluster, with their ids there. */
  readonly #members = new Map<NodeProcess, number>();
  readonly #done = { joined: 0, removed: 0, demoted: 0 };
  readonly #troubles = { kills: 0, pauses: 0, cuts: 0 };
  #isOver = false;

  constructor(cluster: ProcessCluster, lines: PeerLines, prng: Prng) {
    this.#cluster = cluster;
    this.#lines = lines;
    this.#prng = prng;
  }

  get #changes(): number {
    const { joined, removed, demoted } = this.#done;
    // Who has lost its vote is promoted again.
    return joined + removed + 2 * demoted;
  }

  async run(plan: Plan): Promise<string> {
    await this.#form();
    const load = new Load({
      urls: () => [...this.#members.keys()].map(({ url }) => url),
      ...{ clients: plan.clients, keys: plan.keys, seed: plan.seed },
      ...{ callWithinMs: 2_000, pauseMs: 20 },
    });
    const trouble = this.#trouble();
    let told = 0;
    while (this.#changes < plan.count) {
      await this.#change();
      if (this.#changes < told + 10) continue;
      told = this.#changes;
      console.log(`${told} changes: ${this.#describe()}`);
    }
    this.#isOver = true;
    await trouble;
    await load.stop();
    await load.readBack(waitMs);
    const calls = load.history.calls();
    assertLinearizable(calls, `${this.#cluster.folder}/history`);
    const hash = await sameStates([...this.#members.keys()]);
    return `${this.#changes} changes (${this.#describe()}), ${calls.length} calls linearizable, ` +
      `state hash ${hash} on all members`;
  }

  #describe(): string {
    const { joined, removed, demoted } = this.#done;
    const { kills, pauses, cuts } = this.#troubles;
    return `${joined} joined, ${removed} removed, ${demoted} demoted and promoted, ` +
      `${kills} kills, ${pauses} pauses, ${cuts} cuts`;
  }

  /** The first node founds the cluster; from then on its file says how to join, as all others. */
  async #form(): Promise<void> {
    const addresses = await this.#lines.open();
    const { nodes, urls } = this.#cluster;
    const join = `join: [${urls.map((url) => JSON.stringify(url)).join(", ")}]`;
    for (const [at, node] of nodes.entries()) {
      const lines = readFileSync(node.configPath, "utf8").replace(/^join: .*$/m, join);
      writeFileSync(node.configPath, `${lines}rpc_advertise_addr: "${addresses[at]}"\n`);
    }
    const [first] = nodes;
    first!.start();
    await first!.ready();
    const founding = readFileSync(first!.configPath, "utf8");
    writeFileSync(first!.configPath, founding.replace(/^node_id: 1$/m, join));
    this.#members.set(first!, 1);
    while (this.#members.size < votersMin) await this.#join();
  }

  async #change(): Promise<void> {
    const isFull = this.#members.size === slots;
    const draw = this.#prng.below(3);
    if (draw === 0) await this.#demote();
    else if (!isFull && (draw === 1 || this.#members.size <= votersMin)) await this.#join();
    else await this.#remove();
  }

  async #join(): Promise<void> {
    const free = this.#cluster.nodes.filter((node) => !this.#members.has(node));
    const node = free[this.#prng.below(free.length)]!;
    rmSync(node.dataDir, { recursive: true, force: true });
    mkdirSync(node.dataDir);
    node.start();
    const seen = async (): Promise<number | undefined> => {
      if (node.pid === undefined) node.start();
      const { members } = await this.#client().members.list();
      return members.find(({ http, suffrage }) => http === node.url && suffrage === "voter")?.id;
    };
    const id = await until(seen, { what: `${node.url} to vote`, withinMs: waitMs, everyMs: 100 });
    this.#members.set(node, id);
    this.#done.joined++;
  }

  async #remove(): Promise<void> {
    if (this.#members.size <= votersMin) return;
    const [node, id] = this.#draw();
    // Nobody asks it any more, and it is not troubled.
    this.#members.delete(node);
    await until(async () => {
      const isThere = ({ members }: { readonly members: readonly { readonly id: number }[] }) =>
        members.some((member) => member.id === id);
      if (!isThere(await this.#client().members.list())) return true;
      return !isThere(await this.#client().members.remove(id));
    }, { what: `the removal of node ${id}`, withinMs: waitMs, everyMs: 100 });
    await node.kill();
    this.#done.removed++;
  }

  async #demote(): Promise<void> {
    const [node, id] = this.#draw();
    const suffrage = async (): Promise<string | undefined> => {
      const { members } = await this.#client().members.list();
      return members.find((member) => member.id === id)?.suffrage;
    };
    const what = `node ${id} at ${node.url}`;
    await until(async () => {
      if (await suffrage() === "learner") return true;
      await this.#client().members.setSuffrage(id, "learner");
      return true;
    }, { what: `${what} to lose its vote`, withinMs: waitMs, everyMs: 100 });
    const votes = async (): Promise<boolean> => await suffrage() === "voter";
    await until(votes, { what: `${what} to get it back`, withinMs: waitMs, everyMs: 100 });
    this.#done.demoted++;
  }

  #draw(): readonly [NodeProcess, number] {
    const members = [...this.#members];
    return members[this.#prng.below(members.length)]!;
  }

  #client(): Client {
    const endpoints = [...this.#members.keys()].map(({ url }) => url);
    return new Client({ endpoints, timeoutMs: 10_000 });
  }

  /** One trouble after the other: never more than one node is down, or behind a cut. */
  async #trouble(): Promise<void> {
    const prng = this.#prng.split();
    while (!this.#isOver) {
      await pause(500 + prng.below(2_000));
      const members = [...this.#members.keys()];
      const victim = members[prng.below(members.length)]!;
      switch (prng.below(3)) {
        case 0:
          this.#troubles.kills++;
          await victim.kill();
          await pause(prng.below(2_000));
          if (this.#members.has(victim)) victim.start();
          break;
        case 1:
          this.#troubles.pauses++;
          if (victim.pid !== undefined) victim.pause();
          await pause(prng.below(3_000));
          if (victim.pid !== undefined) victim.resume();
          break;
        default:
          this.#troubles.cuts++;
          this.#lines.isolate([victim]);
          await pause(prng.below(4_000));
          this.#lines.heal();
      }
      const isBack = () => !this.#members.has(victim) || victim.ready().then(() => true);
      await until(isBack, { what: `${victim.url} to be ready`, withinMs: waitMs });
    }
  }
}
