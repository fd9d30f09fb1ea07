/**
 * Whole nodes in a random world: crashes, pauses, cuts, slow and full disks, transfers, while
 * clients write and read one key. A seed that fails is run again by SKEIN_SEED=<seed>.
 */

import process from "node:process";
import type { ProposeOutcome } from "../../../src/node/pending.ts";
import type { Prng } from "../../../src/lib/prng.ts";
import { SimCluster } from "../../harness/sim_cluster.ts";
import type { SimDirectory, SimNode, Told } from "../../harness/sim_node.ts";
import { assert, describe, it } from "../../harness/test.ts";

const groups = 6;
const seedsPerGroup = 10;
const steps = 80;

/** Counts by the key's version: it grows by one with each write, and never falls. */
class Chaos {
  readonly cluster: SimCluster;
  readonly #faults: Prng;
  /** The highest version that was acknowledged. */
  #acked = 0;
  /** The highest version that was read at level linearizable. */
  #seen = 0;
  #next = 1;
  readonly #told: Told<ProposeOutcome<unknown>>[] = [];
  #older: { readonly node: SimNode; readonly before: SimDirectory } | undefined;
  #hasForgotten = false;
  readonly counts = {
    applied: 0,
    unknown: 0,
    notApplied: 0,
    read: 0,
    readFailed: 0,
    killed: 0,
    forgot: 0,
  };

  constructor(seed: number) {
    const isBad = seed % 3 === 0;
    this.cluster = new SimCluster({
      seed,
      network: isBad ? { lossPermille: 5, delaySpreadUs: 20_000 } : {},
    });
    this.#faults = this.cluster.prng.split();
  }

  run(): void {
    this.cluster.form();
    for (let step = 0; step < steps; step++) {
      this.#fault();
      for (const node of this.cluster.nodes) {
        if (node.formed === undefined) continue;
        if (this.#faults.chance(1, 3)) this.#write(node);
        if (this.#faults.chance(1, 3)) this.#read(node);
      }
      this.cluster.run(this.#faults.below(400));
    }
    this.#heal();
  }

  #write(node: SimNode): void {
    this.#told.push(node.put("a", String(this.#next++), 2_000));
  }

  #read(node: SimNode): void {
    this.#noteAcks();
    const floor = Math.max(this.#acked, this.#seen);
    const { node: inner } = node.formed!;
    inner.readIndex(node.clock.monotonicMs() + 2_000, ({ kind }) => {
      if (kind !== "readable") return void this.counts.readFailed++;
      this.counts.read++;
      const seen = node.version("a");
      assert.ok(seen >= floor, `node ${node.id} shows version ${seen}, ${floor} was there before`);
      this.#seen = Math.max(this.#seen, seen);
    });
  }

  #noteAcks(): void {
    for (const [outcome] of this.#told) {
      if (outcome?.kind !== "applied") continue;
      const { result } = outcome;
      const version = isPut(result) ? result.version : 0;
      this.#acked = Math.max(this.#acked, version);
    }
  }

  #fault(): void {
    const faults = this.#faults;
    const { nodes, network } = this.cluster;
    this.#noteAcks();
    const victim = nodes[faults.below(nodes.length)]!;
    if (!victim.isRunning) return void victim.start();
    switch (faults.below(14)) {
      case 0:
        this.counts.killed++;
        return victim.kill();
      case 1:
        return victim.isPaused ? victim.resume() : victim.pause();
      case 2:
        return this.cluster.isolate(victim);
      case 3:
        return network.cut(victim.address, nodes[faults.below(nodes.length)]!.address);
      case 4:
      case 5:
        return network.heal();
      case 6:
        return victim.disk.stall(faults.below(3_000_000));
      case 7:
        victim.store.isFull = !victim.store.isFull;
        return;
      case 8:
        if (victim.formed !== undefined) victim.transfer();
        return;
      case 9:
        if (!faults.chance(1, 4)) return;
        for (const node of nodes) node.kill();
        return;
      case 10:
        this.#older ??= { node: victim, before: victim.copy() };
        return;
      case 11:
        return this.#forget();
    }
  }

  /** Once a run one node finds the log of an earlier day; all its votes may have been given. */
  #forget(): void {
    if (this.#older === undefined || this.#hasForgotten) return;
    const { node, before } = this.#older;
    this.#hasForgotten = true;
    this.counts.forgot++;
    node.kill();
    node.disk.regress(before.disk);
  }

  #heal(): void {
    const { cluster } = this;
    cluster.network.heal();
    cluster.network.options = { ...cluster.network.options, lossPermille: 0 };
    for (const node of cluster.nodes) {
      node.store.isFull = false;
      if (node.isRunning && node.isPaused) node.resume();
    }
    cluster.form();
    cluster.run(5_000);
    cluster.level();
    for (const told of this.#told) {
      assert.ok(told.length <= 1, "nobody is told twice");
      if (told[0] !== undefined) this.counts[told[0].kind]++;
    }
    this.#noteAcks();
    const versions = cluster.nodes.map((node) => node.version("a"));
    assert.equal(new Set(versions).size, 1, `${versions}`);
    assert.equal(new Set(cluster.nodes.map((node) => node.value("a"))).size, 1);
    assert.ok(
      versions[0]! >= this.#acked,
      `${this.#acked} was acknowledged, ${versions[0]} is there`,
    );
    for (const { ended } of cluster.nodes) assert.equal(ended, undefined);
  }
}

function isPut(result: unknown): result is { readonly version: number } {
  return typeof result === "object" && result !== null && "version" in result &&
    typeof result.version === "number";
}

function live(seed: number): Chaos {
  const chaos = new Chaos(seed);
  try {
    chaos.run();
  } catch (error) {
    throw new Error(`Seed ${seed}: ${String(error)}`, { cause: error });
  }
  return chaos;
}

describe("Nodes in a random world", () => {
  const only = process.env["SKEIN_SEED"];
  if (only !== undefined) {
    it(`seed ${only}`, () => void live(Number(only)));
    return;
  }

  const total: Record<string, number> = {};
  for (let group = 0; group < groups; group++) {
    const first = group * seedsPerGroup + 1;
    const last = first + seedsPerGroup - 1;
    it(`lose nothing, show nothing stale, and heal: seeds ${first} to ${last}`, () => {
      for (let seed = first; seed <= last; seed++) {
        for (const [what, count] of Object.entries(live(seed).counts)) {
          total[what] = (total[what] ?? 0) + count;
        }
      }
    });
  }

  it("have met everything that can happen", () => {
    for (const [what, count] of Object.entries(total)) assert.ok(count > 20, `${what}: ${count}`);
  });
});
