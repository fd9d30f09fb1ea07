/**
 * Makes the changes that member_rules.ts wants, one after the other, by the same way as an operator
 * does: from the configuration that it has looked at, and none while another one is under way.
 */

import type { NodeId } from "../raft/types.ts";
import type { KeptNode } from "./address_keeper.ts";
import { catchUpOf } from "./judge_change.ts";
import {
  type MemberRules,
  type MemberView,
  type WantedChange,
  wantedChange,
} from "./member_rules.ts";
import type { NodeStatus } from "./parts.ts";
import { settledConfiguration } from "./settled.ts";

/** So long a learner must have been seen to keep up before it votes. */
const steadyMs = 2_000;
/** A look that comes so late says that the process, or its machine, stood still before. */
const lateMs = 5_000;
const changeWithinMs = 10_000;

/** What the keeper stands on. */
export interface MemberKeeperParts {
  readonly self: NodeId;
  readonly node: KeptNode;
  readonly rules: MemberRules;
  /** How long a peer may be silent and still count as healthy. */
  readonly silentMsMax: number;
  /** Told of each change that is asked for. */
  readonly onChange: (change: WantedChange) => void;
}

/** Looks now and then, on every node; only a leader finds something to do. */
export class MemberKeeper {
  readonly #parts: MemberKeeperParts;
  /** The leadership under way, as far as it was looked at without a pause. */
  #watch: { readonly term: number; readonly sinceMs: number } | undefined;
  #lookedMs = -Infinity;
  /** Since when each learner has been seen to keep up. */
  readonly #keepsUpSinceMs = new Map<NodeId, number>();
  #changing = false;

  constructor(parts: MemberKeeperParts) {
    this.#parts = parts;
  }

  /** To be called every second or so. */
  look(nowMs: number): void {
    const { node, rules, onChange } = this.#parts;
    const status = node.status();
    const sinceMs = this.#follow(status, nowMs);
    if (sinceMs === undefined) return;
    const view = this.#view(status, { nowMs, sinceMs });
    const configuration = settledConfiguration(status);
    if (configuration === undefined || this.#changing) return;
    const change = wantedChange(view, rules);
    if (change === undefined) return;
    this.#changing = true;
    onChange(change);
    const { members } = change;
    node.changeConfiguration({ members }, configuration.position, nowMs + changeWithinMs, () => {
      this.#changing = false;
    });
  }

  /** Since when this node has led and looked; undefined where it does not lead. */
  #follow({ role, term }: NodeStatus, nowMs: number): number | undefined {
    const isLate = nowMs - this.#lookedMs > lateMs;
    this.#lookedMs = nowMs;
    if (role !== "leader") {
      this.#watch = undefined;
    } else if (this.#watch?.term !== term || isLate) {
      this.#watch = { term, sinceMs: nowMs };
      this.#keepsUpSinceMs.clear();
    }
    return this.#watch?.sinceMs;
  }

  #view(
    status: NodeStatus,
    { nowMs, sinceMs }: { readonly nowMs: number; readonly sinceMs: number },
  ): MemberView {
    const { self, silentMsMax } = this.#parts;
    const { members } = status.configuration.configuration;
    const hearing = { self, status, nowMs, silentMsMax };
    const keepUp = members.filter(({ id, suffrage }) =>
      suffrage === "learner" && catchUpOf(id, hearing).kind === "caughtUp"
    ).map(({ id }) => id);
    for (const id of this.#keepsUpSinceMs.keys()) {
      if (!keepUp.includes(id)) this.#keepsUpSinceMs.delete(id);
    }
    for (const id of keepUp) {
      if (!this.#keepsUpSinceMs.has(id)) this.#keepsUpSinceMs.set(id, nowMs);
    }
    const steady = keepUp.filter((id) =>
      nowMs - (this.#keepsUpSinceMs.get(id) ?? nowMs) >= steadyMs
    );
    return { ...hearing, members, sinceMs, steady };
  }
}
