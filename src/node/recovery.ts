/**
 * What to do at start with what is found on disk: a pure decision, so that the simulator tests it
 * too.
 *
 * A log that is behind its mark, has a damaged entry or does not hold what the store has applied
 * has lost something that this node may have acknowledged. It then enters *recovering*
 * (raft/mod.ts): the damaged end goes, the term becomes the highest that the node may have been in,
 * the vote of that term counts as given, and the log gets a new epoch. A store that is ahead of
 * what is left is not taken back: the leader sends those entries again, and the store passes over
 * them.
 *
 * A loss that only another node could show (raft/loss.ts) stands in the identity already, with its
 * epoch. The log starts as it is then, and recovers.
 */

import { isVoter, memberOf, voterSets } from "../raft/configuration.ts";
import type { LogReader } from "../raft/ports.ts";
import type {
  Configuration,
  HardState,
  Index,
  LogPosition,
  PositionedConfiguration,
  SnapshotMeta,
} from "../raft/types.ts";
import type { Identity, StoredLog } from "./ports.ts";

export type Recovery =
  | { readonly kind: "start"; readonly hardState: HardState }
  | {
    readonly kind: "recover";
    /** Everything from here on goes; absent when only the end is missing. */
    readonly discardFrom?: Index;
    readonly hardState: HardState;
    /** The last entry of what is left that the store need not be handed again. */
    readonly applied: LogPosition;
    readonly reason: string;
  }
  /** A finished snapshot waits to be taken over. */
  | { readonly kind: "adopt" }
  | { readonly kind: "refuse"; readonly reason: string };

/** What the adapters report at start. */
export interface Found {
  readonly identity: Identity;
  readonly stored: StoredLog;
  readonly log: Pick<LogReader, "lastIndex" | "term">;
  readonly applied: {
    readonly position: LogPosition;
    readonly configuration: PositionedConfiguration;
  };
  readonly staged: SnapshotMeta | undefined;
}

/** Decides; nothing is changed by it. */
export function decideRecovery(found: Found): Recovery {
  const { identity, stored, applied } = found;
  if (identity.refused !== undefined) {
    return { kind: "refuse", reason: `the cluster has turned it away: ${identity.refused}` };
  }
  if (stored.configurations.length === 0) {
    return { kind: "refuse", reason: "no configuration in raft.db can be read" };
  }
  const newest = stored.configurations.at(-1)!.configuration;
  const interrupted = interruptedRecovery(identity, newest);
  if (interrupted !== undefined) return { kind: "refuse", reason: interrupted };
  const boundary = stored.boundary.position;
  if (isDecided(found)) return { kind: "adopt" };
  const reason = lossOf(found);
  if (reason !== undefined) return recover(found, reason);
  const commitIndex = Math.max(
    stored.hardState.commitIndex,
    boundary.index,
    applied.position.index,
  );
  const hardState = { ...stored.hardState, commitIndex };
  // A log that recovers may be from before a vote that was given in its term.
  return identity.recovering
    ? {
      kind: "start",
      hardState: { ...hardState, votedFor: hardState.votedFor ?? identity.nodeId },
    }
    : { kind: "start", hardState };
}

/**
 * The log begins behind the image that waits beside the store: that write was the decision for it
 * (raft/installation.ts), and the process ended before the store was that image.
 */
export function isDecided({ stored, applied, staged }: Omit<Found, "identity" | "log">): boolean {
  const { index, term } = stored.boundary.position;
  return applied.position.index < index && staged?.position.index === index &&
    staged.position.term === term;
}

/** What is in between is nowhere on this node; undefined where the log goes on behind the store. */
export function gapOf(found: Omit<Found, "log">): string | undefined {
  const { identity, stored, applied: { position } } = found;
  const { index } = stored.boundary.position;
  if (position.index >= index || isDecided(found)) return undefined;
  return `the store of node ${identity.nodeId} has applied ${position.index} entries and the log ` +
    `begins behind ${index}: what is in between is lost; take another node, or restore a backup`;
}

/**
 * A node that its own configuration knows by another incarnation has the identity of a member that
 * goes on alone (lost_quorum.ts), and not yet the log of one.
 */
function interruptedRecovery(
  { nodeId, incarnation }: Identity,
  configuration: Configuration,
): string | undefined {
  const own = memberOf(configuration, nodeId);
  if (own === undefined || own.incarnation === incarnation) return undefined;
  return `its log knows node ${nodeId} by another incarnation (${own.incarnation}, not ` +
    `${incarnation}): a recovery from a lost quorum was interrupted; run it again`;
}

/** What the log lost, in words; undefined when nothing shows that it lost anything. */
export function lossOf(found: Found): string | undefined {
  const { identity, stored, applied, log } = found;
  const { mark, batchNumber, firstBad, badMeta } = stored;
  const lastIndex = log.lastIndex();
  if (lastIndex === 0 && identity.birth !== undefined) return "raft.db is empty";
  if (badMeta) return "the metadata in raft.db has a wrong checksum";
  if (firstBad !== undefined) return `entry ${firstBad} in raft.db is missing or damaged`;
  if (mark !== undefined && mark.batchNumber > batchNumber) {
    return `raft.db is at write ${batchNumber}, raft.mark says ${mark.batchNumber} was made`;
  }
  if (applied.position.index > lastIndex) {
    return `the log ends at ${lastIndex}, the store has applied ${applied.position.index}`;
  }
  const { index, term } = applied.position;
  const held = log.term(index);
  if (held !== undefined && held !== term) {
    return `the log holds an entry ${index} of term ${held}, the store has applied that of ${term}`;
  }
  if (stored.hardState.commitIndex > lastIndex) {
    return `the log ends at ${lastIndex}, ${stored.hardState.commitIndex} is known as committed`;
  }
  // Where there are others, they heal it.
  return identity.recovering && isSoleVoter(found)
    ? "identity.json says that another node has shown a loss"
    : undefined;
}

/**
 * Whether nobody else can hold what this node has lost. What is left of the log may end before a
 * configuration with further voters: the store may know a later one, and whoever was met as a
 * member may vote by now. A wrong yes would make a person give up what the others hold.
 */
export function isSoleVoter(found: Known): boolean {
  return !found.identity.peerStarts?.length && namesNoOtherVoter(found);
}

/**
 * What is to be said where no other voter is known, but members were met: a learner, which votes by
 * now or does not. Undefined where the others heal it.
 */
export function doubtOfHealing(found: Known): string | undefined {
  return namesNoOtherVoter(found)
    ? "if no other node votes it does not heal, then: skein recover --lost-quorum " +
      "--accept-data-loss"
    : undefined;
}

type Known = Pick<Found, "identity" | "stored" | "applied">;

function namesNoOtherVoter({ identity, stored, applied }: Known): boolean {
  const inLog = stored.configurations.at(-1);
  const isNewer = applied.configuration.position.index > (inLog?.position.index ?? 0);
  const latest = (isNewer ? applied.configuration : inLog)?.configuration;
  const configuration = latest?.members.length ? latest : identity.birth ?? latest;
  return configuration !== undefined && isVoter(configuration, identity.nodeId) &&
    voterSets(configuration).every((voters) => voters.length === 1);
}

function recover(found: Found, reason: string): Recovery {
  const { identity, stored, applied, log } = found;
  if (isSoleVoter(found)) {
    return {
      kind: "refuse",
      reason: `${reason}, and no other voter holds what is lost; ` +
        "to go on with what is left, run: skein recover --accept-data-loss",
    };
  }
  const lastIndex = log.lastIndex();
  const last = Math.min(lastIndex, (stored.firstBad ?? Infinity) - 1);
  const { index, term } = applied.position;
  // Otherwise an entry that was replaced since may stand in the place of the applied one, and of
  // what is left only that is known to be committed which was so when it was written.
  const holdsApplied = index <= last && (log.term(index) ?? term) === term;
  const known = Math.max(stored.hardState.commitIndex, stored.boundary.position.index);
  const commitIndex = Math.min(last, holdsApplied ? Math.max(known, index) : known);
  const currentTerm = Math.max(stored.hardState.currentTerm, stored.mark?.currentTerm ?? 0);
  const doubt = doubtOfHealing(found);
  if (currentTerm === 0) {
    // It would be healed in the term of whoever leads, and might have voted in a higher one.
    return {
      kind: "refuse",
      reason: `${reason}, and neither it nor raft.mark tells the term that this node was in; ` +
        "put raft.db back; if it is lost, the other nodes go on without this one",
    };
  }
  return {
    kind: "recover",
    // The own id stands for "already given": in no case may this node vote for somebody in that
    // term.
    hardState: { currentTerm, votedFor: identity.nodeId, commitIndex },
    applied: holdsApplied
      ? applied.position
      : { index: commitIndex, term: log.term(commitIndex) ?? 0 },
    reason: doubt === undefined ? reason : `${reason}; ${doubt}`,
    ...(last < lastIndex && { discardFrom: last + 1 }),
  };
}
