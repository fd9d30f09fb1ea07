/**
 * Whoever runs the cluster: hands leadership over and changes who votes, now and then. The members
 * stay the same nodes; a learner becomes a voter, a voter a learner.
 */

import type { Prng } from "../../src/lib/prng.ts";
import { votersOf } from "../../src/raft/configuration.ts";
import type { NodeId } from "../../src/raft/types.ts";
import type { SimCluster } from "../harness/sim_cluster.ts";
import type { SimNode } from "../harness/sim_node.ts";
import type { Operator } from "./operator.ts";
import type { Plan } from "./plan.ts";
import type { RareStates } from "./rare_states.ts";

const answerWithinMs = 5_000;
/** How often the learners of the plan are asked for until they are there. */
const learnersEveryMs = 200;

export class Administrator {
  readonly #plan: Plan;
  readonly #cluster: SimCluster;
  readonly #operator: Operator;
  readonly #rare: RareStates;
  readonly #prng: Prng;
  #isOver = false;
  /** Those that the plan wants as learners, until they are. */
  #toDemote: readonly NodeId[];

  constructor(
    parts: {
      readonly plan: Plan;
      readonly cluster: SimCluster;
      readonly operator: Operator;
      readonly rare: RareStates;
    },
    prng: Prng,
  ) {
    this.#plan = parts.plan;
    this.#cluster = parts.cluster;
    this.#operator = parts.operator;
    this.#rare = parts.rare;
    this.#prng = prng;
    this.#toDemote = parts.cluster.ids.slice(parts.plan.voters);
  }

  start(): void {
    const { reconfigureEveryMs, transferEveryMs } = this.#plan;
    if (transferEveryMs > 0) this.#again(transferEveryMs, () => this.#transfer());
    if (reconfigureEveryMs > 0) {
      this.#again(reconfigureEveryMs, () => this.#reconfigure(this.#leader()));
    }
    if (this.#toDemote.length > 0) this.#again(learnersEveryMs, () => this.#demote());
  }

  stop(): void {
    this.#isOver = true;
  }

  /** A node has just become leader: now and then somebody wants a change of it at once. */
  leads(node: SimNode): void {
    if (this.#isOver || this.#plan.reconfigureEveryMs === 0 || !this.#prng.chance(1, 4)) return;
    this.#reconfigure(node);
  }

  #again(everyMs: number, act: () => void): void {
    const afterMs = 1 + this.#prng.below(2 * everyMs);
    this.#cluster.scheduler.after(afterMs * 1_000, () => {
      if (this.#isOver) return;
      this.#again(everyMs, act);
      act();
    });
  }

  /** Whom it takes for the leader; anybody where nobody claims to be. */
  #leader(): SimNode {
    const { nodes } = this.#cluster;
    const leaders = nodes.filter(({ leads }) => leads);
    const from = leaders.length > 0 ? leaders : nodes;
    return from[this.#prng.below(from.length)]!;
  }

  #transfer(): void {
    const ids = this.#cluster.nodes.map(({ id }) => id);
    const target = this.#prng.chance(1, 3) ? undefined : ids[this.#prng.below(ids.length)]!;
    this.#cluster.scheduler.trace(`transfer to ${target}`);
    this.#leader().run(({ node }, clock) => {
      node.transferLeadership(target, clock.monotonicMs() + answerWithinMs, (outcome) => {
        if (outcome.kind === "transferred") this.#rare.saw("transfer done");
        else if (outcome.reason === "timeout") this.#rare.saw("transfer aborted");
      });
    });
  }

  /** Turns one voter into a learner, or one learner into a voter; both at once, sometimes. */
  #reconfigure(leader: SimNode): void {
    const ids = this.#cluster.nodes.map(({ id }) => id);
    const prng = this.#prng;
    const changed = new Set([ids[prng.below(ids.length)]!]);
    if (prng.chance(1, 3)) changed.add(ids[prng.below(ids.length)]!);
    this.#change(leader, (id, votes) => changed.has(id) ? !votes : votes);
  }

  #demote(): void {
    const wanted = this.#toDemote;
    if (wanted.length === 0) return;
    const votes = (id: NodeId, before: boolean): boolean => before && !wanted.includes(id);
    this.#change(this.#leader(), votes, () => this.#toDemote = []);
  }

  #change(
    leader: SimNode,
    votes: (id: NodeId, before: boolean) => boolean,
    applied = (): void => {},
  ): void {
    leader.run(({ node }, clock) => {
      const { configuration, position } = node.status().configuration;
      const members = configuration.members.map((member) => {
        const before = member.suffrage === "voter";
        const isVoter = votes(member.id, before);
        if (isVoter === before) return member;
        return { ...member, suffrage: isVoter ? "voter" as const : "learner" as const };
      });
      // What is lost has to be healed first: fewer voters outlive fewer losses.
      if (votersOf(members).length === 0 || !this.#operator.mayBecome(members)) return;
      this.#cluster.scheduler.trace(`change voters to ${votersOf(members)}`);
      const deadlineMs = clock.monotonicMs() + answerWithinMs;
      const end = this.#operator.changeBegins(members);
      node.changeConfiguration({ members }, position, deadlineMs, ({ kind }) => {
        end();
        if (kind === "applied") applied();
      });
    });
  }
}
