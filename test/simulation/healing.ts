/**
 * I16, liveness: after all trouble has ended for a random majority, the others still down, a leader
 * must be there within twenty election timeouts and stay for ten more, calls must be answered, and
 * all that live must come to hold the same (paper §5.6; a partial failure wedges no majority).
 * Then the others come back and must catch up as well, and so must all who watch.
 */

import type { Prng } from "../../src/lib/prng.ts";
import { formatStatus } from "../../src/raft/format.ts";
import type { NodeId } from "../../src/raft/types.ts";
import type { Outcome } from "../harness/history.ts";
import type { SimCluster } from "../harness/sim_cluster.ts";
import { calmNetwork } from "../harness/sim_network.ts";
import type { SimNode } from "../harness/sim_node.ts";
import { type KeyBook, putOf, readOf } from "./client_calls.ts";
import type { Client } from "./clients.ts";
import type { ClusterLog } from "./cluster_log.ts";
import { configurationsInForce, isMajority, lists, votersAmong } from "./majorities.ts";
import type { Operator } from "./operator.ts";
import type { Plan } from "./plan.ts";
import type { Watcher } from "./watchers.ts";

export interface HealingParts {
  readonly plan: Plan;
  readonly cluster: SimCluster;
  readonly operator: Operator;
  readonly log: ClusterLog;
  readonly clients: readonly Client[];
  readonly watchers: readonly Watcher[];
  readonly keys: KeyBook;
  readonly prng: Prng;
  /** The newest that is committed. */
  revision(): number;
  /** Lets time pass until the condition holds; false when time is over. */
  until(condition: () => boolean, withinMs: number): boolean;
}

/** In election timeouts. */
const leaderWithin = 20;
const leaderStays = 10;

export class Healing {
  readonly #parts: HealingParts;
  readonly #electionTimeoutMs: number;

  constructor(parts: HealingParts) {
    this.#parts = parts;
    this.#electionTimeoutMs = 20 * parts.plan.heartbeatMs;
  }

  /** What does not come to life, in words; undefined when all does. */
  run(): string | undefined {
    const { cluster, operator } = this.#parts;
    const inForce = configurationsInForce(cluster.nodes, this.#parts.log);
    this.#takeAway((node) => !inForce.some((configuration) => lists(configuration, node.id)));
    const core = this.#chooseCore();
    cluster.scheduler.trace(`heals around ${core.map(({ id }) => id)}`);
    for (const node of cluster.others(...core)) operator.leave(node);
    this.#endTrouble();
    const fault = this.#mustLive(core) ?? this.#callsMustEnd();
    if (fault !== undefined && this.#isEnough(core, core)) {
      return `${fault}; healthy are ${core.map(({ id }) => id)}`;
    }
    operator.bringBack();
    // A configuration that was still on its way when the others left may need them as well.
    const late = fault && (this.#mustLive(cluster.nodes) ?? this.#callsMustEnd());
    return late ?? this.#mustAnswer() ?? this.#mustBeLevel(cluster.nodes) ?? this.#mustSeeAll();
  }

  /** Whoever is no member any more, or has not become one, is of no use to the cluster. */
  #takeAway(isOutside: (node: SimNode) => boolean): void {
    const { cluster, operator } = this.#parts;
    for (const node of cluster.nodes.filter(isOutside)) {
      operator.retire(node);
      cluster.remove(node);
    }
  }

  /** Whoever has been removed answers nothing, and hears of nothing. */
  #onlyMembersStay(): undefined {
    const members = membersBy(leaderOf(this.#parts.cluster.nodes));
    this.#takeAway((node) => !members.includes(node.id));
  }

  /** Nodes that have lost nothing and are a majority by every configuration that anybody holds. */
  #chooseCore(): readonly SimNode[] {
    const { cluster, prng } = this.#parts;
    const core = [...cluster.nodes];
    for (let tries = 0; tries < cluster.nodes.length; tries++) {
      const [left] = core.splice(prng.below(core.length), 1);
      const isEnough = this.#isEnough(core);
      if (!isEnough || prng.chance(1, 3)) core.push(left!);
      if (!isEnough) break;
    }
    return core.sort((a, b) => a.id - b.id);
  }

  /** By every configuration that these hold and that may still decide something. */
  #isEnough(core: readonly SimNode[], holders = this.#parts.cluster.nodes): boolean {
    const { operator, log } = this.#parts;
    const isSound = (id: NodeId): boolean =>
      core.some((node) => node.id === id && !operator.isLossy(node));
    return configurationsInForce(holders, log).every((each) => isMajority(each, isSound));
  }

  #endTrouble(): void {
    const { cluster, operator } = this.#parts;
    cluster.network.heal();
    const { delayMinUs, delaySpreadUs } = this.#parts.plan.network;
    cluster.network.options = { ...calmNetwork, delayMinUs, delaySpreadUs };
    for (const node of cluster.nodes) {
      node.disk.heal();
      node.disk.options = this.#parts.plan.disk;
      node.store.isFull = false;
      if (node.store.isDamaged) {
        operator.stop(node, "kill");
        operator.losesStore(node);
      }
      operator.putBack(node);
      if (node.isRunning && node.isPaused) node.resume();
      if (node.isRunning) node.clock.setRate(1_000);
      operator.start(node);
    }
  }

  /** Who led before the trouble ended may not know yet that nobody follows; it does not count. */
  #mustLive(core: readonly SimNode[]): string | undefined {
    const { cluster: { scheduler } } = this.#parts;
    const withinMs = leaderWithin * this.#electionTimeoutMs;
    const endUs = scheduler.nowUs + withinMs * 1_000;
    for (let leftUs = withinMs * 1_000; leftUs > 0; leftUs = endUs - scheduler.nowUs) {
      const leftMs = Math.ceil(leftUs / 1_000);
      if (!this.#parts.until(() => leaderOf(core) !== undefined, leftMs)) break;
      if (this.#stays(leaderOf(core))) return this.#mustBeLevel(core) ?? this.#onlyMembersStay();
    }
    return `no leader that stays after ${withinMs} ms${describe(core)}`;
  }

  #stays(leader: SimNode | undefined): boolean {
    const term = leader?.status().term;
    const isGone = (): boolean => leader?.leads !== true || leader.status().term !== term;
    return !this.#parts.until(isGone, leaderStays * this.#electionTimeoutMs);
  }

  /** All have applied all that there is, and are in one state. */
  #mustBeLevel(nodes: readonly SimNode[]): string | undefined {
    const withinMs = leaderWithin * this.#electionTimeoutMs;
    if (this.#parts.until(() => isLevel(nodes), withinMs)) return undefined;
    return `after ${withinMs} ms the nodes are not level${describe(nodes)}`;
  }

  /** Everybody who watches has seen all that there is by now. */
  #mustSeeAll(): string | undefined {
    const { watchers, revision, until } = this.#parts;
    const withinMs = leaderWithin * this.#electionTimeoutMs;
    const all = revision();
    if (until(() => watchers.every((watcher) => watcher.hasSeen(all)), withinMs)) return undefined;
    const late = watchers.filter((watcher) => !watcher.hasSeen(all));
    const standing = late.map((watcher) => watcher.standing);
    return `after ${withinMs} ms not all who watch have seen revision ${all}: ${standing}`;
  }

  #callsMustEnd(): string | undefined {
    const { clients, plan } = this.#parts;
    const withinMs = 2 * plan.callWithinMs[1] + leaderWithin * this.#electionTimeoutMs;
    const isQuiet = (): boolean => !clients.some(({ isBusy }) => isBusy);
    return this.#parts.until(isQuiet, withinMs)
      ? this.#mustAnswer()
      : `calls do not end within ${withinMs} ms`;
  }

  /** A write is applied, and every key that was ever used can be read. */
  #mustAnswer(): string | undefined {
    const { clients: [client], keys } = this.#parts;
    if (client === undefined) return undefined;
    const calls = [
      putOf("k0", "healed"),
      ...[...keys.used].map((key) => readOf(key, "linearizable")),
    ];
    const withinMs = leaderWithin * this.#electionTimeoutMs;
    for (const call of calls) {
      let told: Outcome | undefined;
      client.call({ ...call, withinMs }, (outcome) => told = outcome);
      this.#parts.until(() => told !== undefined, 3 * withinMs);
      const isAnswer = told !== undefined && told.kind !== "unknown" && told.kind !== "notApplied";
      // An answer that the plan loses says nothing of the node.
      const mayBeLost = told?.kind === "unknown" && this.#parts.plan.lostAnswersPermille > 0;
      if (!isAnswer && !mayBeLost) return `${call.text} is answered ${JSON.stringify(told)}`;
    }
    return undefined;
  }
}

/**
 * Who leads, has committed in its own term, and may stay: a leader that finishes a change of
 * members which removes it makes room for another one.
 */
function leaderOf(nodes: readonly SimNode[]): SimNode | undefined {
  return nodes.find((node) => {
    const status = node.formed?.node.status();
    if (status?.termStart === undefined || status.commitIndex < status.termStart) return false;
    const { configuration } = status.configuration;
    return status.configurationCommitted && configuration.outgoing === undefined &&
      votersAmong(configuration.members).includes(node.id);
  });
}

function describe(nodes: readonly SimNode[]): string {
  return nodes.map((node) => {
    const status = node.formed?.node.status();
    const is = status === undefined
      ? `not formed, ended by ${node.ended}`
      : `${formatStatus(status)}${status.hung === undefined ? "" : ` ${status.hung}`}`;
    return `\n  node ${node.id}${node.isRunning ? "" : " (down)"}: ${is}`;
  }).join("");
}

/** The ids of those that belong to the cluster, by who leads it. */
function membersBy(leader: SimNode | undefined): readonly NodeId[] {
  return leader?.status().configuration.configuration.members.map(({ id }) => id) ?? [];
}

/** Of these, all members: whoever has been removed need not know more than that. */
function isLevel(nodes: readonly SimNode[]): boolean {
  const members = membersBy(leaderOf(nodes));
  const all = nodes.filter(({ id }) => members.includes(id)).map((node) => ({
    status: node.formed?.node.status(),
    state: node.machine?.status().stateHash,
  }));
  const [first] = all;
  return first !== undefined &&
    all.every(({ status, state }) =>
      status !== undefined && status.applied === status.lastIndex &&
      status.lastIndex === first?.status?.lastIndex && !status.recovering &&
      state?.a === first.state?.a && state?.b === first.state?.b
    );
}
