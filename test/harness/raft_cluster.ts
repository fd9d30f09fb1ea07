/**
 * Several cores under full control: time passes when the test says so, messages travel when it says
 * so, writes become durable when it says so (at once unless a disk is set to manual). The same
 * calls give the same run.
 */

import { assertDefined } from "../../src/lib/assert.ts";
import { utf8 } from "../../src/lib/bytes.ts";
import { encodeConfiguration, makeEntry } from "../../src/raft/encoding.ts";
import type { Input } from "../../src/raft/input.ts";
import type { Envelope, Message } from "../../src/raft/message.ts";
import type { Rng } from "../../src/raft/ports.ts";
import type { Leadership, LogWrite, Loss, Outcome } from "../../src/raft/ready.ts";
import type { RaftStatus } from "../../src/raft/status.ts";
import {
  type Configuration,
  type Entry,
  type Index,
  type LogPosition,
  type Member,
  type NodeId,
  originPosition,
  type ProposalId,
  type RaftOptions,
  type ReadId,
  type SnapshotMeta,
  type Suffrage,
  type Term,
} from "../../src/raft/types.ts";
import { RaftDisk } from "./raft_disk.ts";
import { RaftNetwork } from "./raft_network.ts";
import { incarnationOf, RaftNode, raftOptions } from "./raft_node.ts";

export interface RaftClusterOptions {
  readonly voters: readonly NodeId[];
  readonly learners?: readonly NodeId[];
  /** Ids that are not members yet; they are made, with the first configuration, but not started. */
  readonly spares?: readonly NodeId[];
  readonly options?: Partial<RaftOptions>;
  readonly writesInflightMax?: number;
  /** Sees everything; {@link RaftCluster} records the outcomes itself. */
  readonly watch?: Partial<RaftClusterWatch>;
}

/** What a transcript prints. */
export interface RaftClusterWatch {
  sent(envelope: Envelope, arrives: boolean): void;
  began(node: RaftNode, write: LogWrite): void;
  finished(node: RaftNode, write: LogWrite): void;
  applied(node: RaftNode, entries: readonly Entry[]): void;
  outcome(node: RaftNode, outcome: Outcome): void;
  leadership(node: RaftNode, leadership: Leadership): void;
  lost(node: RaftNode, loss: Loss): void;
  adopted(node: RaftNode, position: LogPosition): void;
  committed(node: RaftNode, before: Index, after: Index): void;
}

/** Draws what the test has put there: an election timeout lasts as long as the transcript says. */
class ChosenTimeout implements Rng {
  readonly #minMs: number;
  timeoutMs: number;

  constructor(minMs: number, timeoutMs: number) {
    this.#minMs = minMs;
    this.timeoutMs = timeoutMs;
  }

  below(bound: number): number {
    return Math.min(bound - 1, this.timeoutMs - this.#minMs);
  }
}

const tickMs = 50;

export class RaftCluster {
  nowMs = 0;
  readonly network = new RaftNetwork();
  readonly nodes = new Map<NodeId, RaftNode>();
  /** Images that nodes have taken of their stores. */
  readonly images = new Map<NodeId, SnapshotMeta>();
  readonly configuration: Configuration;
  readonly options: RaftOptions;
  /** Everything that any core answered, in order. */
  readonly outcomes: { readonly node: NodeId; readonly outcome: Outcome }[] = [];
  /** Everything that any core sent, whether it arrived or not. */
  readonly sent: Envelope[] = [];
  readonly #timeouts = new Map<NodeId, ChosenTimeout>();
  readonly #paused = new Set<NodeId>();
  readonly #watch: Partial<RaftClusterWatch>;
  readonly #writesInflightMax: number;
  #lastProposal: ProposalId = 0;
  #lastRead = 0;

  constructor(from: RaftClusterOptions) {
    this.options = { ...raftOptions, ...from.options };
    this.#watch = from.watch ?? {};
    this.#writesInflightMax = from.writesInflightMax ?? 1;
    this.configuration = configurationOf(from);
    const members = this.configuration.members.map(({ id }) => id);
    for (const id of members) this.#make(id);
    for (const id of members) this.node(id).start(0);
    for (const id of from.spares ?? []) this.#make(id);
  }

  #make(id: NodeId): void {
    const { electionTimeoutMinMs } = this.options;
    // The lower the id, the earlier its election timer fires.
    const timeoutMs = electionTimeoutMinMs + 200 * this.nodes.size;
    const rng = new ChosenTimeout(electionTimeoutMinMs, timeoutMs);
    this.#timeouts.set(id, rng);
    const disk = new RaftDisk(this.configuration, [firstEntry(this.configuration)], {
      currentTerm: 1,
      commitIndex: 1,
    });
    const node = new RaftNode({
      ...{ id, disk, rng, options: this.options },
      writesInflightMax: this.#writesInflightMax,
      observer: {
        sent: (envelope) => this.#sent(envelope),
        began: (at, write) => this.#watch.began?.(at, write),
        finished: (at, write) => this.#watch.finished?.(at, write),
        applied: (at, entries) => this.#watch.applied?.(at, entries),
        adopted: (at, position) => this.#watch.adopted?.(at, position),
        leadership: (at, leadership) => this.#watch.leadership?.(at, leadership),
        lost: (at, loss) => this.#watch.lost?.(at, loss),
        outcome: (at, outcome) => {
          this.outcomes.push({ node: at.id, outcome });
          this.#watch.outcome?.(at, outcome);
        },
        stepped: (at, before, after) => {
          if (after.commitIndex === before.commitIndex) return;
          this.#watch.committed?.(at, before.commitIndex, after.commitIndex);
        },
      },
    });
    this.nodes.set(id, node);
  }

  #sent(envelope: Envelope): void {
    this.sent.push(envelope);
    const arrives = this.network.send(envelope);
    this.#watch.sent?.(envelope, arrives);
  }

  node(id: NodeId): RaftNode {
    return assertDefined(this.nodes.get(id), `Node ${id} is there`);
  }

  status(id: NodeId): RaftStatus {
    return this.node(id).status;
  }

  get running(): readonly RaftNode[] {
    return [...this.nodes.values()].filter(({ id, isRunning }) =>
      isRunning && !this.#paused.has(id)
    );
  }

  // ---- Inputs ----

  step(id: NodeId, input: Input): void {
    this.node(id).step(input, this.nowMs);
  }

  /** What the node answers to this input. */
  ask(id: NodeId, input: Input): readonly Outcome[] {
    const before = this.outcomes.length;
    this.step(id, input);
    return this.outcomes.slice(before).map(({ outcome }) => outcome);
  }

  propose(id: NodeId, text: string): ProposalId {
    const proposal = ++this.#lastProposal;
    this.step(id, { kind: "propose", id: proposal, data: utf8(text) });
    return proposal;
  }

  read(id: NodeId, level: "quorum" | "lease" = "quorum"): ReadId {
    const read = { node: id, nonce: this.node(id).starts, counter: ++this.#lastRead };
    this.step(id, { kind: "readIndex", id: read, level });
    return read;
  }

  transfer(id: NodeId, target?: NodeId): ProposalId {
    const transfer = ++this.#lastProposal;
    const to = target === undefined ? {} : { target };
    this.step(id, { kind: "transferLeadership", id: transfer, ...to });
    return transfer;
  }

  /** Asks for these members; `expected` is the configuration in effect on the node unless given. */
  change(
    id: NodeId,
    wanted: { readonly voters: readonly NodeId[]; readonly learners?: readonly NodeId[] },
    expected: LogPosition = this.status(id).configuration.position,
  ): ProposalId {
    const change = ++this.#lastProposal;
    const { members } = configurationOf(wanted);
    this.step(id, { kind: "changeConfiguration", id: change, expected, change: { members } });
    return change;
  }

  /** Hands a message to a core, as if `from` had sent it. */
  receive(to: NodeId, from: NodeId, term: Term, message: Message): void {
    const envelope = { from, to, fromEpoch: 0, toEpoch: 0, term, message };
    this.step(to, { kind: "receive", envelope });
  }

  // ---- Time ----

  /** The length of the election timeouts that the node draws from now on. */
  setTimeoutMs(id: NodeId, timeoutMs: number): void {
    assertDefined(this.#timeouts.get(id), `Node ${id} is there`).timeoutMs = timeoutMs;
  }

  tick(id: NodeId): void {
    this.step(id, { kind: "tick" });
  }

  /** Time passes, timers fire; what is sent waits in the network. */
  advance(ms: number, options: { readonly deliver: boolean } = { deliver: false }): void {
    for (const endMs = this.nowMs + ms; this.nowMs < endMs;) {
      this.nowMs = Math.min(endMs, this.nowMs + tickMs);
      for (const { id } of this.running) this.tick(id);
      if (options.deliver) this.settle();
    }
  }

  /** Time passes, and messages travel at once. */
  run(ms: number): void {
    this.advance(ms, { deliver: true });
  }

  /** The process stands still: no timer, no message, until it is resumed. */
  pause(id: NodeId): void {
    this.#paused.add(id);
  }

  resume(id: NodeId): void {
    this.#paused.delete(id);
  }

  // ---- Messages ----

  deliver(envelope: Envelope): void {
    const to = this.nodes.get(envelope.to);
    if (to?.isRunning !== true) return;
    to.step({ kind: "receive", envelope }, this.nowMs);
  }

  /** Delivers until nothing is under way any more, except to nodes that stand still. */
  settle(): void {
    for (let left = 10_000; left > 0; left--) {
      const at = this.network.underWay.findIndex(({ to }) => !this.#paused.has(to));
      if (at < 0) return;
      const [next] = this.network.underWay.splice(at, 1);
      this.deliver(assertDefined(next, "It was found"));
    }
    throw new Error("The cluster does not come to rest");
  }

  // ---- Crashes ----

  crash(id: NodeId, kept = 0): void {
    this.node(id).crash(kept);
    this.network.take({ to: id });
  }

  restart(id: NodeId): void {
    this.node(id).start(this.nowMs);
  }

  /**
   * The node crashes, and its disk has lost entry `from` and all behind it; it will start as one
   * that knows (src/node/recovery.ts): under a new epoch, its vote of the term counted as given.
   */
  lose(id: NodeId, from: Index): void {
    const node = this.node(id);
    if (node.isRunning) this.crash(id);
    const { currentTerm, commitIndex } = node.disk.hardState;
    const kept = Math.min(from - 1, node.disk.lastIndex());
    node.disk.lose(from, {
      currentTerm,
      votedFor: id,
      commitIndex: Math.min(commitIndex, kept),
    });
    if (node.applied.index > kept) node.applied = originPosition;
    node.logEpoch++;
    node.recovering = true;
  }

  /** A copy of the node's disk takes its place, the store is empty, and nothing tells. */
  putBack(id: NodeId, copy: RaftDisk): void {
    const node = this.node(id);
    if (node.isRunning) this.crash(id);
    node.disk = copy.copy();
    node.applied = originPosition;
  }

  /** Replaces what the node's disk holds behind the first entry, one command per term. */
  restore(id: NodeId, held: {
    readonly terms: readonly Term[];
    readonly term: Term;
    readonly votedFor?: NodeId;
    readonly commitIndex?: Index;
  }): void {
    const node = this.node(id);
    if (node.isRunning) node.crash();
    const first = firstEntry(this.configuration);
    const entries = held.terms.map((term, at) =>
      makeEntry({ index: at + 2, term, kind: "command", timeMs: 0, data: utf8(`t${term}`) })
    );
    const vote = held.votedFor === undefined ? {} : { votedFor: held.votedFor };
    const hardState = { currentTerm: held.term, commitIndex: held.commitIndex ?? 1, ...vote };
    node.disk = new RaftDisk(this.configuration, [first, ...entries], hardState);
    node.applied = originPosition;
    this.restart(id);
  }

  // ---- Shortcuts to a situation ----

  /**
   * Lets time pass until the election timer of `id` fires; the other timers rest, and nothing is
   * delivered.
   */
  campaign(id: NodeId): void {
    const asksVotes = (): number =>
      this.sent.filter(({ from, message }) => from === id && message.kind === "preVote").length;
    const before = asksVotes();
    const { term } = this.status(id);
    for (let left = 100; left > 0; left--) {
      this.nowMs += tickMs;
      this.tick(id);
      // A sole voter asks nobody, and is candidate or leader at once.
      if (asksVotes() > before || this.status(id).term > term) return;
    }
    throw new Error(`Node ${id} does not campaign`);
  }

  /** Makes `id` leader, with its no-op committed everywhere that messages reach. */
  elect(id: NodeId): void {
    for (let left = 5; left > 0 && this.status(id).role !== "leader"; left--) {
      this.campaign(id);
      this.settle();
    }
    if (this.status(id).role !== "leader") throw new Error(`Node ${id} does not become leader`);
    this.run(2 * tickMs);
  }

  /** The running leader of the highest term. */
  leader(): NodeId | undefined {
    let best: RaftStatus | undefined;
    for (const { isRunning, status } of this.running) {
      if (isRunning && status.role === "leader" && status.term > (best?.term ?? 0)) best = status;
    }
    return best?.leader;
  }

  /** `index@term` of what the disk of the node holds. */
  positions(id: NodeId): readonly string[] {
    return this.node(id).disk.entriesHeld.map(({ index, term }) => `${index}@${term}`);
  }

  /** The last envelope of this kind that a node sent. */
  lastSent<K extends Message["kind"]>(
    kind: K,
    from: NodeId,
    to: NodeId,
  ): (Envelope & { readonly message: Message & { readonly kind: K } }) | undefined {
    const found = this.sent.findLast((envelope) =>
      envelope.message.kind === kind && envelope.from === from && envelope.to === to
    );
    return found as (Envelope & { readonly message: Message & { readonly kind: K } }) | undefined;
  }
}

/** A configuration of these members. */
export function configurationOf(
  { voters, learners = [], nodeIdMax }: {
    readonly voters: readonly NodeId[];
    readonly learners?: readonly NodeId[];
    /** Where a higher id than theirs was a member once. */
    readonly nodeIdMax?: NodeId;
  },
): Configuration {
  const member = (suffrage: Suffrage) => (id: NodeId): Member => ({
    id,
    incarnation: incarnationOf(id),
    suffrage,
  });
  const members = [...voters.map(member("voter")), ...learners.map(member("learner"))];
  members.sort((a, b) => a.id - b.id);
  return { members, nodeIdMax: nodeIdMax ?? Math.max(...members.map(({ id }) => id)) };
}

/** The entry with which every log begins. */
export function firstEntry(configuration: Configuration): Entry {
  const data = encodeConfiguration(configuration);
  return makeEntry({ index: 1, term: 1, kind: "configuration", timeMs: 0, data });
}
