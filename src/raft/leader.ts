/**
 * A leader replicates (paper §5.3), commits what a quorum holds durably (§5.4.2), confirms reads by
 * rounds (thesis §6.4), and steps down as soon as it cannot do its work: without a quorum (check-
 * quorum, thesis §6.2), with a disk or a store that hangs.
 */

import { emptyBytes } from "../lib/bytes.ts";
import { finishChange, isJoint, isVoter, startChange } from "./configuration.ts";
import { encodeConfiguration } from "./encoding.ts";
import { Lease } from "./lease.ts";
import { entryBytes } from "./log.ts";
import type { AppendEntriesReply, Envelope, HeartbeatReply, InstallSnapshot } from "./message.ts";
import { PeerProgress } from "./peer_progress.ts";
import type { Progress } from "./progress.ts";
import { quorumReached } from "./quorum.ts";
import { type ConfirmedRead, ReadIndexRounds } from "./read_index.ts";
import type { DropReason } from "./ready.ts";
import { SnapshotPeers } from "./snapshot_peers.ts";
import type { RaftState, Transition } from "./state.ts";
import { LeadershipTransfer, type OwedTransfer } from "./transfer.ts";
import type {
  Configuration,
  ConfigurationChange,
  EntryKind,
  Index,
  LogPosition,
  NodeId,
  ProposalId,
  ReadId,
} from "./types.ts";
import { Uncommitted } from "./uncommitted.ts";

/** The role of who won an election; it ends with its term, or earlier. */
export class Leader {
  readonly role = "leader";
  readonly #state: RaftState;
  readonly #electedMs: number;
  readonly #clusterTimeAtElectionMs: number;
  readonly #progress: PeerProgress;
  readonly #reads: ReadIndexRounds;
  readonly #uncommitted = new Uncommitted();
  readonly #lease: Lease;
  #heartbeatMs: number;
  /** Peers could not be heard before this, because the process stood still. */
  #quorumGraceMs: number;
  readonly transfer: LeadershipTransfer;
  readonly snapshotPeers = new SnapshotPeers();
  /** The index of its no-op: only once that is committed is the commit index known (paper §8). */
  readonly termStart: Index;

  constructor(state: RaftState) {
    this.#state = state;
    this.#lease = new Lease(state.options);
    this.#progress = new PeerProgress(state);
    this.#electedMs = state.nowMs;
    this.#clusterTimeAtElectionMs = state.log.lastTimeMs();
    this.#heartbeatMs = state.nowMs;
    this.#quorumGraceMs = state.nowMs;
    this.#reads = new ReadIndexRounds(state.options.readsPendingMax);
    this.transfer = new LeadershipTransfer(state, this.#progress, this.snapshotPeers);
    this.termStart = this.#append("noop", emptyBytes).index;
    this.#progress.follow(this.termStart);
    this.transfer.follow();
    this.#heartbeat();
  }

  get leader(): NodeId {
    return this.#state.self;
  }
  get progress(): ReadonlyMap<NodeId, Progress> {
    return this.#progress.all;
  }

  tick(): Transition | undefined {
    const state = this.#state;
    if (state.stalled) this.#quorumGraceMs = state.nowMs;
    const hung = state.hungReason();
    if (hung !== undefined) return this.#stepDown(hung);
    const heardMs = Math.max(this.#progress.quorumHeardMs(), this.#quorumGraceMs);
    if (state.nowMs - heardMs > state.options.electionTimeoutMinMs) {
      return this.#stepDown("quorumLost");
    }
    this.transfer.tick();
    this.#progress.forgetRemoved((peer) => this.snapshotPeers.delete(peer));
    if (state.nowMs - this.#heartbeatMs >= state.options.heartbeatIntervalMs) this.#heartbeat();
    else this.#spreadCommit();
    return undefined;
  }

  step(envelope: Envelope): Transition | undefined {
    const { from, message } = envelope;
    const progress = this.#progress.get(from);
    progress?.heard(this.#state.nowMs);
    switch (message.kind) {
      case "appendEntriesReply":
        return progress && this.#appendEntriesReply(from, progress, message);
      case "heartbeatReply":
        return progress && this.#heartbeatReply(progress, message);
      case "readIndexRequest":
        this.#reads.add(message.id);
        return undefined;
      case "requestVote":
        this.#state.send(from, { kind: "requestVoteReply", voteGranted: false });
        return undefined;
      default:
        return undefined;
    }
  }

  propose(id: ProposalId, data: Uint8Array): void {
    const state = this.#state;
    const { entryBytesMax, uncommittedBytesMax } = state.options;
    if (data.length > entryBytesMax) return this.#drop(id, "tooLarge");
    if (!this.transfer.takesProposals) return this.#drop(id, "transferring");
    if (this.#uncommitted.bytes + data.length > uncommittedBytesMax) {
      return this.#drop(id, "overloaded");
    }
    state.outcomes.push({ kind: "accepted", id, position: this.#append("command", data) });
  }

  /**
   * Thesis §4.1 and §4.3: one change at a time, and none before an entry of this term is committed
   * (the 2015 erratum).
   */
  changeConfiguration(id: ProposalId, expected: LogPosition, change: ConfigurationChange): void {
    const state = this.#state;
    const { position, configuration } = state.effective;
    if (this.transfer.isUnderWay) return this.#drop(id, "transferring");
    if (!this.#knowsCommit() || position.index > state.log.commitIndex || isJoint(configuration)) {
      return this.#drop(id, "changeInProgress");
    }
    if (position.index !== expected.index || position.term !== expected.term) {
      return this.#drop(id, "configurationChanged");
    }
    const next = startChange(configuration, change);
    if (next === undefined) return this.#drop(id, "invalidChange");
    state.outcomes.push({ kind: "accepted", id, position: this.#appendConfiguration(next) });
  }

  readIndex(id: ReadId, level: "quorum" | "lease"): void {
    const index = level === "lease" ? this.leaseIndex() : undefined;
    if (index !== undefined) {
      this.#state.outcomes.push({ kind: "readable", id, index });
    } else if (!this.#reads.add(id)) {
      this.#state.outcomes.push({ kind: "readDropped", id, reason: "overloaded" });
    }
  }

  /** Thesis §6.4.1. */
  leaseIndex(nowMs = this.#state.nowMs): Index | undefined {
    const { applied, commitIndex } = this.#state.log;
    if (this.transfer.timeoutNowSent || applied < this.termStart) return undefined;
    const sentMs = this.#reads.confirmedSentMs;
    return this.#lease.holds({ sentMs, nowMs }) ? commitIndex : undefined;
  }

  /** Cluster time: that of the last entry at the election, and this leader's own since then. */
  clusterTimeMs(nowMs: number): number {
    return this.#clusterTimeAtElectionMs + (nowMs - this.#electedMs);
  }

  voidLease(): void {
    this.#lease.voidUntil(this.#state.nowMs);
  }

  /** Own writes became durable: only now does it count itself (thesis §10.2.1). */
  persisted(): Transition | undefined {
    return this.#advanceCommit();
  }

  peerUnreachable(peer: NodeId): void {
    this.#progress.get(peer)?.unreachable();
  }

  /** The peer lost part of its log: what it acknowledged before does not count any more. */
  peerRestarted(peer: NodeId): void {
    this.snapshotPeers.delete(peer);
    this.#progress.get(peer)?.restarted(this.#state.log.lastIndex + 1);
  }

  /** Nothing that this leader may still want to send stands in the way of sending a chunk. */
  snapshotChunk(peer: NodeId, chunk: InstallSnapshot): void {
    if (this.snapshotPeers.has(peer)) this.#state.send(peer, chunk);
  }

  snapshotInstalled(peer: NodeId, { index }: LogPosition): void {
    this.snapshotPeers.delete(peer);
    this.#progress.get(peer)?.snapshotEnded(index + 1);
  }

  /**
   * What a turn has gathered leaves at its end: one AppendEntries for all proposals, one round for
   * all reads.
   */
  flush(): void {
    this.transfer.advance();
    if (this.#reads.hasWaiting && this.#knowsCommit()) this.#heartbeat();
    for (const [peer, progress] of this.#progress.all) this.#sendEntries(peer, progress);
  }

  /** For the follower that comes after this leader: it will hear who leads. */
  takeTransfer(): OwedTransfer | undefined {
    return this.transfer.pending;
  }

  end(): void {
    for (const id of this.#reads.drop()) {
      if (!this.#state.isOwnRead(id)) continue;
      this.#state.outcomes.push({ kind: "readDropped", id, reason: "leaderChanged" });
    }
  }

  #drop(id: ProposalId, reason: DropReason): void {
    this.#state.outcomes.push({ kind: "dropped", id, reason, leader: this.#state.self });
  }

  #stepDown(reason: "diskHung" | "applyHung" | "quorumLost" | "removed"): Transition {
    return { to: "follower", term: this.#state.currentTerm, reason };
  }

  #append(kind: EntryKind, data: Uint8Array): LogPosition {
    const { currentTerm: term, log, nowMs } = this.#state;
    const { index } = log.append({ term, kind, timeMs: this.clusterTimeMs(nowMs), data });
    this.#uncommitted.appended(index, data.length);
    return { index, term };
  }

  #appendConfiguration(configuration: Configuration): LogPosition {
    const position = this.#append("configuration", encodeConfiguration(configuration));
    this.#progress.follow(position.index);
    this.transfer.follow();
    return position;
  }

  #heartbeat(): void {
    this.#heartbeatMs = this.#state.nowMs;
    const { log, nowMs } = this.#state;
    this.#reads.begin(nowMs, this.#knowsCommit() ? log.commitIndex : undefined);
    for (const [peer, progress] of this.#progress.all) this.#sendHeartbeat(peer, progress);
    this.#confirmReads();
  }

  #sendHeartbeat(peer: NodeId, progress: Progress): void {
    const leaderCommit = this.#state.log.commitIndex;
    progress.toldCommit = Math.max(progress.toldCommit, Math.min(leaderCommit, progress.match));
    const { acknowledged: match } = progress;
    this.#state.send(peer, { kind: "heartbeat", round: this.#reads.round, leaderCommit, match });
  }

  /**
   * Tells peers that hold a committed entry of its commit, when no entry behind it has done so
   * meanwhile.
   */
  #spreadCommit(): void {
    const { commitIndex } = this.#state.log;
    for (const [peer, progress] of this.#progress.all) {
      if (progress.toldCommit < Math.min(commitIndex, progress.match)) {
        this.#sendHeartbeat(peer, progress);
      }
    }
  }

  #sendEntries(peer: NodeId, progress: Progress): void {
    const { log, options, nowMs } = this.#state;
    while (progress.canSend()) {
      const from = progress.next;
      if (from > log.lastIndex && progress.mode === "replicating") return;
      const prevTerm = log.term(from - 1);
      const range = { from, to: log.lastIndex, bytesMax: options.appendBytesMax };
      const entries = prevTerm === undefined ? undefined : log.entries(range);
      if (prevTerm === undefined || entries === undefined) {
        progress.wantSnapshot();
        return this.snapshotPeers.add(peer);
      }
      const leaderCommit = log.commitIndex;
      const prevLog = { index: from - 1, term: prevTerm };
      const { attempt } = progress;
      this.#state.send(peer, { kind: "appendEntries", prevLog, entries, leaderCommit, attempt });
      const last = from - 1 + entries.length;
      const bytes = entries.reduce((sum, entry) => sum + entryBytes(entry), 0);
      progress.sent({ last, bytes }, nowMs);
      progress.toldCommit = Math.max(progress.toldCommit, Math.min(leaderCommit, last));
    }
  }

  #appendEntriesReply(
    from: NodeId,
    progress: Progress,
    { result, attempt, needsSnapshot }: AppendEntriesReply,
  ): Transition | undefined {
    const { log, nowMs } = this.#state;
    if (needsSnapshot) this.snapshotPeers.add(from);
    switch (result.kind) {
      case "conflict": {
        const stale = attempt !== progress.attempt || result.rejected.index <= progress.match;
        if (!stale) progress.conflicted(log.lastIndexLike(result.hint) + 1);
        return undefined;
      }
      case "matched": {
        if (!log.matches(result.position)) return undefined;
        const news = progress.matched(result.position, attempt, nowMs);
        // It holds more than was known when the image was asked for.
        if (progress.mode === "snapshot" && progress.match >= log.boundary.position.index) {
          this.snapshotInstalled(from, progress.acknowledged);
        }
        this.transfer.matched(from);
        return news ? this.#advanceCommit() : undefined;
      }
    }
  }

  #heartbeatReply(progress: Progress, message: HeartbeatReply): Transition | undefined {
    const { log, options, nowMs } = this.#state;
    if (message.round > this.#reads.round) return undefined;
    // A store that is behind where it was has been started anew; a probe tells what it needs.
    const isNewest = message.round >= progress.confirmedRound;
    const fellBack = isNewest && message.appliedIndex < progress.appliedIndex;
    progress.confirmedRound = Math.max(progress.confirmedRound, message.round);
    // The peer answers, so silence about entries means that they, or their answers, were lost.
    const silent = progress.isWaitingFor(2 * options.heartbeatIntervalMs, nowMs);
    if (isNewest) progress.appliedIndex = message.appliedIndex;
    const forgot = message.verifiedIndex < Math.min(progress.match, log.commitIndex);
    if (silent || forgot || fellBack) progress.lost();
    this.#confirmReads();
    return undefined;
  }

  #confirmReads(): void {
    const { self, voterSets, log, currentTerm: term } = this.#state;
    const round = quorumReached(
      voterSets,
      (voter) =>
        voter === self ? this.#reads.round : this.#progress.get(voter)?.confirmedRound ?? 0,
    );
    for (const read of this.#reads.confirm(round)) this.#answerRead(read);
    const sentRoundMs = this.#reads.confirmedSentMs;
    if (sentRoundMs === undefined) return;
    this.#state.heard = { leaderCommit: log.commitIndex, term, sentRoundMs };
  }

  #answerRead({ id, index }: ConfirmedRead): void {
    if (this.#state.isOwnRead(id)) this.#state.outcomes.push({ kind: "readable", id, index });
    else if (id.node !== this.#state.self) {
      this.#state.send(id.node, { kind: "readIndexReply", id, index });
    }
  }

  /**
   * Only an entry of the current term is committed by counting (paper §5.4.2); those before it come
   * along.
   */
  #advanceCommit(): Transition | undefined {
    const { log, self, voterSets, currentTerm } = this.#state;
    const reached = quorumReached(
      voterSets,
      (voter) => voter === self ? log.stableIndex : this.#progress.get(voter)?.match ?? 0,
    );
    if (reached <= log.commitIndex || log.term(reached) !== currentTerm) return undefined;
    log.commitTo(reached);
    this.#uncommitted.committedTo(reached);
    return this.#afterCommit();
  }

  /**
   * C_old,new committed: go on to C_new. C_new committed without this node: it hands over (thesis
   * §4.2.2, §4.3).
   */
  #afterCommit(): Transition | undefined {
    const { position, configuration } = this.#state.effective;
    if (position.index > this.#state.log.commitIndex) return undefined;
    if (isJoint(configuration)) {
      this.#appendConfiguration(finishChange(configuration));
      return undefined;
    }
    if (isVoter(configuration, this.#state.self)) return undefined;
    this.transfer.leave();
    return this.#stepDown("removed");
  }

  #knowsCommit(): boolean {
    return this.#state.log.commitIndex >= this.termStart;
  }

  /** A request for votes is refused while a quorum still follows. */
  hasQuorum(): boolean {
    return this.#state.nowMs - this.#progress.quorumHeardMs() <
      this.#state.options.electionTimeoutMinMs;
  }
}
