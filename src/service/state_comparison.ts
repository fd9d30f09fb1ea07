/**
 * Compares what this node's store holds with what the other members' stores hold. Every member asks
 * all others for the hashes of their state at some positions of the log, and judges itself alone,
 * by what it was told directly: nobody is accused, and nobody has to be believed who is not asked.
 * Hashes are compared at equal positions, index and term: so far the log is the same on both, and
 * so must be what was applied of it, however far apart the two are now.
 *
 * A store that differs from what a majority of the voters has is damaged, in a way that shows in no
 * checksum: its node ends. Where no majority agrees nobody can tell who is right, and all say so.
 */

import type { LogPosition, NodeId } from "../raft/types.ts";
import type { StateHash } from "../kv/checksum.ts";
import { hashedEvery, hashesMax, type PositionedHash } from "../kv/past_hashes.ts";

/** Asks the member at an address for the hashes of its state. */
export type AskHashes = (address: string, asking: {
  /** Gives up waiting. */
  readonly signal: AbortSignal;
  /** To be called once; with nothing where no answer came. */
  readonly tell: (hashes: readonly PositionedHash[]) => void;
}) => void;

/** What a member has at a position. */
export interface ReportedHash {
  readonly id: NodeId;
  readonly hash: StateHash;
}

/** What a comparison has come to. */
export type StateVerdict =
  /**
   * No other member has answered with a position that this node knows as well, or some differ and
   * who is to decide it is at another position just now.
   */
  | { readonly kind: "notCompared" }
  /** There is no other member. */
  | { readonly kind: "alone" }
  | { readonly kind: "equal"; readonly position: LogPosition; readonly members: readonly NodeId[] }
  /**
   * Some differ. `isDecided`: a majority of the voters has what this node has, so that it is they
   * who are damaged.
   */
  | {
    readonly kind: "differing";
    readonly position: LogPosition;
    readonly hash: StateHash;
    readonly others: readonly ReportedHash[];
    readonly isDecided: boolean;
  }
  /** A majority of the voters agrees on something else than this node has. */
  | {
    readonly kind: "damaged";
    readonly position: LogPosition;
    readonly hash: StateHash;
    readonly others: readonly ReportedHash[];
  };

/** What the comparison stands on. */
export interface StateComparisonParts {
  readonly self: NodeId;
  /** All other members, learners included. */
  readonly others: () => readonly NodeId[];
  readonly isQuorum: StateEvidence["isQuorum"];
  /** Where a member's rpc listener is. */
  readonly addressOf: (id: NodeId) => string | undefined;
  readonly ask: AskHashes;
  /** Of this node, ascending. */
  readonly hashes: () => readonly PositionedHash[];
  readonly onVerdict: (verdict: StateVerdict) => void;
}

/** See the head of this file. */
export class StateComparison {
  readonly #parts: StateComparisonParts;
  readonly #closed = new AbortController();
  #isAsking = false;

  constructor(parts: StateComparisonParts) {
    this.#parts = parts;
  }

  /** Asks everybody, unless that is under way. */
  look(): void {
    const { addressOf, ask, onVerdict } = this.#parts;
    const others = this.#parts.others();
    if (this.#isAsking || this.#closed.signal.aborted) return;
    // Who differed is no member any more.
    if (others.length === 0) return onVerdict({ kind: "alone" });
    this.#isAsking = true;
    const told = new Map<NodeId, readonly PositionedHash[]>();
    const note = (id: NodeId, hashes: readonly PositionedHash[]): void => {
      told.set(id, hashes);
      if (told.size === others.length) {
        this.#judge(new Map(others.map((id) => [id, told.get(id)!])));
      }
    };
    for (const id of others) {
      const address = addressOf(id);
      if (address === undefined) note(id, []);
      else ask(address, { signal: this.#closed.signal, tell: (hashes) => note(id, hashes) });
    }
  }

  close(): void {
    this.#closed.abort();
  }

  #judge(reports: StateEvidence["reports"]): void {
    const { self, isQuorum, hashes, onVerdict } = this.#parts;
    this.#isAsking = false;
    if (this.#closed.signal.aborted) return;
    onVerdict(judge({ self, isQuorum, mine: hashes(), reports }));
  }
}

/** What is known, from which a node judges itself. */
export interface StateEvidence {
  readonly self: NodeId;
  /** Whether the voters of which it is true are a majority. */
  readonly isQuorum: (says: (voter: NodeId) => boolean) => boolean;
  readonly mine: readonly PositionedHash[];
  readonly reports: ReadonlyMap<NodeId, readonly PositionedHash[]>;
}

/** Exported for its tests. */
export function judge(evidence: StateEvidence): StateVerdict {
  const newestFirst = evidence.mine.toReversed();
  for (const own of newestFirst) {
    const others = differingAt(own, evidence);
    // One of several opinions against this node's may be that of a majority.
    const against = others.filter(({ hash }) => isAgreed(evidence, own.position, hash));
    if (against.length > 0) return { kind: "damaged", ...own, others: against };
  }
  const differing = newestFirst.filter((own) => differingAt(own, evidence).length > 0);
  for (const own of differing) {
    const others = differingAt(own, evidence);
    if (mayBeAgreed(evidence, own, others)) continue;
    return {
      kind: "differing",
      ...own,
      others,
      isDecided: isAgreed(evidence, own.position, own.hash),
    };
  }
  if (differing.length > 0) return { kind: "notCompared" };
  for (const { position } of newestFirst) {
    const members = [...evidence.reports.keys()]
      .filter((id) => hashAt(evidence, position, id) !== undefined);
    if (members.length > 0) return { kind: "equal", position, members };
  }
  return { kind: "notCompared" };
}

/** Where the stores differ, who has what, in words. */
export function differenceText(
  { position, hash, others }: Extract<StateVerdict, { readonly others: unknown }>,
): string {
  const theirs = others.map((other) => `${hexOf(other.hash)} at node ${other.id}`).join(", ");
  return `after entry ${position.index} of term ${position.term} the hash of its state is ` +
    `${hexOf(hash)}, but ${theirs}`;
}

function hexOf({ a, b }: StateHash): string {
  return a.toString(16).padStart(8, "0") + b.toString(16).padStart(8, "0");
}

function differingAt({ position, hash }: PositionedHash, evidence: StateEvidence): ReportedHash[] {
  return [...evidence.reports.keys()].flatMap((id) => {
    const theirs = hashAt(evidence, position, id);
    return theirs === undefined || isSame(theirs, hash) ? [] : [{ id, hash: theirs }];
  });
}

/** Whether a majority of the voters has `hash` at a position, or is what `also` is true for. */
function isAgreed(
  evidence: StateEvidence,
  position: LogPosition,
  hash: StateHash,
  also: (voter: NodeId) => boolean = () => false,
): boolean {
  return evidence.isQuorum((voter) => {
    const theirs = hashAt(evidence, position, voter);
    return theirs === undefined ? also(voter) : isSame(theirs, hash);
  });
}

/**
 * Nobody agrees on `own` yet, nor on what `others` have, but those who are at other positions just
 * now may still do so. Whoever is farther behind than hashes are kept for is not waited for.
 */
function mayBeAgreed(
  evidence: StateEvidence,
  own: PositionedHash,
  others: readonly ReportedHash[],
): boolean {
  const isNear = (voter: NodeId): boolean => {
    const newest = evidence.reports.get(voter)?.at(-1)?.position.index;
    return newest !== undefined && own.position.index - newest < hashedEvery * hashesMax;
  };
  return !isAgreed(evidence, own.position, own.hash) &&
    [own, ...others].some(({ hash }) => isAgreed(evidence, own.position, hash, isNear));
}

function hashAt(
  { self, mine, reports }: StateEvidence,
  { index, term }: LogPosition,
  id: NodeId,
): StateHash | undefined {
  const known = id === self ? mine : reports.get(id);
  return known?.find(({ position }) => position.index === index && position.term === term)?.hash;
}

function isSame(left: StateHash, right: StateHash): boolean {
  return left.a === right.a && left.b === right.b;
}
