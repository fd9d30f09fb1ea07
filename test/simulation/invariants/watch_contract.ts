/**
 * I13, watches: what a watcher sees is exactly the committed changes of its range, from where it
 * began on: in order, once, without a gap, all of one revision together; over all nodes that it
 * was told by, one after the other. Who is told that it has come so far has missed nothing until
 * there, and who is told that its place is given up stood before the oldest revision indeed.
 */

import type { ChangeEvent, RevisionChanges } from "../../../src/kv/query.ts";
import type { Revision } from "../../../src/kv/record.ts";
import type { ModelChange } from "../../harness/kv_model_versions.ts";
import { nameOf } from "../../harness/kv_model_versions.ts";
import { isSame } from "../../harness/same.ts";
import {
  type Broken,
  type Invariant,
  type Scene,
  unwatched,
  type WatchedRange,
  type WatchNews,
} from "../invariant.ts";
import type { Witness } from "../witness.ts";

export function watchContract({ witness }: Scene, broken: Broken): Invariant {
  const seen = new Map<string, Seen>();
  return {
    ...unwatched,
    id: "I13",
    watched: ({ watcher, node, committed, news }) => {
      const known = seen.get(watcher.name) ?? new Seen(watcher, witness);
      seen.set(watcher.name, known);
      const fault = known.hears(news, { node, committed });
      if (fault !== undefined) broken(`watcher ${watcher.name}: node ${node.id} ${fault}`);
    },
  };
}

type Teller = Pick<WatchNews, "node" | "committed">;

/** What one watcher has seen. */
class Seen {
  readonly #witness: Witness;
  readonly #isWanted: (change: NonNullable<ReturnType<Witness["change"]>>) => boolean;
  readonly #prev: boolean;
  /** Everything up to here, or it does not want it. */
  #through: Revision = 0;
  /** Of the first change behind that, or an earlier one. */
  #number = 1;
  /** Of the revision that has not been told whole. */
  #events: readonly ChangeEvent[] = [];

  constructor({ target, prev, kind }: WatchedRange, witness: Witness) {
    this.#witness = witness;
    this.#prev = prev;
    const isIn = isWithin(target);
    this.#isWanted = ({ name, record }) =>
      isIn(name) && (kind === undefined || kind === (record === undefined ? "delete" : "put"));
  }

  /** What is wrong with it, in words that follow the name of the node. */
  hears(news: WatchNews["news"], teller: Teller): string | undefined {
    switch (news.kind) {
      case "begins":
      case "resumes":
        return this.#opens(news, teller);
      case "changes":
        return this.#changes(news.changes, teller);
      case "progress":
        if (news.revision === this.#through) return undefined;
        return this.#isPast(news.revision, teller) ?? this.#goTo(news.revision);
      case "compacted": {
        const { oldest } = news;
        if (this.#through < oldest && oldest <= this.#witness.oldest) return undefined;
        return `calls ${oldest} the oldest revision, which is ${this.#witness.oldest}, to who ` +
          `has seen all up to ${this.#through}`;
      }
      case "lagging":
        if (news.at < news.revision && news.revision <= teller.committed) return undefined;
        return `tells of ${news.at} that it is far behind ${news.revision}`;
    }
  }

  #opens(
    news: WatchNews["news"] & { readonly kind: "begins" | "resumes" },
    { node, committed }: Teller,
  ): string | undefined {
    const { kind, after } = news;
    const applied = node.machine?.applied().position.index ?? 0;
    const oldest = this.#witness.view(applied)?.oldest ?? 0;
    if (after < oldest) {
      return `goes on behind ${after}, which is given up: ${oldest} is the oldest`;
    }
    this.#events = [];
    if (kind === "resumes") return undefined;
    this.#through = after;
    this.#number = this.#firstBehind(after);
    if (news.floor === undefined || (after >= news.floor && after <= committed)) return undefined;
    return `takes ${after} for now, where it was ${news.floor} and is ${committed}`;
  }

  #firstBehind(revision: Revision): number {
    let [low, high] = [1, 2];
    const isBehind = (at: number): boolean =>
      (this.#witness.change(at)?.revision ?? Infinity) > revision;
    while (!isBehind(high)) high *= 2;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isBehind(middle)) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #isPast(revision: Revision, { committed }: Teller): string | undefined {
    if (revision <= this.#through) return `tells of ${revision} behind ${this.#through}`;
    return revision > committed
      ? `tells of ${revision}, and committed is no more than ${committed}`
      : undefined;
  }

  /** Nothing that it wants is left out up to there. */
  #goTo(revision: Revision): string | undefined {
    for (;; this.#number++) {
      const change = this.#witness.change(this.#number);
      if (change === undefined || change.revision > revision) break;
      // Who begins with a revision that is still to come is told nothing up to there.
      if (change.revision <= this.#through || !this.#isWanted(change)) continue;
      return `leaves ${change.revision} out before it comes to ${revision}`;
    }
    this.#through = revision;
    return undefined;
  }

  #changes(changes: RevisionChanges, teller: Teller): string | undefined {
    const { revision, events, times, isPartial } = changes;
    const fault = this.#isPast(revision, teller) ?? this.#goTo(revision - 1);
    if (fault !== undefined) return fault;
    this.#events = [...this.#events, ...events];
    if (isPartial) return undefined;
    const wanted: ModelChange[] = [];
    for (;; this.#number++) {
      const change = this.#witness.change(this.#number);
      if (change?.revision !== revision) break;
      if (this.#isWanted(change)) wanted.push(change);
    }
    const expected = wanted.map((change) => eventOf(change, this.#prev));
    const told = this.#events;
    this.#events = [];
    this.#through = revision;
    const isRight = isSame(told, expected) && isSame(times, wanted[0]?.times);
    return isRight
      ? undefined
      : `tells ${JSON.stringify(told)} of ${revision}, not ${JSON.stringify(expected)}`;
  }
}

function eventOf({ key, revision: mod, record, prev }: ModelChange, withPrev: boolean): unknown {
  const before = withPrev && prev !== undefined ? { prev } : {};
  return record === undefined
    ? { kind: "delete", key, mod, ...before }
    : { kind: "put", record, ...before };
}

function isWithin(target: WatchedRange["target"]): (name: string) => boolean {
  if (target.kind === "key") {
    const only = nameOf(target.key);
    return (name) => name === only;
  }
  const start = nameOf(target.start);
  const end = target.end === undefined ? undefined : nameOf(target.end);
  return (name) => name >= start && (end === undefined || name < end);
}
