/**
 * A simulated cluster that all invariants watch (test/simulation/invariants): what simulation.ts
 * does for runs drawn from a seed, for those that somebody wrote down. Nodes of other clusters and
 * copies that run beside the original are not watched.
 */

import type { NodeStatus } from "../../../src/node/parts.ts";
import type { Envelope } from "../../../src/raft/message.ts";
import type { LogWrite } from "../../../src/raft/ready.ts";
import type { Entry } from "../../../src/raft/types.ts";
import type { StateVerdict } from "../../../src/service/state_comparison.ts";
import { SimCluster, type SimClusterOptions } from "../../harness/sim_cluster.ts";
import type { SimNode } from "../../harness/sim_node.ts";
import type { SimObserver } from "../../harness/sim_observer.ts";
import { ClusterLog } from "../cluster_log.ts";
import { type Scene, together, type Watch } from "../invariant.ts";
import { invariantsOf } from "../invariants/mod.ts";
import { Witness } from "../witness.ts";

export class WatchedCluster implements Scene, SimObserver<SimNode> {
  readonly cluster: SimCluster;
  readonly log = new ClusterLog();
  readonly witness = new Witness();
  readonly watch: Watch;
  /** The first invariant that broke, or the first process that ended and was not meant to. */
  violation: string | undefined;
  /** Told of each message as a node hands it over, before the network has it. */
  readonly onSend = new Set<(node: SimNode, envelope: Envelope) => void>();
  /** As each node was seen last in its present life. */
  readonly #seen = new Map<SimNode, NodeStatus>();
  readonly #impostors = new Set<SimNode>();
  readonly #lossy = new Set<SimNode>();
  readonly #mayEnd = new Map<SimNode, RegExp>();

  constructor(options: SimClusterOptions) {
    this.cluster = new SimCluster({ ...options, observer: this });
    const plan = { config: options.config ?? {} };
    this.watch = together(invariantsOf(this, plan, (id, text) => this.#broken(id, text)));
    const { network } = this.cluster;
    network.onSend = (envelope, from) => {
      const node = this.nodes.find(({ address, isRunning }) => isRunning && address === from);
      if (node === undefined) return;
      this.watch.sent(node, envelope);
      for (const told of [...this.onSend]) told(node, envelope);
    };
    network.onDeliver = (envelope) => this.watch.delivered(envelope);
  }

  get nowUs(): number {
    return this.cluster.scheduler.nowUs;
  }

  get nodes(): readonly SimNode[] {
    return this.cluster.nodes;
  }

  isImpostor(node: SimNode): boolean {
    return this.#impostors.has(node);
  }

  // ---- What is done to nodes ----

  /** `how`: the process is killed, or its machine loses its power. */
  stop(node: SimNode, how: "kill" | "cutPower"): void {
    this.#seen.delete(node);
    node[how]();
  }

  /** The node is down and is about to lose part of its log. */
  loses(node: SimNode): void {
    this.log.lose(node);
    this.#lossy.add(node);
  }

  /** Another directory than the cluster's is about to be put in the place of the node's. */
  isReplaced(node: SimNode): void {
    this.log.lose(node);
    this.#impostors.add(node);
  }

  /** The node has its own directory again. */
  isPutBack(node: SimNode): void {
    this.log.healed(node);
    this.#impostors.delete(node);
  }

  /** The node may end by itself with such a message. */
  mayEnd(node: SimNode, message: RegExp): void {
    this.#mayEnd.set(node, message);
  }

  // ---- What the nodes do ----

  handedOver(node: SimNode, write: LogWrite): void {
    if (!this.nodes.includes(node)) return;
    // The write says how far the node has committed, and may outlive the turn that it is made in.
    this.turned(node);
    this.watch.handedOver(node, write);
  }

  persisted(node: SimNode, write: LogWrite): void {
    if (this.nodes.includes(node)) this.watch.persisted(node, write);
  }

  applied(node: SimNode, entries: readonly Entry[]): void {
    if (!this.nodes.includes(node)) return;
    // A leader commits and applies in one turn.
    this.turned(node);
    for (const entry of entries) this.witness.apply(entry);
    this.watch.applied(node, entries);
  }

  compared(node: SimNode, verdict: StateVerdict): void {
    const isOurs = this.nodes.includes(node) && !this.isImpostor(node);
    if (isOurs) this.watch.compared(node, verdict);
  }

  turned(node: SimNode): void {
    const status = node.formed?.node.status();
    if (status === undefined || !this.nodes.includes(node)) return;
    const before = this.#seen.get(node);
    this.#seen.set(node, status);
    if (before === undefined) return this.watch.formed(node, status);
    this.watch.turned(node, before, status);
    if (!this.#lossy.has(node) || status.recovering) return;
    this.#lossy.delete(node);
    this.log.healed(node);
  }

  ended(node: SimNode, error: unknown): void {
    this.#seen.delete(node);
    const message = error instanceof Error ? error.message : String(error);
    if (this.#mayEnd.get(node)?.test(message)) return;
    this.#broken("assertion", `node ${node.id} ends: ${message}`);
  }

  #broken(id: string, text: string): void {
    this.violation ??= `${id} is broken: ${text}`;
  }
}
