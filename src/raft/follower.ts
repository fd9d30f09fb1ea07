/**
 * A follower answers; it starts nothing until its election timer fires (paper §5.2). Learners are
 * followers too: what they may not do is a matter of the configuration.
 */

import { MalformedBytesError } from "../lib/bytes.ts";
import { decodeConfiguration } from "./encoding.ts";
import type { AppendEntries, Envelope, Heartbeat, ReadIndexReply, RequestVote } from "./message.ts";
import { isQuorum } from "./quorum.ts";
import type { RaftState, Transition } from "./state.ts";
import type { OwedTransfer } from "./transfer.ts";
import type { Entry, Index, LogPosition, NodeId, ReadId, Term } from "./types.ts";

interface AskedRead {
  readonly id: ReadId;
  readonly sinceMs: number;
}

/** The role of everybody who does not lead and does not campaign. */
export class Follower {
  readonly role = "follower";
  readonly #state: RaftState;
  leader: NodeId | undefined;
  #timerFromMs: number;
  #timeoutMs: number;
  readonly #asked: AskedRead[] = [];
  /** The transfer that this node, while leader, had set going. */
  #transfer: OwedTransfer | undefined;

  constructor(
    state: RaftState,
    from: {
      readonly leader?: NodeId;
      readonly transfer?: OwedTransfer;
    },
  ) {
    this.#state = state;
    this.#transfer = from.transfer;
    this.#timerFromMs = state.nowMs;
    this.#timeoutMs = state.drawElectionTimeoutMs();
    if (from.leader !== undefined) this.#noteLeader(from.leader);
  }

  tick(): Transition | undefined {
    const state = this.#state;
    this.#expireReads();
    this.#expireTransfer();
    if (state.stalled) {
      // The process stood still: what the leader said meanwhile may still wait in the sockets.
      this.#restartTimer();
      return undefined;
    }
    const due = state.nowMs - this.#timerFromMs >= this.#timeoutMs;
    if (!due && !this.#isSoleVoter()) return undefined;
    this.leader = undefined;
    this.#dropReads("noLeader");
    this.#restartTimer();
    return state.mayCampaign() ? { to: "precandidate" } : undefined;
  }

  step(envelope: Envelope): Transition | undefined {
    const { from, message } = envelope;
    switch (message.kind) {
      case "requestVote":
        return answerVote(this.#state, envelope, message) ? this.#granted() : undefined;
      case "appendEntries":
        this.#noteLeader(from);
        return this.#appendEntries(envelope, message);
      case "heartbeat":
        this.#noteLeader(from);
        return this.#heartbeat(envelope, message);
      case "installSnapshot":
        return this.#noteLeader(from);
      case "timeoutNow":
        // Thesis §3.10: only the leader of this very term may ask, and only who may win.
        return from === this.leader && this.#state.mayCampaign()
          ? { to: "candidate", transfer: true }
          : undefined;
      case "readIndexReply":
        return this.#readIndexReply(message);
      default:
        return undefined;
    }
  }

  readIndex(id: ReadId): void {
    if (this.leader === undefined) {
      this.#state.outcomes.push({ kind: "readDropped", id, reason: "noLeader" });
      return;
    }
    if (this.#asked.length >= this.#state.options.readsPendingMax) {
      this.#state.outcomes.push({ kind: "readDropped", id, reason: "overloaded" });
      return;
    }
    this.#asked.push({ id, sinceMs: this.#state.nowMs });
    this.#state.send(this.leader, { kind: "readIndexRequest", id });
  }

  /** For the follower of another term that comes after this one, which owes nothing any more. */
  takeTransfer(): OwedTransfer | undefined {
    const transfer = this.#transfer;
    this.#transfer = undefined;
    return transfer;
  }

  /** Ends the role: whoever waits on it is told. */
  end(): void {
    this.#dropReads("leaderChanged");
    if (this.#transfer !== undefined) {
      this.#state.outcomes.push({
        kind: "transferFailed",
        id: this.#transfer.id,
        reason: "leadershipLost",
      });
    }
  }

  /**
   * Then there is nobody whose heartbeat could still arrive. As long as the configuration is not
   * committed there may be: the leader of C_old, and it may hold a lease that counts on this node.
   */
  #isSoleVoter(): boolean {
    const { effective, log, voterSets, self } = this.#state;
    return effective.position.index <= log.commitIndex &&
      isQuorum(voterSets, (voter) => voter === self);
  }

  #granted(): undefined {
    this.#restartTimer();
    return undefined;
  }

  #noteLeader(leader: NodeId): undefined {
    this.leader = leader;
    this.#state.leaderHeardMs = this.#state.nowMs;
    this.#timerFromMs = this.#state.nowMs;
    if (this.#transfer === undefined) return undefined;
    this.#state.outcomes.push({ kind: "transferred", id: this.#transfer.id, to: leader });
    this.#transfer = undefined;
    return undefined;
  }

  #restartTimer(): void {
    this.#timerFromMs = this.#state.nowMs;
    this.#timeoutMs = this.#state.drawElectionTimeoutMs();
  }

  /** Paper figure 2, AppendEntries: the receiver's steps 2 to 5. */
  #appendEntries(envelope: Envelope, message: AppendEntries): undefined {
    const state = this.#state;
    const { log } = state;
    const { prevLog, entries, attempt } = message;
    if (!isWellFormed(prevLog, entries, envelope.term)) return undefined;
    const below = prevLog.index < log.boundary.position.index;
    if (!below && !log.matches(prevLog)) {
      const result = {
        kind: "conflict",
        rejected: prevLog,
        hint: log.conflictHint(prevLog),
      } as const;
      state.send(envelope.from, {
        kind: "appendEntriesReply",
        result,
        needsSnapshot: state.needsSnapshot(),
        attempt,
      });
      return undefined;
    }
    const truncatedFrom = log.appendFrom(entries);
    if (truncatedFrom !== undefined) state.writes.markTruncated(truncatedFrom);
    const lastVerified = entries.at(-1) ?? prevLog;
    // Below the boundary everything is committed, and what is committed matches.
    const matched = lastVerified.index < log.boundary.position.index
      ? log.boundary.position
      : { index: lastVerified.index, term: lastVerified.term };
    state.verifyTo(matched.index);
    this.#commit(message.leaderCommit);
    this.#recover(envelope, message.leaderCommit);
    state.sendDurable(envelope.from, {
      kind: "appendEntriesReply",
      result: { kind: "matched", position: matched },
      needsSnapshot: state.needsSnapshot(),
      attempt,
    });
    return undefined;
  }

  #heartbeat(envelope: Envelope, message: Heartbeat): undefined {
    this.#commit(message.leaderCommit);
    this.#recover(envelope, message.leaderCommit);
    this.#state.sendInDurableTerm(envelope.from, {
      kind: "heartbeatReply",
      round: message.round,
      verifiedIndex: this.#state.verifiedIndex,
      appliedIndex: this.#state.log.applied,
    });
    return undefined;
  }

  /**
   * min(leaderCommit, last *verified* entry): what lies behind it may be another leader's (paper
   * §5.3).
   */
  #commit(leaderCommit: Index): void {
    this.#state.log.commitTo(Math.min(leaderCommit, this.#state.verifiedIndex));
    this.#state.heard = { leaderCommit, term: this.#state.currentTerm };
  }

  /**
   * Ends recovering once the log holds again all that may have been acknowledged before it lost
   * something. A leader knows everything that is committed only after it has committed an entry of
   * its own term (paper §8), hence the test of the term; an answer to what this node said before it
   * knew of its loss proves nothing, hence the epoch.
   */
  #recover(envelope: Envelope, leaderCommit: Index): void {
    const state = this.#state;
    if (!state.recovering || envelope.toEpoch !== state.identity.logEpoch) return;
    if (leaderCommit > state.log.stableIndex || leaderCommit > state.verifiedIndex) return;
    if (state.log.term(leaderCommit) !== envelope.term) return;
    // An image that takes the place of the log counts as stable before its write is.
    const { log, writes } = state;
    const isBoundary = leaderCommit === log.boundary.position.index;
    if (isBoundary && writes.coveringNumber > writes.persistedNumber) return;
    state.recovering = false;
  }

  #readIndexReply(message: ReadIndexReply): undefined {
    const at = this.#asked.findIndex(({ id }) => id.counter === message.id.counter);
    if (at < 0 || !this.#state.isOwnRead(message.id)) return undefined;
    this.#asked.splice(at, 1);
    this.#state.outcomes.push({ kind: "readable", id: message.id, index: message.index });
    return undefined;
  }

  #expireReads(): void {
    const beforeMs = this.#state.nowMs - this.#state.options.electionTimeoutMinMs;
    while (this.#asked[0] !== undefined && this.#asked[0].sinceMs <= beforeMs) {
      const { id } = this.#asked.shift()!;
      this.#state.outcomes.push({ kind: "readDropped", id, reason: "timeout" });
    }
  }

  #dropReads(reason: "noLeader" | "leaderChanged"): void {
    for (const { id } of this.#asked.splice(0)) {
      this.#state.outcomes.push({ kind: "readDropped", id, reason });
    }
  }

  #expireTransfer(): void {
    if (this.#transfer === undefined || this.#state.nowMs < this.#transfer.deadlineMs) return;
    const { id } = this.#transfer;
    this.#state.outcomes.push({ kind: "transferFailed", id, reason: "leadershipLost" });
    this.#transfer = undefined;
  }
}

/**
 * Answers a RequestVote of the current term (paper §5.2, §5.4.1). The vote is durable before the
 * grant leaves. Returns whether it was granted.
 */
export function answerVote(state: RaftState, envelope: Envelope, message: RequestVote): boolean {
  const free = state.votedFor === undefined || state.votedFor === envelope.from;
  if (!free || state.recovering || !state.log.isUpToDate(message.lastLog)) {
    state.send(envelope.from, { kind: "requestVoteReply", voteGranted: false });
    return false;
  }
  state.voteFor(envelope.from);
  state.sendDurable(envelope.from, { kind: "requestVoteReply", voteGranted: true });
  return true;
}

/**
 * Entries follow prevLog without a gap, their terms do not fall, and configurations can be read.
 */
function isWellFormed(prevLog: LogPosition, entries: readonly Entry[], term: Term): boolean {
  let before = prevLog;
  for (const entry of entries) {
    const follows = entry.index === before.index + 1 && entry.term >= before.term;
    if (!follows || entry.term > term) return false;
    if (entry.kind === "configuration" && !isConfiguration(entry.data)) return false;
    before = entry;
  }
  return prevLog.term <= term;
}

function isConfiguration(data: Uint8Array): boolean {
  try {
    decodeConfiguration(data);
    return true;
  } catch (error) {
    if (error instanceof MalformedBytesError) return false;
    throw error;
  }
}
