/**
 * Whole nodes in a simulated world (sim_node.ts), from one seed. Time passes only inside `run` and
 * `until`.
 */

import { Prng } from "../../src/lib/prng.ts";
import type { KvTables } from "../../src/kv/ports.ts";
import type { NodeId } from "../../src/raft/types.ts";
import { MemoryKvTables } from "../../src/storage/memory/kv_tables.ts";
import { calmNetwork, SimNetwork, type SimNetworkOptions } from "./sim_network.ts";
import { SimNode, type SimNodeOptions, type SimWorld } from "./sim_node.ts";
import { noObserver, type SimObserver } from "./sim_observer.ts";
import { SimScheduler } from "./sim_scheduler.ts";

export interface SimClusterOptions {
  /** 1, 2, 3 unless given. */
  readonly ids?: readonly NodeId[];
  readonly seed?: number;
  readonly network?: Partial<SimNetworkOptions>;
  /** Keys of every node's configuration, by path, as typed. */
  readonly config?: Readonly<Record<string, string>>;
  readonly observer?: SimObserver<SimNode>;
  /** Where the nodes' stores keep their rows; in memory unless given. */
  readonly makeTables?: () => KvTables;
  /** So long the making of an image takes, at most; no time unless given. */
  readonly imageMsMax?: number;
  /** The scheduler writes down what is told to people as well. */
  readonly tells?: boolean;
}

export class SimCluster implements SimWorld {
  readonly scheduler: SimScheduler;
  readonly prng: Prng;
  readonly network: SimNetwork;
  readonly observer: SimObserver<SimNode>;
  readonly makeTables: () => KvTables;
  readonly tellImage: SimWorld["tellImage"];
  /** Of the nodes that it was made with. */
  readonly ids: readonly NodeId[];
  readonly #nodes: SimNode[];

  constructor(options: SimClusterOptions = {}) {
    const { ids = [1, 2, 3], seed = 1, network = {}, config = {}, tells = false } = options;
    this.scheduler = new SimScheduler({ tells });
    this.observer = options.observer ?? noObserver;
    this.makeTables = options.makeTables ?? (() => new MemoryKvTables());
    this.prng = new Prng(seed);
    this.tellImage = slowImages(this, options.imageMsMax ?? 0);
    this.network = new SimNetwork(
      { scheduler: this.scheduler, prng: this.prng.split() },
      { ...calmNetwork, ...network },
    );
    this.ids = ids;
    this.#nodes = ids.map((id) => this.make({ id, ids, config }));
  }

  /** All of them, and always the same list: {@link add} and {@link remove} change it. */
  get nodes(): readonly SimNode[] {
    return this.#nodes;
  }

  /** A further node of the cluster, not started. */
  add(options: SimNodeOptions): SimNode {
    const node = this.make(options);
    this.#nodes.push(node);
    return node;
  }

  /** The node counts among those of the cluster no more. */
  remove(node: SimNode): void {
    const at = this.#nodes.indexOf(node);
    if (at >= 0) this.#nodes.splice(at, 1);
  }

  /** A further node of this world, not started. */
  make(options: SimNodeOptions): SimNode {
    return new SimNode(this, options);
  }

  node(id: NodeId): SimNode {
    const node = this.nodes.find((candidate) => candidate.id === id);
    if (node === undefined) throw new Error(`There is no node ${id}`);
    return node;
  }

  /** All but these. */
  others(...nodes: readonly SimNode[]): readonly SimNode[] {
    return this.nodes.filter((node) => !nodes.includes(node));
  }

  // ---- Time ----

  run(ms: number): void {
    this.scheduler.runFor(ms * 1_000);
  }

  /** Lets time pass until the condition holds, and throws when that takes longer. */
  until(condition: () => boolean, what: string, withinMs = 30_000): void {
    if (this.scheduler.runUntil(condition, withinMs * 1_000)) return;
    const last = this.nodes.flatMap(({ lines }) => lines.slice(-3)).join("\n");
    throw new Error(`Waited ${withinMs} ms in vain for ${what}\n${last}`);
  }

  // ---- Situations ----

  /** Starts each of the nodes that is down and waits for a leader's no-op to be applied. */
  form(nodes = this.nodes): SimNode {
    for (const node of nodes) if (!node.isRunning) node.start();
    const leader = this.leader();
    this.level();
    return leader;
  }

  /** The leader that a majority follows; waits for one. */
  leader(withinMs = 30_000): SimNode {
    let found: SimNode | undefined;
    const isThere = (): boolean => {
      found = this.nodes.find((node) => node.leads && this.#isReady(node));
      return found !== undefined;
    };
    this.until(isThere, "a leader", withinMs);
    if (found === undefined) throw new Error("A leader was found");
    return found;
  }

  /** Waits until every running node has applied all that the leader has committed. */
  level(withinMs = 30_000): void {
    const isLevel = (): boolean => {
      const formed = this.nodes.filter(({ isRunning }) => isRunning);
      if (formed.some((node) => node.formed === undefined)) return false;
      const [first, ...more] = formed.map((node) => node.status());
      return more.every(({ applied, lastIndex }) =>
        applied === first?.applied && lastIndex === applied
      );
    };
    this.until(isLevel, "all nodes to have applied the same", withinMs);
  }

  /** Writes through the leader and waits for the result. */
  write(key: string, value: string): void {
    const told = this.leader().put(key, value);
    this.until(() => told.length > 0, `the write of ${key}`);
    if (told[0]?.kind !== "applied") throw new Error(`The write of ${key} is ${told[0]?.kind}`);
  }

  /** Nobody reaches this node, nor it anybody. */
  isolate(node: SimNode): void {
    this.network.partition([[node.address], this.others(node).map(({ address }) => address)]);
  }

  #isReady(node: SimNode): boolean {
    const { termStart, applied } = node.status();
    return termStart !== undefined && applied >= termStart;
  }
}

/** An image is told up to so long after it was made. */
function slowImages(
  { scheduler, prng }: Pick<SimWorld, "scheduler" | "prng">,
  msMax: number,
): SimWorld["tellImage"] {
  if (msMax === 0) return (_process, tell) => tell();
  const own = prng.split();
  return (process, tell) => scheduler.after(own.below(msMax * 1_000), () => process.run(tell));
}
