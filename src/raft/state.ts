/**
 * What every role shares: term and vote, the log, what waits for the disk, what leaves next, and
 * the sense of time. The roles own what only they have (follower.ts, candidate.ts, leader.ts).
 */

import { assert, assertCount } from "../lib/assert.ts";
import { allMembers, birthTerm, isVoter, voterSets, wasRemoved } from "./configuration.ts";
import { RaftLog } from "./log.ts";
import type { Envelope, Message } from "./message.ts";
import type { LogReader, Rng } from "./ports.ts";
import type { VoterSets } from "./quorum.ts";
import type { Heard, Outcome } from "./ready.ts";
import type {
  Configuration,
  CoreIdentity,
  HardState,
  Index,
  LeadershipReason,
  LogPosition,
  NodeId,
  PositionedConfiguration,
  RaftOptions,
  ReadId,
  RestoredState,
  Term,
} from "./types.ts";
import { WriteQueue } from "./write_queue.ts";

/** What a role answers when it has to end. `term` is the term to be in afterwards. */
export type Transition =
  | {
    readonly to: "follower";
    readonly term: Term;
    readonly leader?: NodeId;
    readonly reason: LeadershipReason;
  }
  | { readonly to: "precandidate" }
  | { readonly to: "candidate"; readonly transfer: boolean }
  | { readonly to: "leader" };

/** Nodes outside the configuration whose epoch is remembered; the oldest goes for a new one. */
const strangersMax = 64;

/** The state of a node that outlives its roles. */
export class RaftState {
  readonly options: RaftOptions;
  readonly identity: CoreIdentity;
  readonly log: RaftLog;
  readonly writes: WriteQueue;
  readonly rng: Rng;
  readonly outbox: Envelope[] = [];
  readonly outcomes: Outcome[] = [];
  heard: Heard | undefined;
  /** The ms of the step under way, handed in by the node. */
  nowMs: number;
  /**
   * More than electionTimeoutMinMs passed between two steps; the next tick restarts timers instead
   * of firing them.
   */
  stalled = false;
  /**
   * When a leader was heard last. Starting counts as hearing one: its lease may still hold. Not so
   * in the term of the birth, which has no leader: then it is undefined.
   */
  leaderHeardMs: number | undefined;
  /** See raft/mod.ts, "Recovering". */
  recovering: boolean;
  #currentTerm: Term;
  #votedFor: NodeId | undefined;
  /** Up to where the log is known to equal that of the leader of #verifiedTerm. */
  #verifiedIndex: Index = 0;
  #verifiedTerm: Term = 0;
  /** When the store applied something last, or had nothing to apply. */
  #appliedMs: number;
  #lastStepMs: number;
  /** The newest logEpoch seen of each node. */
  readonly #epochs = new Map<NodeId, number>();
  /**
   * A peer's committed configuration says so. For good, whatever the own log holds: ids are never
   * reused.
   */
  #wasRemoved = false;

  constructor(from: {
    readonly options: RaftOptions;
    readonly restored: RestoredState;
    readonly log: LogReader;
    readonly rng: Rng;
    readonly nowMs: number;
  }) {
    const { options, restored, log, rng, nowMs } = from;
    this.options = options;
    this.nowMs = nowMs;
    this.#appliedMs = nowMs;
    this.#lastStepMs = nowMs;
    this.identity = restored.identity;
    this.recovering = restored.recovering;
    this.rng = rng;
    this.#currentTerm = assertCount(restored.hardState.currentTerm, "currentTerm");
    this.#votedFor = restored.hardState.votedFor;
    this.leaderHeardMs = this.#isUnled() ? undefined : nowMs;
    this.log = new RaftLog(restored, log, options.logCacheBytesMax);
    this.writes = new WriteQueue(this.log, restored.batchNumber);
  }

  get self(): NodeId {
    return this.identity.nodeId;
  }
  get currentTerm(): Term {
    return this.#currentTerm;
  }
  get votedFor(): NodeId | undefined {
    return this.#votedFor;
  }
  get hardState(): HardState {
    const commitIndex = this.log.commitIndex;
    return this.#votedFor === undefined
      ? { currentTerm: this.#currentTerm, commitIndex }
      : { currentTerm: this.#currentTerm, votedFor: this.#votedFor, commitIndex };
  }

  /** The configuration in effect: the last one in the log, committed or not (thesis §4.1). */
  get effective(): PositionedConfiguration {
    return this.log.configurations.latest();
  }
  get committedConfiguration(): PositionedConfiguration {
    return this.log.configurations.at(this.log.commitIndex);
  }
  get configuration(): Configuration {
    return this.effective.configuration;
  }
  get voterSets(): VoterSets {
    return voterSets(this.configuration);
  }

  /**
   * Takes note of the time of a step, before it is dispatched; returns the ms since the last one.
   */
  arrive(nowMs: number): number {
    const gapMs = nowMs - this.#lastStepMs;
    assert(gapMs >= 0, `Time runs backwards: ${this.#lastStepMs}, then ${nowMs}`);
    if (gapMs > this.options.electionTimeoutMinMs) this.stalled = true;
    this.#lastStepMs = nowMs;
    this.nowMs = nowMs;
    this.noteApplied(false);
    return gapMs;
  }

  /**
   * A higher term begins (paper §5.1): no vote in it yet. Whoever lost something may have lost that
   * it was in this term before, so its vote counts as given; the own id stands for that.
   */
  enterTerm(term: Term): void {
    assert(term > this.#currentTerm, `Term ${term} is not above ${this.#currentTerm}`);
    this.#currentTerm = assertCount(term, "currentTerm");
    this.#votedFor = this.recovering ? this.self : undefined;
    this.writes.markHardState();
    this.writes.dropHeld();
  }

  /** At most one vote a term (paper §5.2): never taken back, durable before it is told. */
  voteFor(candidate: NodeId): void {
    assert(
      this.#votedFor === undefined || this.#votedFor === candidate,
      `A second vote in term ${this.#currentTerm}`,
    );
    if (this.#votedFor === candidate) return;
    this.#votedFor = candidate;
    this.writes.markHardState();
  }

  /** Leaves with the next ready(). For what claims nothing about the disk. */
  send(to: NodeId, message: Message): void {
    this.outbox.push(this.#envelope(to, message));
  }

  /**
   * Leaves once the term is durable: who was in it must know so after a restart (raft/mod.ts,
   * "Votes").
   */
  sendInDurableTerm(to: NodeId, message: Message): void {
    if (this.writes.isHardStateDurable()) this.send(to, message);
    else this.sendDurable(to, message);
  }

  /** Leaves once everything decided up to now is durable. */
  sendDurable(to: NodeId, message: Message): void {
    const envelope = this.writes.hold(this.#envelope(to, message));
    if (envelope !== undefined) this.outbox.push(envelope);
  }

  #envelope(to: NodeId, message: Message): Envelope {
    const { nodeId, logEpoch } = this.identity;
    const toEpoch = this.#epochs.get(to) ?? 0;
    return { from: nodeId, to, fromEpoch: logEpoch, toEpoch, term: this.#currentTerm, message };
  }

  /**
   * Notes the sender's epoch: `older` messages do not count, `newer` ones void what the leader
   * knew.
   */
  compareEpoch(from: NodeId, epoch: number): "older" | "known" | "newer" {
    const known = this.#epochs.get(from);
    if (known !== undefined && epoch < known) return "older";
    if (known === epoch) return "known";
    this.#epochs.set(from, epoch);
    this.#forgetStrangers();
    return known === undefined ? "known" : "newer";
  }

  /** What a stranger acknowledges counts in no quorum; a member's epoch is never forgotten. */
  #forgetStrangers(): void {
    if (this.#epochs.size <= strangersMax) return;
    const effective = allMembers(this.configuration);
    const committed = allMembers(this.committedConfiguration.configuration);
    const members = new Set([...effective, ...committed].map(({ id }) => id));
    const strangers = [...this.#epochs.keys()].filter((id) => !members.has(id));
    for (const id of strangers.slice(0, -strangersMax)) this.#epochs.delete(id);
  }

  isOwnRead(id: ReadId): boolean {
    return id.node === this.self && id.nonce === this.identity.nonce;
  }

  /** Votes are refused while a leader may still count on this node (thesis §4.2.3). */
  hasFreshLeader(): boolean {
    if (this.leaderHeardMs === undefined) return false;
    return this.nowMs - this.leaderHeardMs < this.options.electionTimeoutMinMs;
  }

  /** In a new cluster there is no leader that wants to be waited for: what is drawn is all. */
  drawElectionTimeoutMs(): number {
    const { electionTimeoutMinMs, electionTimeoutMaxMs } = this.options;
    const drawnMs = this.rng.below(electionTimeoutMaxMs - electionTimeoutMinMs + 1);
    return this.#isUnled() ? drawnMs : electionTimeoutMinMs + drawnMs;
  }

  /**
   * Nobody leads in the term of the birth, and in no other term has this node said anything yet
   * that a leader may count on (raft/mod.ts, "Votes").
   */
  #isUnled(): boolean {
    return this.#currentTerm <= birthTerm && !this.recovering;
  }

  /** May this node ask for votes? Granting one is another question (raft/mod.ts, "Votes"). */
  mayCampaign(): boolean {
    return this.#isElectable() && this.#isFit();
  }

  /**
   * Whether it may campaign for others, though it is no voter by any configuration that it knows:
   * somebody who counts on its vote cannot have it, because its own log is longer (raft/mod.ts,
   * "Votes"). Nobody needs the log of whom a committed configuration has removed.
   */
  mayCampaignForOthers(): boolean {
    return !this.#isElectable() && this.#isFit() && this.removedBy(this.self) === undefined;
  }

  #isFit(): boolean {
    return !this.recovering && !this.needsSnapshot() && this.hungReason() === undefined &&
      !this.#wasRemoved;
  }

  /**
   * A voter, or one until a configuration that is not known to be committed: thesis §4.2.2. Its log
   * may be the only one that the voters of C_old can follow, and then nobody else can finish the
   * change. It does not count itself.
   */
  #isElectable(): boolean {
    return this.log.configurations.from(this.log.commitIndex)
      .some(({ configuration }) => isVoter(configuration, this.self));
  }

  /** The store is behind the log's boundary: only a snapshot brings it forward. */
  needsSnapshot(): boolean {
    return this.log.applied < this.log.boundary.position.index;
  }

  /**
   * A disk or a store that has not moved for too long makes a leader useless, however well its
   * timers run.
   */
  hungReason(): "diskHung" | "applyHung" | undefined {
    const oldestMs = this.writes.oldestSinceMs;
    const limitMs = this.options.electionTimeoutMaxMs;
    if (oldestMs !== undefined && this.nowMs - oldestMs > limitMs) return "diskHung";
    if (this.log.hasUnapplied() && this.nowMs - this.#appliedMs > limitMs) return "applyHung";
    return undefined;
  }

  /** Called at every step, before it is dispatched, and when something was applied. */
  noteApplied(moved: boolean): void {
    if (moved || !this.log.hasUnapplied()) this.#appliedMs = this.nowMs;
  }

  /** The position of the configuration that removed `id`, by what is committed here. */
  removedBy(id: NodeId): LogPosition | undefined {
    const { configuration, position } = this.committedConfiguration;
    return wasRemoved(configuration, id) ? position : undefined;
  }

  noteRemoved(): void {
    this.#wasRemoved = true;
  }

  /**
   * The last entry that is known to equal the log of the current term's leader: one of its own
   * messages said so, or the entry is committed.
   */
  get verifiedIndex(): Index {
    const floor = this.log.commitIndex;
    return this.#verifiedTerm === this.#currentTerm ? Math.max(floor, this.#verifiedIndex) : floor;
  }

  verifyTo(index: Index): void {
    this.#verifiedIndex = Math.max(this.verifiedIndex, index);
    this.#verifiedTerm = this.#currentTerm;
  }
}
