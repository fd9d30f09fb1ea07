/**
 * Handing leadership over (thesis §3.10): no new proposals, bring the target up to date, tell it to
 * campaign at once. If it has not taken over within an election timeout, serve on; a lost
 * TimeoutNow does no harm.
 */

import { isVoter } from "./configuration.ts";
import { bestHeir, type Heir, heirFlaw, type HeirMeasure } from "./heirs.ts";
import type { PeerProgress } from "./peer_progress.ts";
import type { SnapshotPeers } from "./snapshot_peers.ts";
import type { RaftState } from "./state.ts";
import type { NodeId, ProposalId } from "./types.ts";

/** A transfer of which somebody waits to hear. */
export interface OwedTransfer {
  readonly id: ProposalId;
  readonly deadlineMs: number;
}

interface UnderWay extends OwedTransfer {
  readonly target: NodeId;
  /** Until then the own store may finish what was accepted. */
  readonly patientUntilMs: number;
  isSent: boolean;
}

/** The transfer, at most one, that a leader has under way. */
export class LeadershipTransfer {
  readonly #state: RaftState;
  readonly #peers: Pick<PeerProgress, "get">;
  readonly #snapshotPeers: Pick<SnapshotPeers, "has">;
  #underWay: UnderWay | undefined;
  #timeoutNowSent = false;
  #leaves = false;

  constructor(
    state: RaftState,
    peers: Pick<PeerProgress, "get">,
    snapshotPeers: Pick<SnapshotPeers, "has">,
  ) {
    this.#state = state;
    this.#peers = peers;
    this.#snapshotPeers = snapshotPeers;
  }

  get isUnderWay(): boolean {
    return this.#underWay !== undefined;
  }

  /**
   * From C_new on, what a leader appends that is not in it would be left to others, and nobody
   * could tell what became of it.
   */
  get takesProposals(): boolean {
    return !this.isUnderWay && !this.#leaves;
  }

  /**
   * Once it is sent, another leader may be elected without this one's lease having run out: for the
   * rest of the term.
   */
  get timeoutNowSent(): boolean {
    return this.#timeoutNowSent;
  }

  /** What a follower that was leader still owes to the caller. */
  get pending(): OwedTransfer | undefined {
    return this.#underWay;
  }

  start(id: ProposalId, wanted: NodeId | undefined): void {
    const state = this.#state;
    if (this.#underWay !== undefined) {
      state.outcomes.push({ kind: "transferFailed", id, reason: "inProgress", leader: state.self });
      return;
    }
    const target = wanted ?? this.#mostCaughtUp();
    if (target === state.self) {
      state.outcomes.push({ kind: "transferred", id, to: target });
      return;
    }
    const heir = target === undefined ? undefined : this.#heir(target);
    if (heir === undefined || !isVoter(state.configuration, heir.id)) {
      state.outcomes.push({ kind: "transferFailed", id, reason: "noTarget", leader: state.self });
      return;
    }
    const flaw = heirFlaw(heir, this.#measure());
    if (flaw !== undefined) {
      state.outcomes.push({ kind: "transferFailed", id, reason: flaw, leader: state.self });
      return;
    }
    const { electionTimeoutMinMs } = state.options;
    this.#underWay = {
      id,
      target: heir.id,
      deadlineMs: state.nowMs + electionTimeoutMinMs,
      patientUntilMs: state.nowMs + electionTimeoutMinMs / 2,
      isSent: false,
    };
    this.advance();
  }

  /** A peer has answered: a TimeoutNow that was sent before may have been lost. */
  matched(peer: NodeId): void {
    if (this.#underWay?.target !== peer) return;
    this.#underWay.isSent = false;
    this.advance();
  }

  /**
   * The target holds everything: now it may win. Not before everything is applied here, because
   * nobody else can tell those who proposed it what became of it; but a disk or store that hangs is
   * waited for only so long.
   */
  advance(): void {
    const { log, nowMs } = this.#state;
    const underWay = this.#underWay;
    if (underWay === undefined || underWay.isSent) return;
    if (this.#peers.get(underWay.target)?.match !== log.lastIndex) return;
    if (log.applied < log.lastIndex && nowMs < underWay.patientUntilMs) return;
    this.#state.send(underWay.target, { kind: "timeoutNow" });
    underWay.isSent = true;
    this.#timeoutNowSent = true;
  }

  /** Another configuration is in effect from now on. */
  follow(): void {
    this.#leaves = !isVoter(this.#state.configuration, this.#state.self);
  }

  /**
   * The configuration without this leader is committed: whoever holds most of its log need not wait
   * for an election timeout. Nobody else is told where somebody was told already.
   */
  leave(): void {
    const target = this.#underWay?.isSent ? undefined : this.#mostCaughtUp();
    if (target !== undefined) this.#state.send(target, { kind: "timeoutNow" });
  }

  tick(): void {
    if (this.#underWay === undefined || this.#state.nowMs < this.#underWay.deadlineMs) return;
    const { id } = this.#underWay;
    this.#underWay = undefined;
    this.#state.outcomes.push({
      kind: "transferFailed",
      id,
      reason: "timeout",
      leader: this.#state.self,
    });
  }

  #mostCaughtUp(): NodeId | undefined {
    const voters = [...new Set(this.#state.voterSets.flat())];
    const heirs = voters.map((voter) => this.#heir(voter)).filter((heir) => heir !== undefined);
    return bestHeir(heirs, this.#measure());
  }

  #heir(peer: NodeId): Heir | undefined {
    const progress = this.#peers.get(peer);
    if (progress === undefined) return undefined;
    const { mode, match, heardMs } = progress;
    return { id: peer, mode, match, heardMs, wantsSnapshot: this.#snapshotPeers.has(peer) };
  }

  #measure(): HeirMeasure {
    const { nowMs, options, log: { commitIndex } } = this.#state;
    return { nowMs, silentMsMax: options.electionTimeoutMinMs, commitIndex };
  }
}
