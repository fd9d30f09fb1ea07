/**
 * Members come and go: whoever runs the cluster adds nodes that were not born with it, promotes,
 * demotes, replaces and removes members, the leader among them, one or several at a time, while
 * everything else goes on. Some of what is asked must be refused, however the cluster is: an id
 * that was given out before, another directory under the id of a member.
 */

import { hex } from "../../src/lib/bytes.ts";
import type { Prng } from "../../src/lib/prng.ts";
import type { ConfigurationOutcome } from "../../src/node/configuration_changes.ts";
import { memberOf, votersOf, wasRemoved } from "../../src/raft/configuration.ts";
import type { Configuration, LogPosition, Member, NodeId } from "../../src/raft/types.ts";
import type { SimCluster } from "../harness/sim_cluster.ts";
import { prepareToJoin } from "../harness/newcomer.ts";
import type { SimNode } from "../harness/sim_node.ts";
import { drawChange, hasRoom, type WantedMembers } from "./changes.ts";
import type { ClusterLog } from "./cluster_log.ts";
import type { Broken } from "./invariant.ts";
import type { Operator } from "./operator.ts";
import type { Plan } from "./plan.ts";
import type { RareStates } from "./rare_states.ts";

const answerWithinMs = 5_000;
/** How long the machine of a removed member runs on, at most. */
const leavesWithinMs = 5_000;
/** Those that were started, and are no members yet. */
const joinersMax = 2;

/** A question to a leader. */
interface Asking {
  readonly leader: SimNode;
  readonly members: readonly Member[];
  readonly expected: LogPosition;
}

export class Churn {
  readonly #plan: Plan;
  readonly #cluster: SimCluster;
  readonly #operator: Operator;
  readonly #rare: RareStates;
  readonly #log: ClusterLog;
  readonly #broken: Broken;
  readonly #prng: Prng;
  #isOver = false;
  #lastId: NodeId;
  /** Of another cluster: members by mistake, whom nobody can reach. */
  readonly #foreign = new Map<NodeId, SimNode>();
  readonly #leaving = new Set<SimNode>();
  /** What was in force at some time before. */
  #earlier: LogPosition | undefined;

  constructor(
    parts: {
      readonly plan: Plan;
      readonly cluster: SimCluster;
      readonly operator: Operator;
      readonly rare: RareStates;
      readonly log: ClusterLog;
      /** Told of what was done and had to be refused. */
      readonly broken: Broken;
    },
    prng: Prng,
  ) {
    this.#plan = parts.plan;
    this.#cluster = parts.cluster;
    this.#operator = parts.operator;
    this.#rare = parts.rare;
    this.#log = parts.log;
    this.#broken = parts.broken;
    this.#prng = prng;
    this.#lastId = Math.max(...parts.cluster.ids);
  }

  start(): void {
    if (this.#plan.churnEveryMs > 0) this.#again();
  }

  stop(): void {
    this.#isOver = true;
    for (const node of this.#foreign.values()) node.kill();
  }

  /** A node has just become leader: now and then somebody wants a change of it at once. */
  leads(node: SimNode): void {
    if (this.#isOver || this.#plan.churnEveryMs === 0 || !this.#prng.chance(1, 4)) return;
    this.#change(node);
  }

  #again(): void {
    const afterMs = 1 + this.#prng.below(2 * this.#plan.churnEveryMs);
    this.#cluster.scheduler.after(afterMs * 1_000, () => {
      if (this.#isOver) return;
      this.#again();
      this.#sendAway();
      const leader = this.#leader();
      if (this.#prng.chance(1, 5)) this.#ask(leader, (asked) => this.#wrong(asked));
      else this.#change(leader);
    });
  }

  /** Whom it takes for the leader; anybody where nobody claims to be. */
  #leader(): SimNode {
    const { nodes } = this.#cluster;
    const leaders = nodes.filter(({ leads }) => leads);
    const from = leaders.length > 0 ? leaders : nodes;
    return from[this.#prng.below(from.length)]!;
  }

  /** Whoever was removed is switched off after a while. */
  #sendAway(): void {
    const configuration = this.#log.configuration?.configuration;
    if (configuration === undefined) return;
    for (const node of this.#cluster.nodes) {
      if (this.#leaving.has(node) || !wasRemoved(configuration, node.id)) continue;
      this.#leaving.add(node);
      const afterMs = this.#prng.chance(1, 3) ? 0 : this.#prng.below(leavesWithinMs);
      this.#cluster.scheduler.after(afterMs * 1_000, () => this.#takeAway(node));
    }
    for (const [id, node] of this.#foreign) {
      if (wasRemoved(configuration, id) && node.isRunning) node.kill();
    }
  }

  #takeAway(node: SimNode): void {
    this.#operator.retire(node);
    this.#cluster.remove(node);
  }

  // ---- What is asked for ----

  #change(leader: SimNode): void {
    this.#ask(leader, (asked) => this.#wanted(asked));
    if (this.#prng.chance(1, 6)) this.#ask(leader, (asked) => this.#wanted(asked), "again");
    const { scheduler } = this.#cluster;
    const soonUs = this.#prng.below(30_000);
    if (this.#oneOf(8)) {
      scheduler.after(soonUs, () => {
        if (leader.isRunning && leader.formed !== undefined) leader.transfer();
      });
    } else if (this.#oneOf(6)) {
      scheduler.after(soonUs, () => {
        if (this.#isOver) return;
        this.#operator.stop(leader, "kill");
        this.#operator.startLater(leader, 1 + this.#prng.below(3_000));
      });
    }
  }

  /** One change in so many; where they come in haste, no more of them in a while than else. */
  #oneOf(count: number): boolean {
    return this.#prng.chance(Math.min(this.#plan.churnEveryMs, 1_000), count * 1_000);
  }

  /** `again`: while another one may be under way. */
  #ask(
    leader: SimNode,
    ask: (asked: Asking & { readonly configuration: Configuration }) => void,
    again?: "again",
  ): void {
    leader.run(({ node }) => {
      const { configuration, position } = node.status().configuration;
      if (configuration.outgoing !== undefined && again === undefined) return;
      ask({ leader, members: configuration.members, expected: position, configuration });
    });
  }

  #wanted({ leader, expected, configuration }: Asking & Configured): void {
    const { members } = configuration;
    const prng = this.#prng;
    const wanted = drawChange({
      ...{ members, leader: leader.id, prng, foreign: new Set(this.#foreign.keys()) },
      joiner: hasRoom(members) ? () => this.#joiner(configuration) : undefined,
    });
    if (wanted === undefined || !this.#operator.mayBecome(wanted.members)) return;
    const before = this.#earlier;
    this.#earlier = expected;
    const isStale = before !== undefined && before.index < expected.index && prng.chance(1, 10);
    const asking = { leader, members: wanted.members, expected: isStale ? before : expected };
    this.#put(asking, (outcome) => {
      if (outcome.kind === "applied") this.#done(members, wanted);
      if (outcome.kind !== "notApplied") return;
      const { reason } = outcome;
      if (reason === "configurationChanged") {
        this.#rare.saw("change of a past configuration refused");
      }
      if (reason === "changeInProgress") this.#rare.saw("second change refused");
    });
  }

  #done(before: readonly Member[], { kind, members }: WantedMembers): void {
    const [was, is] = [votersOf(before), votersOf(members)];
    const changed = [...was, ...is].filter((id) => was.includes(id) !== is.includes(id));
    if (kind === "replace") this.#rare.saw("voter replaced in one change");
    if (changed.length > 2) this.#rare.saw("several voters changed at once");
    const [promoted] = is.filter((id) => !was.includes(id));
    const node = this.#cluster.nodes.find(({ id }) => id === promoted);
    if (node === undefined || !this.#oneOf(4)) return;
    this.#cluster.scheduler.after(this.#prng.below(500_000), () => {
      if (this.#isOver) return;
      this.#operator.stop(node, "kill");
      this.#operator.startLater(node, 1 + this.#prng.below(2_000));
    });
  }

  /** A node that is no member; one that waits for that, or a new one. */
  #joiner(configuration: Configuration): Member {
    const waiting = this.#cluster.nodes.filter(({ id }) =>
      id > configuration.nodeIdMax && memberOf(configuration, id) === undefined
    );
    const node = waiting.length >= joinersMax || (waiting.length > 0 && this.#prng.chance(1, 2))
      ? waiting[this.#prng.below(waiting.length)]!
      : this.#newNode();
    return memberFor(node);
  }

  #newId(): NodeId {
    this.#lastId += this.#prng.chance(1, 4) ? 1 + this.#prng.below(3) : 1;
    return this.#lastId;
  }

  #newNode(): SimNode {
    const id = this.#newId();
    const contacts = [...this.#cluster.nodes];
    const node = this.#cluster.add({ id, ids: [id], config: this.#plan.config });
    node.disk.options = this.#plan.disk;
    prepareToJoin(node, { contacts, incarnation: this.#incarnation() });
    this.#operator.start(node);
    return node;
  }

  #incarnation(): string {
    return hex(Uint8Array.from({ length: 8 }, () => this.#prng.below(256)));
  }

  // ---- What must be refused ----

  #wrong({ leader, expected, configuration }: Asking & Configured): void {
    const { members, nodeIdMax } = configuration;
    const prng = this.#prng;
    const gone = 1 + prng.below(nodeIdMax);
    if (prng.chance(1, 3)) return this.#addForeign({ leader, expected, configuration, members });
    const isFree = memberOf(configuration, gone) === undefined;
    const incarnation = this.#incarnation();
    const wrong = isFree
      ? [...members, { id: gone, incarnation, suffrage: "learner" as const }]
      : members.map((member) => member.id === gone ? { ...member, incarnation } : member);
    this.#put({ leader, expected, members: wrong }, (outcome) => {
      if (outcome.kind === "applied") {
        return this.#broken(`id ${gone} is given out again, to directory ${incarnation}`);
      }
      if (outcome.kind !== "notApplied" || outcome.reason !== "invalidChange") return;
      this.#rare.saw(isFree ? "removed id refused" : "other directory under a known id refused");
    });
  }

  /** Somebody names a node of another cluster. It can be a member, and nobody hears it. */
  #addForeign({ leader, expected, configuration }: Asking & Configured): void {
    const { network, nodes } = this.#cluster;
    const { members } = configuration;
    // Without streams there is no Hello that could tell.
    if (network.options.datagrams || this.#foreign.size > 0 || !hasRoom(members)) return;
    const id = this.#newId();
    const ids = [nodes[0]!.id, id];
    const node = this.#cluster.make({ id, ids, clusterId: "other", config: this.#plan.config });
    this.#foreign.set(id, node);
    node.start();
    const member = { ...memberFor(node), incarnation: this.#incarnation() };
    this.#put({ leader, expected, members: [...members, member] }, () => {
      const isTold = node.birth?.waitingFor().includes("belongs to") === true;
      if (isTold) this.#rare.saw("wrong cluster id refused");
    });
  }

  #put({ leader, members, expected }: Asking, told: (outcome: ConfigurationOutcome) => void): void {
    leader.run(({ node }, clock) => {
      this.#cluster.scheduler.trace(`members ${described(members)}`);
      const deadlineMs = clock.monotonicMs() + answerWithinMs;
      const end = this.#operator.changeBegins(members);
      node.changeConfiguration({ members }, expected, deadlineMs, (outcome) => {
        end();
        told(outcome);
      });
    });
  }
}

interface Configured {
  readonly configuration: Configuration;
}

function memberFor(node: SimNode): Member {
  const { id, address } = node;
  const incarnation = node.identity()?.incarnation ?? "";
  const addresses = { rpc: address, http: `http://${address}` };
  return { id, incarnation, suffrage: "learner", addresses };
}

function described(members: readonly Member[]): string {
  return members.map(({ id, suffrage }) => `${id} ${suffrage}`).join(", ");
}
