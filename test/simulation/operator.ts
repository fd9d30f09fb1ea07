/**
 * Who looks after the machines of a simulated cluster: starts what is down, puts lost directories
 * back, and keeps the budget of what may be destroyed. Raft lives with the loss of a minority of
 * copies; a run that destroys more would prove nothing but that.
 */

import type { NodeStatus } from "../../src/node/parts.ts";
import { wasRemoved } from "../../src/raft/configuration.ts";
import type { Index, Member, NodeId } from "../../src/raft/types.ts";
import type { SimDirectory, SimNode } from "../harness/sim_node.ts";
import type { SimScheduler } from "../harness/sim_scheduler.ts";
import type { ClusterLog } from "./cluster_log.ts";
import { configurationsInForce, lists, outlives } from "./majorities.ts";
import type { RareStates } from "./rare_states.ts";

/** How long somebody needs to start a program again that has ended by itself. */
const restartMs = 300;
/** Longer than a node holds a change that nobody answers, and than it stands still. */
const changeWithinUs = 15_000_000;

export class Operator {
  readonly #nodes: readonly SimNode[];
  readonly #log: ClusterLog;
  readonly #scheduler: SimScheduler;
  readonly #rare: RareStates;
  readonly #stopped: (node: SimNode) => void;
  readonly #compacts: boolean;
  /**
   * Nodes that have lost something and are not known to hold it again, with the last committed
   * entry that they held before.
   */
  readonly #lossy = new Map<SimNode, Index>();
  /** Nodes that have lost their store, which their log does not bring back, and how far it was. */
  readonly #storeless = new Map<SimNode, Index>();
  /** Directories that were set aside while another one runs in their place. */
  readonly #setAside = new Map<SimNode, SimDirectory>();
  /** Faults that were done to the node's own directory, and how its process may end by them. */
  readonly #expected = new Map<SimNode, Set<RegExp>>();
  /** Members that were asked for, and nobody knows yet whether they were made that. */
  readonly #asked = new Set<readonly Member[]>();
  /** Stays down until the cluster has healed without it. */
  readonly #left = new Set<SimNode>();
  /** Was removed from the cluster, and its machine taken away. */
  readonly #retired = new WeakSet<SimNode>();

  constructor(parts: {
    readonly nodes: readonly SimNode[];
    readonly log: ClusterLog;
    readonly scheduler: SimScheduler;
    readonly rare: RareStates;
    /** Told of each process that the operator has ended. */
    readonly stopped: (node: SimNode) => void;
    /** Logs lose what stores hold. */
    readonly compacts: boolean;
  }) {
    this.#nodes = parts.nodes;
    this.#log = parts.log;
    this.#scheduler = parts.scheduler;
    this.#rare = parts.rare;
    this.#stopped = parts.stopped;
    this.#compacts = parts.compacts;
  }

  /**
   * Not for a directory that is not the cluster's: it is started once. One that is started more
   * often than the right one, and is told by nobody what it is, would pass for a later start.
   */
  start(node: SimNode): void {
    const isDown = !node.isRunning && !this.#left.has(node) && !this.#retired.has(node);
    if (isDown && !this.isImpostor(node)) node.start();
  }

  startLater(node: SimNode, afterMs: number): void {
    this.#scheduler.after(afterMs * 1_000, () => this.start(node));
  }

  /** Kills the node, or takes its power, and notes what it was in the midst of. */
  stop(node: SimNode, how: "kill" | "cutPower"): void {
    if (!node.isRunning) return;
    const { underWay } = node.disk;
    const before = node.disk.log.outline.batchNumber;
    this.#rare.stopped(node);
    node[how]();
    this.#stopped(node);
    if (underWay > 0) this.#rare.saw("crash between append and fsync");
    const kept = node.disk.log.outline.batchNumber - before;
    if (kept < underWay) this.#rare.saw("torn tail repaired");
  }

  // ---- What may be destroyed ----

  /**
   * Whether all that is committed outlives the loss of this node's copy, by every configuration
   * that may still decide something, and by those that were asked for.
   */
  mayLose(node: SimNode): boolean {
    const isLost = this.#lossy.has(node) || this.#storeless.has(node) || this.#setAside.has(node);
    if (isLost) return false;
    const lost = [...this.#lostIds(), node.id];
    const configurations = configurationsInForce(this.#nodes, this.#log);
    const asked = [...this.#asked].map((members) => ({ members, nodeIdMax: 0 }));
    return configurations.length > 0 &&
      [...configurations, ...asked].every((each) => outlives(each, lost));
  }

  /** Whether these may become the members: what is lost by now must stay a minority of them. */
  mayBecome(members: readonly Member[]): boolean {
    return outlives({ members, nodeIdMax: 0 }, this.#lostIds());
  }

  #lostIds(): readonly NodeId[] {
    const lost = [...this.#lossy.keys(), ...this.#storeless.keys(), ...this.#setAside.keys()];
    return lost.map(({ id }) => id);
  }

  /** By the newest committed configuration. */
  isMember({ id }: SimNode): boolean {
    const committed = this.#log.configuration?.configuration;
    return committed !== undefined && lists(committed, id);
  }

  /** It may lack something of what was committed. */
  isLossy(node: SimNode): boolean {
    return this.#lossy.has(node) || this.#storeless.has(node);
  }

  /** Whether what is committed outlives the loss of its store; a whole log brings it back. */
  mayLoseStore(node: SimNode): boolean {
    return !this.#compacts || this.mayLose(node);
  }

  /** The store is damaged, and will be lost. */
  damagesStore(node: SimNode): void {
    if (this.#compacts) this.#storeless.set(node, Infinity);
    node.store.isDamaged = true;
  }

  /** The node is down, and somebody deletes its store. */
  losesStore(node: SimNode): void {
    const { index } = node.disk.log.outline.boundary.position;
    if (index > 0) this.#storeless.set(node, index);
    else this.#storeless.delete(node);
    node.store.isDamaged = false;
    node.wipeStore();
  }

  /** These members are asked for; call the returned function when the outcome is known. */
  changeBegins(members: readonly Member[]): () => void {
    const asked = [...members];
    this.#asked.add(asked);
    const end = (): void => void this.#asked.delete(asked);
    // Whoever was asked may have died; what it had written by then, others will show.
    this.#scheduler.after(changeWithinUs, end);
    return end;
  }

  /** The node is down and is about to lose part of its log. */
  loses(node: SimNode): void {
    this.#log.lose(node);
    this.#lossy.set(node, this.#lastCommittedAt(node));
  }

  #lastCommittedAt({ disk }: SimNode): Index {
    const { outline } = disk.log;
    let index = Math.min(this.#log.committedIndex, outline.lastIndex);
    while (index > 0 && outline.term(index) !== this.#log.committed(index)?.term) index--;
    return index;
  }

  /**
   * To be told of each turn: whoever does not recover any more, and has that on its disk, is whole.
   * Returns, in words, that it is not, though it says so.
   */
  turned(node: SimNode, { recovering, applied }: NodeStatus): string | undefined {
    const store = this.#storeless.get(node);
    if (store !== undefined && applied >= store && !this.#setAside.has(node)) {
      this.#storeless.delete(node);
      if (store > 0) this.#rare.saw("lost store replaced by an image");
    }
    const committed = this.#lossy.get(node);
    if (committed === undefined || recovering || this.#setAside.has(node)) return undefined;
    // It would begin to recover anew after a crash.
    if (node.identity()?.recovering !== false) return undefined;
    this.#lossy.delete(node);
    this.#log.healed(node);
    this.#rare.saw("lost log healed");
    const term = this.#log.committed(committed)?.term ?? 0;
    if (committed === 0 || this.#log.holds(node, { index: committed, term })) return undefined;
    return `node ${node.id} counts as whole, and does not hold again the committed entry ` +
      `${committed}, which it has lost`;
  }

  // ---- Directories that are not the cluster's ----

  /** Sets the node's directory aside: another one is about to be put in its place. */
  setAside(node: SimNode): void {
    this.stop(node, "kill");
    this.#setAside.set(node, node.copy());
    this.#log.lose(node);
  }

  isImpostor(node: SimNode): boolean {
    return this.#setAside.has(node);
  }

  putBack(node: SimNode): void {
    const directory = this.#setAside.get(node);
    if (directory === undefined) return;
    this.stop(node, "kill");
    node.restore(directory);
    this.#setAside.delete(node);
    if (!this.#lossy.has(node)) this.#log.healed(node);
    this.start(node);
  }

  // ---- Processes that end by themselves ----

  /** From now on the node may end with such a message. */
  expect(node: SimNode, message: RegExp): void {
    const expected = this.#expected.get(node) ?? new Set();
    this.#expected.set(node, expected.add(message));
  }

  /** What is wrong with the end of a process, in words; undefined when it had to come so. */
  ended(node: SimNode, error: unknown): string | undefined {
    const message = error instanceof Error ? error.message : String(error);
    const expected = [...this.#expected.get(node) ?? []];
    if (
      this.isImpostor(node) &&
      /^The cluster refuses node|: the cluster has turned it away: /.test(message)
    ) {
      this.#rare.saw(`${isUnborn(node) ? "wiped directory" : "older copy"} refused`);
      return undefined;
    }
    if (this.#wasRemoved(node) && / was removed from the cluster, /.test(message)) {
      this.#rare.saw("removed node refused");
      return undefined;
    }
    if (!expected.some((each) => each.test(message))) return `node ${node.id} ends: ${message}`;
    if (/EIO/.test(message)) this.#rare.saw("fsync error");
    if (/damaged row/.test(message)) {
      this.losesStore(node);
    }
    this.startLater(node, restartMs);
    return undefined;
  }

  // ---- Who leaves ----

  #wasRemoved({ id }: SimNode): boolean {
    const committed = this.#log.configuration?.configuration;
    return committed !== undefined && wasRemoved(committed, id);
  }

  /** The node was removed from the cluster: it is never started again. */
  retire(node: SimNode): void {
    this.#retired.add(node);
    this.stop(node, "kill");
    const isLost = [this.#lossy, this.#storeless, this.#setAside].map((lost) => lost.delete(node));
    if (isLost.includes(true)) this.#rare.saw("lost member replaced");
  }

  // ---- Healing ----

  /** The node is not started any more until {@link bringBack}. */
  leave(node: SimNode): void {
    this.#left.add(node);
    this.stop(node, "kill");
  }

  bringBack(): void {
    const left = [...this.#left];
    this.#left.clear();
    for (const node of left) this.start(node);
  }
}

function isUnborn(node: SimNode): boolean {
  return node.identity()?.birth === undefined;
}
