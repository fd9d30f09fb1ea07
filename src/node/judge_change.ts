/**
 * What a leader knows of the others that decides which change of members may be made: whether the
 * voters that are to decide afterwards are alive, and whether a learner has come far enough to
 * count. The operator's changes and those that a node makes by itself are judged alike, here.
 *
 * Not decided here: whether a change is wanted, and whether its ids may be used (raft/
 * configuration.ts).
 */

import { voterSets, votersOf } from "../raft/configuration.ts";
import { bestHeir } from "../raft/heirs.ts";
import { majority } from "../raft/quorum.ts";
import type { PeerStatus } from "../raft/status.ts";
import type { Configuration, Member, NodeId } from "../raft/types.ts";
import type { NodeStatus } from "./parts.ts";

export { transferEntriesMax } from "../raft/heirs.ts";

/** What a leader has heard of the others until now. */
export interface Hearing {
  readonly self: NodeId;
  readonly status: Pick<NodeStatus, "peers" | "commitIndex">;
  readonly nowMs: number;
  /** How long a peer may be silent and still count as healthy. */
  readonly silentMsMax: number;
}

/**
 * `unheard`: a leader that has just been elected does not know yet. Its election counts as having
 * heard everybody (raft/progress.ts), the dead included, until they were silent for long enough.
 */
export type Health = "healthy" | "silent" | "unheard";

/** How a node is, as the leader hears it. */
export function healthOf(id: NodeId, hearing: Hearing): Health {
  if (id === hearing.self) return "healthy";
  const peer = peerOf(id, hearing);
  if (peer === undefined || isSilent(peer, hearing)) return "silent";
  return peer.hasAnswered ? "healthy" : "unheard";
}

/** Who would decide, and who of them is there. */
export interface QuorumJudgement {
  readonly voters: readonly NodeId[];
  /** Healthy, and known to hold a part of the log: these can agree. */
  readonly healthy: readonly NodeId[];
  /** Heard, but what they hold is not known: it may be nothing, until an image has come. */
  readonly unmatched: readonly NodeId[];
  /** Their health is not known yet: to be asked again soon. */
  readonly unheard: readonly NodeId[];
  /** How many of the voters have to agree. */
  readonly quorum: number;
  /** Enough of them are healthy. */
  readonly isKept: boolean;
}

/** How many of the voters are heard, whatever they hold. */
export function heardVoters({ healthy, unmatched }: QuorumJudgement): number {
  return healthy.length + unmatched.length;
}

/**
 * Judges the voters of C_new. Those of C_old need no look: a leader that does not hear a quorum of
 * them steps down by itself (thesis §6.2), and a change that starts there never commits.
 */
export function judgeQuorum(members: readonly Member[], hearing: Hearing): QuorumJudgement {
  const voters = votersOf(members);
  const withHealth = (wanted: Health): readonly NodeId[] =>
    voters.filter((id) => healthOf(id, hearing) === wanted);
  const isMatched = (id: NodeId): boolean =>
    id === hearing.self || (peerOf(id, hearing)?.match ?? 0) > 0;
  const heard = withHealth("healthy");
  const healthy = heard.filter(isMatched);
  const unmatched = heard.filter((id) => !isMatched(id));
  const quorum = majority(voters.length);
  return {
    ...{ voters, healthy, unmatched, unheard: withHealth("unheard"), quorum },
    isKept: voters.length > 0 && healthy.length >= quorum,
  };
}

/** Who has to agree to whatever is decided; two quorums where the configuration is joint. */
export function quorumsOf(
  configuration: Configuration,
): readonly { readonly quorum: number; readonly voters: readonly NodeId[] }[] {
  return voterSets(configuration).map((voters) => ({ quorum: majority(voters.length), voters }));
}

/** How many committed entries a node may lack and still become a voter: less than a moment's. */
export const promotionEntriesMax = 1_000;

/** How far the store of a new voter may be behind; leading, it would have to catch up first. */
export const promotionUnappliedMax = 10_000;

/** Whether a node can do a voter's work at once. */
export type CatchUp =
  | { readonly kind: "caughtUp" }
  | { readonly kind: "silent" }
  /** It lacks so many committed entries; all of them, and perhaps an image, before it is heard. */
  | { readonly kind: "behind"; readonly entries: number }
  /** It holds the entries, and its store has to apply so many of them. */
  | { readonly kind: "applying"; readonly entries: number };

/**
 * Until a new voter has caught up the others must do without it, and a cluster that needs its vote
 * stands still (thesis §4.2.1): so it catches up first.
 */
export function catchUpOf(id: NodeId, hearing: Hearing): CatchUp {
  if (id === hearing.self) return { kind: "caughtUp" };
  const peer = peerOf(id, hearing);
  if (peer === undefined || isSilent(peer, hearing)) return { kind: "silent" };
  const { commitIndex } = hearing.status;
  const lacking = Math.max(0, commitIndex - peer.match);
  // Probing alone says little: a lost message is enough for it.
  const isKnown = peer.match > 0 && peer.mode !== "snapshot" && !peer.wantsSnapshot;
  if (!isKnown || lacking > promotionEntriesMax) {
    return { kind: "behind", entries: lacking };
  }
  const unapplied = Math.max(0, commitIndex - peer.applied);
  return unapplied > promotionUnappliedMax
    ? { kind: "applying", entries: unapplied }
    : { kind: "caughtUp" };
}

/** Who of the nodes could take the leadership over, and would do it best. */
export function heirAmong(ids: readonly NodeId[], hearing: Hearing): NodeId | undefined {
  const { status: { peers, commitIndex }, nowMs, silentMsMax } = hearing;
  const heirs = peers.filter(({ id }) => ids.includes(id));
  return bestHeir(heirs, { nowMs, silentMsMax, commitIndex });
}

function peerOf(id: NodeId, { status }: Hearing): PeerStatus | undefined {
  return status.peers.find((peer) => peer.id === id);
}

function isSilent(peer: PeerStatus, { nowMs, silentMsMax }: Hearing): boolean {
  return nowMs - peer.heardMs > silentMsMax;
}
