/**
 * The door of the core: one way in (`step`), one way out (`ready`). It gates the term once (paper
 * §5.1), before anything reaches a role, and it alone changes roles.
 */

import { assert } from "../lib/assert.ts";
import { Candidate, Precandidate } from "./candidate.ts";
import { Follower } from "./follower.ts";
import type { Input } from "./input.ts";
import { Leader } from "./leader.ts";
import { type Envelope, isLeaders, type PreVote } from "./message.ts";
import { lossShownBy } from "./loss.ts";
import type { LogReader, Rng } from "./ports.ts";
import type { Leadership, LogWrite, Loss, Ready } from "./ready.ts";
import { noSnapshots, Snapshots } from "./snapshots.ts";
import { RaftState, type Transition } from "./state.ts";
import { type RaftStatus, statusOf } from "./status.ts";
import type { OwedTransfer } from "./transfer.ts";
import type {
  Index,
  LeadershipReason,
  NodeId,
  ProposalId,
  RaftOptions,
  RestoredState,
  Term,
} from "./types.ts";

type RoleState = Follower | Precandidate | Candidate | Leader;

/** One node's share of Raft, as a function of its inputs (raft/mod.ts). */
export class RaftCore {
  readonly #state: RaftState;
  readonly #snapshots: Snapshots;
  #role: RoleState;
  #leadership: Leadership | undefined;
  /** Still to be handed out. */
  #loss: Loss | undefined;
  /** A loss was shown: this core does nothing any more. */
  #isOver = false;

  constructor(from: {
    readonly options: RaftOptions;
    readonly restored: RestoredState;
    readonly log: LogReader;
    readonly rng: Rng;
    readonly nowMs: number;
  }) {
    this.#state = new RaftState(from);
    this.#snapshots = new Snapshots(this.#state);
    this.#role = new Follower(this.#state, {});
  }

  /**
   * Takes one input. Synchronous; total for anything that a peer can send. `nowMs` is a monotonic
   * integer, stamped by the node once a turn.
   */
  step(input: Input, nowMs: number): void {
    if (this.#isOver) return;
    const gapMs = this.#state.arrive(nowMs);
    if (this.#role.role === "leader" && gapMs * 2 > this.#state.options.electionTimeoutMinMs) {
      this.#role.voidLease();
    }
    switch (input.kind) {
      case "tick":
        return this.#tick();
      case "receive":
        return this.#receive(input.envelope);
      case "propose":
        return this.#role.role === "leader"
          ? this.#role.propose(input.id, input.data)
          : this.#dropProposal(input.id);
      case "changeConfiguration":
        return this.#role.role === "leader"
          ? this.#role.changeConfiguration(input.id, input.expected, input.change)
          : this.#dropProposal(input.id);
      case "transferLeadership":
        return this.#transferLeadership(input.id, input.target);
      case "readIndex":
        return this.#role.readIndex(input.id, input.level);
      case "persisted":
        return this.#persisted(input.number);
      case "applied":
        this.#state.log.appliedTo(input.position);
        this.#snapshots.applied(this.#leader());
        return this.#state.noteApplied(true);
      case "compact":
        return this.#compact(input.to);
      case "peerUnreachable":
        return this.#leading()?.peerUnreachable(input.peer);
      default:
        return this.#snapshots.step(input, { leader: this.#leader(), leading: this.#leading() });
    }
  }

  /**
   * What must be done now, or undefined. What does not fit into `capacity` stays and merges into
   * the next one; with 0 bytes nothing is handed out to be applied.
   */
  ready(capacity: { readonly write: boolean; readonly applyBytesMax: number }): Ready | undefined {
    const state = this.#state;
    this.#leading()?.flush();
    const acts = !this.#isOver;
    const snapshots = acts ? this.#snapshots.take(this.#leading()) : undefined;
    const write = acts && capacity.write ? this.#takeWrite() : undefined;
    const committed = acts ? state.log.takeCommitted(capacity.applyBytesMax) : [];
    const send = takeAll(state.outbox);
    const outcomes = takeAll(state.outcomes);
    const { heard } = state;
    const leadership = this.#leadership;
    const loss = this.#loss;
    state.heard = undefined;
    this.#leadership = undefined;
    this.#loss = undefined;
    const idle = (write ?? leadership ?? heard ?? loss ?? snapshots) === undefined &&
      send.length + outcomes.length + committed.length === 0;
    if (idle) return undefined;
    return {
      send,
      committed,
      outcomes,
      ...(snapshots ?? noSnapshots),
      ...(write && { write }),
      ...(leadership && { leadership }),
      ...(heard && { heard }),
      ...(loss && { loss }),
    };
  }

  /**
   * The index at which a lease read may be answered now; undefined when there is no lease. Changes
   * nothing.
   */
  leaseIndex(nowMs: number): Index | undefined {
    return this.#leading()?.leaseIndex(nowMs);
  }

  /** Cluster time now, as this leader's next entry would carry it; undefined on other nodes. */
  clusterTimeMs(nowMs: number): number | undefined {
    return this.#leading()?.clusterTimeMs(nowMs);
  }

  status(): RaftStatus {
    const leading = this.#leading();
    return statusOf(this.#state, {
      role: this.#role.role,
      leader: this.#leader(),
      termStart: leading?.termStart,
      progress: leading?.progress,
      snapshotPeers: leading?.snapshotPeers,
    });
  }

  #takeWrite(): LogWrite | undefined {
    return this.#state.writes.take(this.#state.hardState, this.#state.nowMs);
  }

  #leading(): Leader | undefined {
    return this.#role.role === "leader" ? this.#role : undefined;
  }

  #leader(): NodeId | undefined {
    const role = this.#role;
    return role.role === "follower" || role.role === "leader" ? role.leader : undefined;
  }

  #tick(): void {
    const role = this.#role;
    const leaderBefore = this.#leader();
    this.#change(role.tick());
    this.#state.stalled = false;
    const lost = role === this.#role && leaderBefore !== this.#leader();
    if (lost) this.#noteLeadership("electionTimeout");
  }

  #persisted(number: number): void {
    for (const held of this.#state.writes.persisted(number)) this.#state.outbox.push(held);
    const role = this.#role;
    if (role.role === "candidate" || role.role === "leader") this.#change(role.persisted());
  }

  #compact(to: Index): void {
    const boundary = this.#state.log.compactTo(this.#state.log.positionAt(to));
    if (boundary !== undefined) this.#state.writes.markCompacted(boundary);
  }

  #dropProposal(id: ProposalId): void {
    const leader = this.#leader();
    const dropped = { kind: "dropped", id, reason: "notLeader" } as const;
    this.#state.outcomes.push(leader === undefined ? dropped : { ...dropped, leader });
  }

  #transferLeadership(id: ProposalId, target: NodeId | undefined): void {
    if (this.#role.role === "leader") return this.#role.transfer.start(id, target);
    const leader = this.#leader();
    const failed = { kind: "transferFailed", id, reason: "notLeader" } as const;
    this.#state.outcomes.push(leader === undefined ? failed : { ...failed, leader });
  }

  // ---- Messages: what is decided before a role sees one ----

  #receive(envelope: Envelope): void {
    const state = this.#state;
    const { from, message, term } = envelope;
    if (envelope.to !== state.self || from === state.self) return;
    const loss = lossShownBy(state, envelope);
    if (loss !== undefined) return this.#end(loss);
    if (!this.#passesEpoch(envelope) || this.#answeredRemoved(envelope)) return;
    if (message.kind === "preVote") return this.#answerPreVote(envelope, message);
    if (message.kind === "requestVote" && !message.transfer && this.#mustIgnoreVotes()) return;
    if (message.kind === "preVoteReply" && message.voteGranted) {
      // A grant comes from a node that may be in a lower term; it says itself which round it is
      // for.
      const role = this.#role;
      if (role.role === "precandidate") this.#change(role.preVoteReply(from, message));
      return;
    }
    if (term < state.currentTerm) return this.#answerLowerTerm(envelope);
    if (term > state.currentTerm) this.#adoptTerm(envelope);
    const campaigning = this.#role.role === "candidate" || this.#role.role === "precandidate";
    if (isLeaders(message) && campaigning) {
      this.#change({ to: "follower", term, leader: from, reason: "leaderFound" });
    }
    const role = this.#role;
    const leaderBefore = this.#leader();
    this.#change(role.step(envelope));
    const found = role === this.#role && leaderBefore !== this.#leader();
    if (found) this.#noteLeadership("leaderFound");
    this.#snapshots.receive(envelope, this.#role.role);
  }

  /** Not even what waits to be sent may still be said. */
  #end(loss: Loss): void {
    const state = this.#state;
    this.#change({ to: "follower", term: state.currentTerm, reason: "logLost" });
    state.recovering = true;
    state.outbox.length = 0;
    this.#loss = loss;
    this.#isOver = true;
  }

  /**
   * A node whose log lost something speaks under a new epoch: what it said under an older one does
   * not count.
   */
  #passesEpoch({ from, fromEpoch }: Envelope): boolean {
    const epoch = this.#state.compareEpoch(from, fromEpoch);
    if (epoch === "newer" && this.#role.role === "leader") this.#role.peerRestarted(from);
    return epoch !== "older";
  }

  /** A removed node is told so when it asks for votes, and not listened to otherwise. */
  #answeredRemoved({ from, message, term }: Envelope): boolean {
    const state = this.#state;
    if (message.kind === "requestVoteReply" || message.kind === "preVoteReply") {
      if (message.notMember !== undefined) state.noteRemoved();
    }
    const notMember = state.removedBy(from);
    if (notMember === undefined) return false;
    const refusal = { voteGranted: false, notMember } as const;
    if (message.kind === "requestVote") state.send(from, { kind: "requestVoteReply", ...refusal });
    if (message.kind === "preVote") {
      state.send(from, { kind: "preVoteReply", requestedTerm: term + 1, ...refusal });
    }
    return true;
  }

  /**
   * Thesis §9.6. Nothing durable changes; several may be granted; a refusal in a higher term tells
   * the asker of it.
   */
  #answerPreVote(envelope: Envelope, message: PreVote): void {
    const state = this.#state;
    const requestedTerm = envelope.term + 1;
    const voteGranted = requestedTerm > state.currentTerm && !this.#mustIgnoreVotes() &&
      !state.recovering && state.log.isUpToDate(message.lastLog);
    state.send(envelope.from, { kind: "preVoteReply", requestedTerm, voteGranted });
    this.#campaignForOthers(message);
  }

  /**
   * Thesis §4.2.2: the asker counts on a vote that it cannot have, of a node that asks for none by
   * itself. If this log is the longest that is left, nobody else can be elected.
   */
  #campaignForOthers({ lastLog }: PreVote): void {
    const state = this.#state;
    if (this.#role.role !== "follower" || state.log.isUpToDate(lastLog)) return;
    if (this.#mustIgnoreVotes() || !state.mayCampaignForOthers()) return;
    this.#change({ to: "precandidate" });
  }

  /**
   * Thesis §4.2.3: whoever has a leader, or may have promised one a lease before it restarted,
   * gives no vote.
   */
  #mustIgnoreVotes(): boolean {
    return this.#role.role === "leader" ? this.#role.hasQuorum() : this.#state.hasFreshLeader();
  }

  /**
   * The sender must learn of the higher term, or it would go on for ever believing that it leads or
   * may win.
   */
  #answerLowerTerm({ from, message }: Envelope): void {
    const state = this.#state;
    switch (message.kind) {
      case "appendEntries":
      case "heartbeat":
      case "installSnapshot":
        return state.send(from, {
          kind: "heartbeatReply",
          round: 0,
          verifiedIndex: 0,
          appliedIndex: state.log.applied,
        });
      case "requestVote":
        return state.send(from, { kind: "requestVoteReply", voteGranted: false });
      default:
        return;
    }
  }

  #adoptTerm({ term, from, message }: Envelope): void {
    const leader = isLeaders(message) ? { leader: from } : {};
    this.#change({ to: "follower", term, reason: "higherTerm", ...leader });
  }

  // ---- Roles ----

  /**
   * Goes on until no transition follows from the last one: a sole voter passes from follower to
   * leader at once.
   */
  #change(first: Transition | undefined): void {
    let transition = first;
    while (transition !== undefined) {
      const before = this.#role;
      const owes = before.role === "leader" || before.role === "follower";
      const transfer = owes && transition.to === "follower" ? before.takeTransfer() : undefined;
      before.end();
      this.#role = this.#enter(transition, transfer);
      const role = this.#role;
      this.#noteLeadership(reasonOf(transition));
      transition = role.role === "precandidate" ? role.begin() : undefined;
    }
  }

  #enter(transition: Transition, transfer: OwedTransfer | undefined): RoleState {
    const state = this.#state;
    switch (transition.to) {
      case "follower": {
        assert(transition.term >= state.currentTerm, "A role change never lowers the term");
        if (transition.term > state.currentTerm) state.enterTerm(transition.term);
        return new Follower(state, {
          ...(transition.leader !== undefined && { leader: transition.leader }),
          ...(transfer && { transfer }),
        });
      }
      case "precandidate":
        return new Precandidate(state);
      case "candidate":
        return new Candidate(state, transition.transfer);
      case "leader":
        return new Leader(state);
    }
  }

  #noteLeadership(reason: LeadershipReason): void {
    const role = this.#role;
    const leader = this.#leader();
    const term: Term = this.#state.currentTerm;
    this.#leadership = {
      role: role.role,
      term,
      reason,
      ...(leader !== undefined && { leader }),
      ...(role.role === "leader" && { termStart: role.termStart }),
    };
  }
}

function reasonOf(transition: Transition): LeadershipReason {
  switch (transition.to) {
    case "follower":
      return transition.reason;
    case "precandidate":
      return "electionTimeout";
    case "candidate":
      return transition.transfer ? "transfer" : "electionTimeout";
    case "leader":
      return "electionWon";
  }
}

/** Most of the time there is nothing. */
function takeAll<T>(list: T[]): readonly T[] {
  return list.length === 0 ? [] : list.splice(0);
}
