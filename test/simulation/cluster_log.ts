/**
 * What the whole cluster has written: every entry that ever became durable somewhere, and which of
 * them are committed. No node knows as much. It is fed by what the disks did and what leaders
 * report, never by what a node believes of another.
 */

import { decodeConfiguration } from "../../src/raft/encoding.ts";
import type {
  Configuration,
  Entry,
  Index,
  LogPosition,
  NodeId,
  PositionedConfiguration,
  Term,
} from "../../src/raft/types.ts";
import type { SimNode } from "../harness/sim_node.ts";

interface Known {
  readonly entry: Entry;
  /** The term of the entry before it in the log that held both. */
  readonly before: Term;
}

interface Committed {
  readonly entry: Entry;
  /** The term of the leader that committed it. */
  readonly inTerm: Term;
}

/** What a log held: entries, by their terms, behind what it had compacted. */
interface LostCopy {
  readonly terms: ReadonlyMap<Index, Term>;
  readonly boundary: Index;
}

export class ClusterLog {
  readonly #known = new Map<number, Known>();
  readonly #committed: Committed[] = [];
  #changes = 0;
  /** Every one that is committed, in order. */
  readonly #configurations: PositionedConfiguration[] = [];
  /** Copies that a fault has destroyed, until their node is whole again. */
  readonly #lost = new Map<NodeId, LostCopy>();

  /** The highest index that any leader has committed. */
  get committedIndex(): Index {
    return Math.max(0, this.#committed.length - 1);
  }

  /** The newest one that is committed; undefined before the cluster is born. */
  get configuration(): PositionedConfiguration | undefined {
    return this.#configurations.at(-1);
  }

  /** The newest committed one at or below an index. */
  configurationAt(index: Index): PositionedConfiguration | undefined {
    return this.#configurations.findLast(({ position }) => position.index <= index);
  }

  /** How often who belongs to the cluster, or who votes, was changed: addresses are neither. */
  get changes(): number {
    return this.#changes;
  }

  /** The committed entry at an index; undefined where none is known to be. */
  committed(index: Index): Entry | undefined {
    return this.#committed[index]?.entry;
  }

  /** The last entry that a leader of a term below `term` has committed. */
  committedBefore(term: Term): Entry | undefined {
    return this.#committed.findLast((each) => each !== undefined && each.inTerm < term)?.entry;
  }

  /** The entry that some disk held at this position. */
  entry(position: LogPosition): Known | undefined {
    return this.#known.get(keyOf(position));
  }

  /** Notes an entry that became durable; what another disk held at its position, if anything. */
  note(entry: Entry, before: Term): Known | undefined {
    const key = keyOf(entry);
    const known = this.#known.get(key);
    if (known === undefined) this.#known.set(key, { entry, before });
    // The cluster was born with it.
    if (entry.index === 1 && this.committedIndex === 0) this.commit({ index: 1, term: 1 });
    return known;
  }

  /**
   * A leader commits everything up to the position of an entry of its own term. Returns the
   * position at which that contradicts what was committed before, or that no disk ever held.
   */
  commit(position: LogPosition): LogPosition | undefined {
    const fresh: Entry[] = [];
    let at = position;
    while (at.index > this.committedIndex) {
      const known = this.entry(at);
      if (known === undefined) return at;
      fresh.push(known.entry);
      at = { index: at.index - 1, term: known.before };
    }
    if (at.index > 0 && this.committed(at.index)?.term !== at.term) return at;
    const inTerm = position.term;
    for (const entry of fresh.reverse()) {
      this.#committed[entry.index] = { entry, inTerm };
      if (entry.kind === "configuration") this.#configure(entry);
    }
    return undefined;
  }

  #configure({ index, term, data }: Entry): void {
    const before = this.configuration?.configuration;
    const configuration = decodeConfiguration(data);
    this.#configurations.push({ position: { index, term }, configuration });
    // C_new behind C_old,new is the end of a change that was counted at its beginning.
    const isChange = before !== undefined && before.outgoing === undefined;
    if (isChange && membership(before) !== membership(configuration)) this.#changes++;
  }

  /** The node loses what its disk holds: it may have acknowledged it, and leaders count on that. */
  lose(node: SimNode): void {
    const { outline } = node.disk.log;
    const before = this.#lost.get(node.id);
    const terms = new Map(before?.terms);
    for (let index = outline.firstIndex; index <= outline.lastIndex; index++) {
      terms.set(index, outline.term(index) ?? 0);
    }
    const boundary = Math.max(before?.boundary ?? 0, outline.boundary.position.index);
    this.#lost.set(node.id, { terms, boundary });
  }

  /** The node holds again all that it had acknowledged. */
  healed(node: SimNode): void {
    this.#lost.delete(node.id);
  }

  /** Whether the node's disk holds the entry, be it as a part of what it has compacted. */
  holds({ disk }: SimNode, { index, term }: LogPosition): boolean {
    const { outline } = disk.log;
    return outline.term(index) === term || index < outline.boundary.position.index;
  }

  /** Likewise, or it had held the entry before a fault destroyed it. */
  hasHeld(node: SimNode, position: LogPosition): boolean {
    const lost = this.#lost.get(node.id);
    return this.holds(node, position) || lost?.terms.get(position.index) === position.term ||
      position.index <= (lost?.boundary ?? 0);
  }
}

function membership({ members }: Configuration): string {
  return members.map(({ id, suffrage }) => `${id} ${suffrage}`).join();
}

/** Runs stay far below a million terms. */
function keyOf({ index, term }: LogPosition): number {
  return index * 1_000_000 + term;
}
