/**
 * Whether a cluster of the same name takes this node for one of its own, which it is not. A node
 * whose directory was lost, or not mounted, and whose configuration names nobody else, founds a
 * cluster anew, alone and under the old name. The members of the old one greet it at its address
 * and turn away from what answers there: here the new one hears of it.
 *
 * Not decided here: which of the two is right. It may be the other one that should not run, so that
 * nothing is refused.
 */

import { memberOf, voterSets, wasRemoved } from "../raft/configuration.ts";
import type { Configuration } from "../raft/types.ts";
import type { IdentityKeeper } from "./identity_keeper.ts";
import type { Hello } from "./ports.ts";

/** Twice as long as a peer rests that was refused for good. */
const doubtLastsMs = 120_000;

/** What the doubt is judged by. */
export interface IdentityDoubtParts {
  readonly keeper: Pick<IdentityKeeper, "identity">;
  readonly monotonicMs: () => number;
  /** Told when a doubt begins. */
  readonly report: (text: string) => void;
}

/** Of one node; it lasts for two minutes after the last such greeting. */
export class IdentityDoubt {
  readonly #parts: IdentityDoubtParts;
  #effective: () => Configuration | undefined = () => undefined;
  #last: { readonly text: string; readonly atMs: number } | undefined;

  constructor(parts: IdentityDoubtParts) {
    this.#parts = parts;
  }

  /** Before that there is no cluster yet, and nothing to doubt. */
  judgeBy(effective: () => Configuration | undefined): void {
    this.#effective = effective;
  }

  /** To be told of every Hello, whatever the answer. */
  greeted(theirs: Hello): void {
    if (!this.#isDoubtful(theirs)) return;
    const isNew = this.#current() === undefined;
    const text = this.#textOf(theirs);
    this.#last = { text, atMs: this.#parts.monotonicMs() };
    if (isNew) this.#parts.report(text);
  }

  /** A line behind `/readyz`. */
  check(): { readonly ok: boolean; readonly detail: string } {
    const text = this.#current();
    return { ok: text === undefined, detail: text ?? "no peer takes this node for another one" };
  }

  #current(): string | undefined {
    if (this.#last === undefined || !this.#votesAlone()) return undefined;
    const ageMs = this.#parts.monotonicMs() - this.#last.atMs;
    return ageMs < doubtLastsMs ? this.#last.text : undefined;
  }

  /** Who decides with others has their word for what it is. */
  #votesAlone(): boolean {
    const effective = this.#effective();
    const { nodeId } = this.#parts.keeper.identity;
    return effective !== undefined && voterSets(effective).flat().every((id) => id === nodeId);
  }

  #isDoubtful({ clusterId, from, to, incarnation, bootstrapIds }: Hello): boolean {
    const effective = this.#effective();
    if (effective === undefined || !this.#votesAlone()) return false;
    if (clusterId !== this.#parts.keeper.identity.clusterId) return false;
    // Who only asks who listens here, or belongs to no cluster yet, expects nobody.
    if (to === 0 || bootstrapIds.length > 0) return false;
    // Who was a member, or comes from before a lost quorum, is told so.
    return memberOf(effective, from)?.incarnation !== incarnation && !wasRemoved(effective, from);
  }

  #textOf({ clusterId, from, to, incarnation, addresses }: Hello): string {
    const { identity } = this.#parts.keeper;
    return `Another cluster "${clusterId}" takes this node for one of its members: node ${from} ` +
      `(incarnation ${incarnation}, at ${addresses.rpc}) greets node ${to} here, and this is ` +
      `node ${identity.nodeId} (incarnation ${identity.incarnation}), which votes alone. If its ` +
      "directory was lost or is not mounted, this node has founded a second cluster: stop it, " +
      "and put the directory back, or start with an empty one and --join. If the other cluster " +
      "should not run, stop that one";
  }
}
