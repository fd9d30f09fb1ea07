/**
 * One node: drains its inbox, steps the core, does what `Ready` says, and tells who waits. It owns
 * no policy: what may be said when is decided in raft/, what a command means in the state machine.
 *
 * A turn takes everything that is waiting, so that all proposals of one fsync share the next write,
 * AppendEntries and quorum round: group commit without a timer.
 */

import { Listeners } from "../lib/listeners.ts";
import { RaftCore } from "../raft/core.ts";
import type { Input } from "../raft/input.ts";
import type { Envelope } from "../raft/message.ts";
import type { Leadership, Ready } from "../raft/ready.ts";
import type { ConfigurationChange, Index, LogPosition, NodeId, ProposalId } from "../raft/types.ts";
import type { ConfigurationOutcome } from "./configuration_changes.ts";
import { type ClientInput, Inbox } from "./inbox.ts";
import { type NodeParts, type NodeStatus, tickMsOf } from "./parts.ts";
import { FatalStorageError } from "./ports.ts";
import type { ProposeOutcome } from "./pending.ts";
import type { ReadOutcome } from "./readers.ts";
import { NodeSnapshots } from "./snapshots.ts";
import { Staleness } from "./staleness.ts";
import { Store } from "./store.ts";
import { Writes } from "./writes.ts";
import type { TransferOutcome } from "./transfers.ts";
import { Waiting } from "./waiting.ts";

/** One running node. Callbacks inside; the promises are made at the edge, by the services. */
export class RaftNode<Query, Answer, Result> {
  readonly #parts: NodeParts<Query, Answer, Result>;
  readonly #core: RaftCore;
  readonly #inbox: Inbox;
  readonly #store: Store<Query, Answer, Result>;
  readonly #waiting: Waiting<Result>;
  readonly #snapshots: NodeSnapshots;
  readonly #writes: Writes;
  readonly #staleness: Staleness;
  readonly #onLeadership = new Listeners<Leadership>();
  readonly #onApplied = new Listeners<void>();
  readonly #replayTo: Index;
  #lastId: ProposalId = 0;
  #turnScheduled = false;
  #recovering: boolean;
  #leads = false;
  #stopTicks: (() => void) | undefined;
  /** `halted`: nothing is done any more, and whoever waits has not been told yet. */
  #state: "new" | "running" | "halted" | "closed" = "new";

  constructor(parts: NodeParts<Query, Answer, Result>) {
    this.#parts = parts;
    const { raft, limits, restored, storage, machine, clock, rng } = parts;
    const nowMs = clock.monotonicMs();
    this.#core = new RaftCore({ options: raft, restored, log: storage.log, rng, nowMs });
    this.#inbox = new Inbox(limits);
    this.#staleness = new Staleness(raft.electionTimeoutMinMs);
    this.#waiting = new Waiting(restored.identity);
    this.#store = new Store(
      { ...limits, machine, log: storage.log, reached: restored.applied },
      (position, result) => this.#waiting.proposals.applied(position, result),
    );
    this.#snapshots = new NodeSnapshots({
      ...parts.snapshots,
      ...{ machine, log: storage.log, reached: restored.applied },
      ...{ silentMsMax: raft.electionTimeoutMaxMs, tickMs: tickMsOf(raft) },
      step: (input) => this.#complete(input),
      monotonicMs: () => clock.monotonicMs(),
      onProblem: parts.onProblem,
    });
    this.#writes = new Writes({
      storage,
      clock,
      inflightMax: limits.writesInflightMax,
      isRunning: () => this.#state === "running",
      onPersisted: (number) => this.#complete({ kind: "persisted", number }),
      onFailed: (error) => this.#fail(error),
    });
    this.#replayTo = this.#core.status().commitIndex;
    this.#recovering = restored.recovering;
  }

  /** Begins to listen, to tick and to replay what is committed. */
  start(): void {
    const { transport, clock, raft } = this.#parts;
    this.#state = "running";
    transport.onReceive((envelope) => this.receive(envelope));
    transport.onUnreachable((peer) => this.#complete({ kind: "peerUnreachable", peer }));
    this.#stopTicks = clock.every(tickMsOf(raft), () => {
      this.#inbox.tick();
      this.#schedule();
    });
    this.#schedule();
  }

  /** Everybody who waits is told; the storage is left to its owner. */
  close(done: () => void): void {
    if (this.#state === "closed") return done();
    this.#state = "closed";
    this.#stopTicks?.();
    this.#inbox.refuseClients("closing");
    this.#snapshots.close();
    this.#waiting.close();
    done();
  }

  // ---- What clients ask ----

  /** `settle` is called once, with what became of the proposal. */
  propose(
    data: Uint8Array,
    deadlineMs: number,
    settle: (outcome: ProposeOutcome<Result>) => void,
  ): void {
    const id = ++this.#lastId;
    this.#waiting.proposals.add(id, deadlineMs, settle);
    this.#offer({
      input: { kind: "propose", id, data },
      bytes: data.length,
      deadlineMs,
      refused: (reason) => this.#waiting.proposals.dropped(id, reason),
    });
  }

  /**
   * `settle` is called once: the store may be read, and shows everything committed before this
   * call. The returned function takes the wish back, so that nobody is told.
   */
  readIndex(deadlineMs: number, settle: (outcome: ReadOutcome) => void): () => void {
    const reason = this.#isOver
      ? "closing"
      : this.#waiting.readers.size >= this.#parts.limits.clientInputsMax
      ? "overloaded"
      : undefined;
    if (reason !== undefined) {
      settle({ kind: "failed", reason });
      return () => {};
    }
    const takeBack = this.#waiting.readers.add(deadlineMs, settle);
    this.#schedule();
    return takeBack;
  }

  /** From what this node has applied; undefined while the store is not whole, and at the end. */
  readNow(query: Query): Answer | undefined {
    if (!this.#isReadable()) return undefined;
    try {
      return this.#store.read(query);
    } catch (error) {
      // A damaged row: without an end to it, the node would go on to answer from the others.
      if (error instanceof FatalStorageError) this.#fail(error);
      throw error;
    }
  }

  changeConfiguration(
    change: ConfigurationChange,
    expected: LogPosition,
    deadlineMs: number,
    settle: (outcome: ConfigurationOutcome) => void,
  ): void {
    const id = ++this.#lastId;
    this.#waiting.changes.add(id, deadlineMs, settle);
    this.#offer({
      input: { kind: "changeConfiguration", id, expected, change },
      bytes: 0,
      deadlineMs,
      refused: (reason) => this.#waiting.changes.dropped(id, reason),
    });
  }

  transferLeadership(
    target: NodeId | undefined,
    deadlineMs: number,
    settle: (outcome: TransferOutcome) => void,
  ): void {
    const id = ++this.#lastId;
    this.#waiting.transfers.add(id, settle);
    this.#offer({
      input: { kind: "transferLeadership", id, ...(target !== undefined && { target }) },
      bytes: 0,
      deadlineMs,
      refused: (reason) => this.#waiting.transfers.failed(id, reason),
    });
  }

  #offer(client: ClientInput): void {
    if (this.#isOver) return client.refused("closing");
    if (!this.#inbox.offer(client)) return client.refused("overloaded");
    this.#schedule();
  }

  status(): NodeStatus {
    return Object.assign(this.#core.status(), {
      replayed: this.#parts.machine.applied().position.index >= this.#replayTo,
      storeIsWhole: this.#store.isWhole,
      stalenessMs: this.stalenessMs(),
      pendingProposals: this.#waiting.proposals.size,
      receivedDropped: this.#inbox.receivedDropped,
    });
  }

  /** Cluster time now; undefined where this node does not lead. */
  clusterTimeMs(): number | undefined {
    return this.#core.clusterTimeMs(this.#parts.clock.monotonicMs());
  }

  /** What a store must have applied to be read under a lease now; undefined: there is no lease. */
  leaseIndex(nowMs: number): Index | undefined {
    return this.#core.leaseIndex(nowMs);
  }

  /** How far behind the leader a local read may be; Infinity when unknown. */
  stalenessMs(): number {
    return this.#staleness.ms(this.#parts.clock.monotonicMs());
  }

  /** The log is compacted soon; false where it never is. */
  requestCompaction(): boolean {
    return this.#snapshots.requestCompaction();
  }

  onLeadership(handler: (leadership: Leadership) => void): () => void {
    return this.#onLeadership.add(handler);
  }

  /** Called after each page that the store has applied. */
  onApplied(handler: () => void): () => void {
    return this.#onApplied.add(handler);
  }

  receive(envelope: Envelope): void {
    this.#inbox.receive(envelope);
    this.#schedule();
  }

  // ---- The turn ----

  /** Acts until nothing is left to do, or to apply in one turn. Public for the simulator. */
  turn(): void {
    this.#turnScheduled = false;
    if (this.#state !== "running") return;
    try {
      const nowMs = this.#parts.clock.monotonicMs();
      this.#staleness.turn(nowMs);
      this.#store.beginTurn();
      this.#stepControl(nowMs);
      this.#stepClients(nowMs);
      for (let ready = this.#ready(); ready !== undefined; ready = this.#ready()) {
        this.#act(ready, nowMs);
        if (this.#isOver) return;
        this.#stepCompletions(nowMs);
      }
      this.#noteRecovered();
    } catch (error) {
      this.#fail(error);
    }
    if (!this.#inbox.isEmpty || this.#store.turnBytesLeft === 0) this.#schedule();
  }

  #schedule(): void {
    if (this.#turnScheduled || this.#state !== "running") return;
    this.#turnScheduled = true;
    this.#parts.clock.soon(() => this.turn());
  }

  #complete(input: Input): void {
    this.#inbox.complete(input);
    this.#schedule();
  }

  #ready(): Ready | undefined {
    const applyBytesMax = this.#store.turnBytesLeft;
    return this.#core.ready({ write: this.#writes.hasRoom, applyBytesMax });
  }

  /** Received envelopes come before the tick: after a stall, what the leader said counts first. */
  #stepControl(nowMs: number): void {
    this.#stepCompletions(nowMs);
    for (let next = this.#inbox.takeReceived(); next; next = this.#inbox.takeReceived()) {
      this.#core.step({ kind: "receive", envelope: next }, nowMs);
    }
    if (!this.#inbox.takeTick()) return;
    this.#core.step({ kind: "tick" }, nowMs);
    this.#waiting.expire(nowMs);
    if (this.#store.retry(nowMs)) this.#afterApply(nowMs);
    // Until there is room on this disk, another node's store answers better.
    if (!this.#store.isWhole) this.#waiting.readers.refuse("diskFull");
    this.#snapshots.tick(this.#core.status(), this.#store.isWhole);
  }

  #stepCompletions(nowMs: number): void {
    for (let next = this.#inbox.takeCompletion(); next; next = this.#inbox.takeCompletion()) {
      this.#core.step(next, nowMs);
    }
  }

  #stepClients(nowMs: number): void {
    const { turnInputsMax, turnBytesMax } = this.#parts.limits;
    let bytes = 0;
    for (let taken = 0; taken < turnInputsMax && bytes < turnBytesMax; taken++) {
      const client = this.#inbox.takeClient();
      if (client === undefined) break;
      bytes += client.bytes;
      if (client.deadlineMs <= nowMs) client.refused("expiredInQueue");
      else this.#core.step(client.input, nowMs);
    }
    const id = this.#waiting.readers.take();
    if (id !== undefined) this.#core.step({ kind: "readIndex", id, level: "quorum" }, nowMs);
  }

  #act(ready: Ready, nowMs: number): void {
    for (const outcome of ready.outcomes) this.#waiting.tell(outcome);
    if (ready.outcomes.length > 0) this.#tellReaders();
    for (const envelope of ready.send) this.#parts.transport.send(envelope);
    // From then on the log does not hold any more what the store would go on with.
    if (ready.write?.snapshot !== undefined) this.#store.suspend();
    if (ready.write !== undefined) this.#writes.persist(ready.write, ready.send);
    // A write that failed has ended this node, and what it has on disk is the next one's.
    if (this.#isOver) return;
    if (ready.committed.length > 0 && this.#store.apply(ready.committed, nowMs)) {
      this.#afterApply(nowMs);
    }
    this.#snapshots.act(ready);
    if (ready.adopt !== undefined) this.#adopt(ready.adopt, nowMs);
    if (ready.heard !== undefined) {
      this.#staleness.heard(ready.heard);
      if (this.#store.isWhole) this.#staleness.applied(this.#store.reached);
    }
    if (ready.leadership !== undefined) this.#changeLeadership(ready.leadership);
    if (ready.loss !== undefined) {
      this.#halt();
      this.#parts.onLost(ready.loss);
    }
  }

  /** The store becomes the image that waits beside it, before anything else is applied or read. */
  #adopt(position: LogPosition, nowMs: number): void {
    this.#store.adopt(position);
    this.#snapshots.adopted();
    this.#parts.onAdopted(this.#store.reached);
    this.#afterApply(nowMs);
  }

  #afterApply(nowMs: number): void {
    if (!this.#store.isWhole) return;
    const position = this.#store.reached;
    this.#core.step({ kind: "applied", position }, nowMs);
    this.#waiting.applied(position, () => this.#core.status().configuration);
    this.#staleness.applied(position);
    this.#snapshots.applied(position);
    this.#tellReaders();
    this.#onApplied.tell();
  }

  #tellReaders(): void {
    if (this.#isReadable()) this.#waiting.readers.applied(this.#store.reached.index);
  }

  /** Once what was committed at the start is replayed, and while nothing of it is missing again. */
  #isReadable(): boolean {
    return !this.#isOver && this.#store.isWhole && this.#store.reached.index >= this.#replayTo;
  }

  #changeLeadership(leadership: Leadership): void {
    if (this.#leads && leadership.role !== "leader") {
      // Who leaves has committed that it does, and all before; a disk that hangs may never apply.
      const removed = leadership.reason === "removed";
      this.#waiting.leadershipLost(removed ? this.#core.status().commitIndex : 0);
    }
    this.#leads = leadership.role === "leader";
    if (leadership.leader !== undefined) {
      this.#waiting.readers.leaderKnown();
      if (this.#waiting.readers.hasArrived) this.#schedule();
    }
    this.#onLeadership.tell(leadership);
  }

  #noteRecovered(): void {
    if (!this.#recovering || this.#core.status().recovering) return;
    this.#recovering = false;
    this.#parts.onRecovered();
  }

  /** The process is to end; until it does, this node does nothing more. */
  #fail(error: unknown): void {
    this.#halt();
    this.#parts.onFatal(error);
  }

  #halt(): void {
    if (!this.#isOver) this.#state = "halted";
    this.#stopTicks?.();
  }

  get #isOver(): boolean {
    return this.#state === "halted" || this.#state === "closed";
  }
}
