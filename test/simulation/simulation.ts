/**
 * One run: a cluster is born, clients load it while it is troubled, then it heals and must come to
 * life. Everything is a function of the plan. The production code of node, core, recovery and store
 * runs in it; disk, network and clock are models (test/harness/sim_*.ts).
 */

import type { KvTables } from "../../src/kv/ports.ts";
import { Prng } from "../../src/lib/prng.ts";
import type { NodeStatus } from "../../src/node/parts.ts";
import { formatStatus } from "../../src/raft/format.ts";
import type { Entry } from "../../src/raft/types.ts";
import { History } from "../harness/history.ts";
import { SimCluster } from "../harness/sim_cluster.ts";
import type { SimNode } from "../harness/sim_node.ts";
import type { SimObserver } from "../harness/sim_observer.ts";
import type { SimScheduler } from "../harness/sim_scheduler.ts";
import { withoutAmbient } from "./ambient.ts";
import { Administrator } from "./administrator.ts";
import { Churn } from "./churn.ts";
import { Client, type ClientWorld } from "./clients.ts";
import { KeyBook } from "./client_calls.ts";
import { ClusterLog } from "./cluster_log.ts";
import { Contender } from "./contenders.ts";
import { Faults } from "./faults.ts";
import { Healing } from "./healing.ts";
import { together, type Watch } from "./invariant.ts";
import { invariantsOf } from "./invariants/mod.ts";
import { linearizabilityFault } from "./invariants/linearizability.ts";
import { Operator } from "./operator.ts";
import type { Plan } from "./plan.ts";
import { RareStates } from "./rare_states.ts";
import { Watcher } from "./watchers.ts";
import { Witness } from "./witness.ts";

export interface Violation {
  /** I1 … I19; "identity"; "assertion" when a node has ended by itself. */
  readonly invariant: string;
  readonly text: string;
  readonly atUs: number;
}

/** What a run came to. */
export interface RunReport {
  readonly violation: Violation | undefined;
  /** Messages delivered, disk completions, client calls and faults. */
  readonly events: number;
  readonly virtualUs: number;
  /** In order, as "crash.3". */
  readonly faults: readonly string[];
  readonly calls: number;
  /** Committed changes of who belongs to the cluster, or of who votes. */
  readonly changes: number;
  readonly traceHash: string;
  readonly rare: RareStates["counts"];
  /** The newest lines for people, when they were asked for. */
  readonly transcript: readonly string[];
  readonly history: History;
}

export interface RunOptions {
  /** Keep lines for people; the run itself is the same. */
  readonly tells?: boolean;
  /** Where the nodes' stores keep their rows; in memory unless given. */
  readonly makeTables?: () => KvTables;
}

/** On a network that loses a fifth of all questions and answers, nine nodes need many rounds. */
const birthWithinMs = 600_000;

class Simulation implements ClientWorld, SimObserver<SimNode> {
  readonly plan: Plan;
  readonly cluster: SimCluster;
  readonly log = new ClusterLog();
  readonly witness = new Witness();
  readonly history: History;
  readonly watch: Watch;
  readonly rare: RareStates;
  readonly #operator: Operator;
  readonly #faults: Faults;
  readonly #administrator: Administrator;
  readonly #churn: Churn;
  readonly #clients: readonly Client[];
  readonly #watchers: readonly Watcher[];
  readonly #contenders: readonly Contender[];
  readonly #keys: KeyBook;
  readonly #healingPrng: Prng;
  readonly #seen = new Map<SimNode, NodeStatus>();
  /** Nodes that have said, written or applied something, or changed their role, since they were. */
  readonly #active = new Set<SimNode>();
  #violation: Violation | undefined;
  #callsLeft: number;
  #calls = 0;
  #persists = 0;

  constructor(plan: Plan, options: RunOptions = {}) {
    this.plan = plan;
    const root = new Prng(plan.seed);
    const prngs = Array.from({ length: 4 }, () => root.split());
    this.cluster = new SimCluster({
      ...options,
      seed: root.next(),
      ids: Array.from({ length: plan.voters + plan.learners }, (_, at) => at + 1),
      ...{ network: plan.network, imageMsMax: plan.imageMsMax },
      config: plan.config,
      observer: this,
    });
    const { scheduler, nodes } = this.cluster;
    this.history = new History(() => scheduler.nowUs);
    this.rare = new RareStates(this, () => scheduler.nowUs);
    this.#operator = new Operator({
      ...{ nodes, log: this.log, scheduler, rare: this.rare },
      stopped: (node) => this.#stopped(node),
      compacts: Object.keys(plan.config).some((key) => key.startsWith("snapshot.")),
    });
    const invariants = invariantsOf(this, plan, (id, text) => this.#broken(id, text));
    this.watch = together([...invariants, this.rare.watch]);
    const parts = { plan, cluster: this.cluster, operator: this.#operator, rare: this.rare };
    this.#faults = new Faults(parts, prngs[0]!);
    this.#administrator = new Administrator(parts, prngs[1]!);
    this.#keys = new KeyBook(plan.keys);
    this.#clients = this.#makeClients(prngs[2]!);
    this.#healingPrng = prngs[3]!;
    const [watching, contending] = [root.split(), root.split()];
    this.#watchers = this.#make(
      plan.watchers,
      "w",
      (name) => new Watcher({ world: this, name, prng: watching.split(), keys: this.#keys }),
    );
    this.#contenders = this.#make(plan.contenders, "l", (name) =>
      new Contender({
        ...{ world: this, name, prng: contending.split(), keys: this.#keys },
        calls: () => this.#calls++,
      }));
    this.#churn = new Churn({
      ...{ ...parts, log: this.log },
      broken: (text) => this.#broken("I10", text),
    }, root.split());
    this.#callsLeft = plan.operations;
    for (const { disk } of nodes) disk.options = plan.disk;
    this.cluster.network.onSend = (envelope, from) => {
      const node = nodes.find(({ address }) => address === from);
      if (node === undefined) return;
      this.#active.add(node);
      const { message } = envelope;
      // It tells what it has committed before its turn is over, and may die in that.
      const isNews = "leaderCommit" in message && message.leaderCommit > this.log.committedIndex;
      if (isNews) this.#look(node);
      this.watch.sent(node, envelope);
      for (const told of this.#faults.onSend) told(envelope);
    };
    this.cluster.network.onDeliver = (envelope) => this.watch.delivered(envelope);
  }

  get nodes(): readonly SimNode[] {
    return this.cluster.nodes;
  }

  get nowUs(): number {
    return this.scheduler.nowUs;
  }

  get scheduler(): SimScheduler {
    return this.cluster.scheduler;
  }

  isImpostor(node: SimNode): boolean {
    return this.#operator.isImpostor(node);
  }

  /** Runs to the end, or to the first violation. */
  run(): RunReport {
    try {
      this.#live();
    } catch (error) {
      // What comes after a violation, as the end of waiting does, says nothing more.
      this.#broken("assertion", `${error instanceof Error ? error.stack : String(error)}`);
    }
    return {
      violation: this.#violation,
      events: this.cluster.network.delivered + this.#persists + this.#calls +
        this.#faults.done.length,
      virtualUs: this.scheduler.nowUs,
      faults: this.#faults.done,
      calls: this.#calls,
      changes: this.log.changes,
      traceHash: this.scheduler.traceHash,
      rare: this.rare.counts,
      transcript: this.scheduler.traceLines,
      history: this.history,
    };
  }

  #live(): void {
    for (const node of this.nodes) this.#operator.startLater(node, this.#healingPrng.below(50));
    // A birth needs everybody, and there is no log that could be lost before.
    const isBorn = (): boolean => this.nodes.every(({ formed }) => formed !== undefined);
    if (!this.#until(isBorn, birthWithinMs)) {
      return this.#broken("I16", `the cluster is not born after ${birthWithinMs} ms`);
    }
    this.#administrator.start();
    this.#churn.start();
    for (const each of [...this.#clients, ...this.#watchers, ...this.#contenders]) each.start();
    this.#faults.start();
    const isOver = (): boolean =>
      this.#callsLeft <= 0 && !this.#clients.some(({ isBusy }) => isBusy);
    this.#until(isOver, this.plan.chaosMsMax);
    this.#callsLeft = 0;
    for (const contender of this.#contenders) contender.stop();
    for (const watcher of this.#watchers) watcher.calmDown();
    this.#faults.stop();
    this.#administrator.stop();
    this.#churn.stop();
    this.#heal();
    this.watch.finished();
    const fault = linearizabilityFault(this.history.calls());
    if (fault !== undefined) this.#broken("I15", fault);
  }

  #heal(): void {
    const healing = new Healing({
      ...{ plan: this.plan, cluster: this.cluster, operator: this.#operator, log: this.log },
      ...{ clients: this.#callers(), watchers: this.#watchers, keys: this.#keys },
      prng: this.#healingPrng,
      revision: () => this.witness.revision,
      until: (condition, withinMs) => this.#until(condition, withinMs),
    });
    const fault = healing.run();
    if (fault !== undefined) this.#broken("I16", fault);
  }

  /** Lets time pass until the condition holds; false when time is over. */
  #until(condition: () => boolean, withinMs: number): boolean {
    const isDone = (): boolean => this.#violation !== undefined || condition();
    const isMet = this.scheduler.runUntil(isDone, withinMs * 1_000);
    if (this.#violation !== undefined) throw new Error("The run ends with its first violation");
    return isMet;
  }

  #make<T>(
    count: number,
    letter: string,
    make: (name: string, at: number) => T,
  ): readonly T[] {
    return Array.from({ length: count }, (_, at) => make(`${letter}${at + 1}`, at));
  }

  /** All who wait for answers. */
  #callers(): readonly Client[] {
    return [...this.#clients, ...this.#contenders.map(({ client }) => client)];
  }

  #makeClients(prng: Prng): readonly Client[] {
    const takeTurn = (): boolean => {
      if (this.#callsLeft <= 0) return false;
      this.#callsLeft--;
      this.#calls++;
      return true;
    };
    return this.#make(
      this.plan.clients,
      "c",
      (name, at) =>
        new Client({
          ...{ world: this, name, prng: prng.split(), keys: this.#keys, takeTurn },
          readsLeases: at === 1,
        }),
    );
  }

  #broken(invariant: string, text: string): void {
    if (this.#violation !== undefined) return;
    this.scheduler.tell(() => `${invariant} is broken: ${text}`);
    this.#violation = { invariant, text, atUs: this.scheduler.nowUs };
  }

  // ---- What the nodes do ----

  handedOver(node: SimNode, write: Parameters<Watch["handedOver"]>[1]): void {
    // The write says how far the node has committed, and may outlive the turn that it is made in.
    this.#look(node);
    this.watch.handedOver(node, write);
  }

  persisted(node: SimNode, write: Parameters<Watch["persisted"]>[1]): void {
    this.#persists++;
    this.watch.persisted(node, write);
  }

  applied(node: SimNode, entries: readonly Entry[]): void {
    // A leader commits and applies in one turn.
    this.#look(node);
    for (const entry of entries) this.witness.apply(entry);
    this.watch.applied(node, entries);
  }

  compared(node: SimNode, verdict: Parameters<Watch["compared"]>[1]): void {
    // A directory that is not the cluster's may think what it likes.
    if (!this.isImpostor(node)) this.watch.compared(node, verdict);
  }

  /** Most turns are those of a clock that finds nothing to do, and change nothing. */
  turned(node: SimNode): void {
    if (!this.#active.delete(node) && this.#seen.has(node)) return;
    this.#look(node);
    const status = this.#seen.get(node);
    if (status !== undefined) this.watch.rested(node, status);
  }

  #look(node: SimNode): void {
    const status = node.formed?.node.status();
    if (status === undefined) return;
    const before = this.#seen.get(node);
    this.#seen.set(node, status);
    if (before === undefined) {
      node.formed?.node.onLeadership(() => this.#active.add(node));
      return this.watch.formed(node, status);
    }
    this.watch.turned(node, before, status);
    const fault = this.#operator.turned(node, status);
    if (fault !== undefined) this.#broken("I8", fault);
    if (before.role === status.role && before.term === status.term) return;
    this.scheduler.mix(status.term);
    this.scheduler.tell(() => `n${node.id} is ${formatStatus(status)}`);
    if (status.role === "leader") {
      this.#administrator.leads(node);
      this.#churn.leads(node);
    }
    if (before.role === "leader" && this.#clients.some((client) => client.readsAt(node))) {
      this.rare.saw("read waits as leadership is lost");
    }
  }

  ended(node: SimNode, error: unknown): void {
    this.#stopped(node);
    const fault = this.#operator.ended(node, error);
    if (fault === undefined) return;
    const stack = error instanceof Error ? `\n${error.stack}` : "";
    this.#broken("assertion", `${fault}${stack}`);
  }

  /** A process is gone, by itself or not. */
  #stopped(node: SimNode): void {
    this.#seen.delete(node);
    for (const each of [...this.#callers(), ...this.#watchers]) each.nodeEnded(node);
  }
}

/** Runs a plan. */
export function simulate(plan: Plan, options: RunOptions = {}): RunReport {
  return withoutAmbient(() => new Simulation(plan, options).run());
}
