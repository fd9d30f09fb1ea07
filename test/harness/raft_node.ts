/**
 * One core with its surroundings: a disk, a store that applies when it is told, and the pump that
 * does what `Ready` says, in the order in which a node does it.
 */

import { assertDefined } from "../../src/lib/assert.ts";
import { RaftCore } from "../../src/raft/core.ts";
import type { Input } from "../../src/raft/input.ts";
import { checkStatus, checkStep } from "../../src/raft/invariants.ts";
import type { Envelope } from "../../src/raft/message.ts";
import type { Rng } from "../../src/raft/ports.ts";
import type { Leadership, LogWrite, Loss, Outcome, Ready } from "../../src/raft/ready.ts";
import type { RaftStatus } from "../../src/raft/status.ts";
import {
  type Entry,
  type Index,
  type LogPosition,
  type NodeId,
  originPosition,
  type RaftOptions,
  type SnapshotMeta,
} from "../../src/raft/types.ts";
import type { InstallSnapshot } from "../../src/raft/message.ts";
import type { RaftDisk } from "./raft_disk.ts";
import { imageAt, isComplete, type RaftStage } from "./raft_stage.ts";

export const raftOptions: RaftOptions = {
  heartbeatIntervalMs: 100,
  electionTimeoutMinMs: 1000,
  electionTimeoutMaxMs: 2000,
  entryBytesMax: 1024 * 1024,
  appendBytesMax: 1024 * 1024,
  inflightMessagesMax: 16,
  inflightBytesMax: 16 * 1024 * 1024,
  uncommittedBytesMax: 16 * 1024 * 1024,
  logCacheBytesMax: 1024 * 1024,
  readsPendingMax: 64,
};

/** What a test may want to see of a core while it works. */
export interface RaftObserver {
  sent(envelope: Envelope): void;
  /** A write was handed to the disk. */
  began(node: RaftNode, write: LogWrite): void;
  finished(node: RaftNode, write: LogWrite): void;
  applied(node: RaftNode, entries: readonly Entry[]): void;
  outcome(node: RaftNode, outcome: Outcome): void;
  leadership(node: RaftNode, leadership: Leadership): void;
  /** The store became the image. */
  adopted(node: RaftNode, position: LogPosition): void;
  /** The process marks what has to be remembered, and ends. */
  lost(node: RaftNode, loss: Loss): void;
  /** After every input; the reports are those of one and the same process. */
  stepped(node: RaftNode, before: RaftStatus, after: RaftStatus): void;
}

export interface RaftNodeOptions {
  readonly id: NodeId;
  readonly disk: RaftDisk;
  readonly rng: Rng;
  readonly options: RaftOptions;
  readonly writesInflightMax: number;
  readonly observer: RaftObserver;
}

/** A process that can crash and start again; what outlives it stands here. */
export class RaftNode {
  readonly id: NodeId;
  disk: RaftDisk;
  readonly #rng: Rng;
  readonly #options: RaftOptions;
  readonly #writesInflightMax: number;
  readonly #observer: RaftObserver;
  #core: RaftCore | undefined;
  #status: RaftStatus | undefined;
  /** Handed out by the core and not applied yet. */
  readonly toApply: Entry[] = [];
  /** What the store holds. */
  applied: LogPosition = originPosition;
  /** Outlives the process. */
  stage: RaftStage | undefined;
  /** A whole image is taken for whole at once. */
  stageIsAutomatic = true;
  /** Writes become durable, and entries applied, at once. */
  diskIsAutomatic = true;
  storeIsAutomatic = true;
  logEpoch = 0;
  recovering = false;
  starts = 0;
  /** Bytes of a page to apply. */
  applyBytesMax = 1024 * 1024;

  constructor({ id, disk, rng, options, writesInflightMax, observer }: RaftNodeOptions) {
    this.id = id;
    this.disk = disk;
    this.#rng = rng;
    this.#options = options;
    this.#writesInflightMax = writesInflightMax;
    this.#observer = observer;
  }

  get isRunning(): boolean {
    return this.#core !== undefined;
  }

  get core(): RaftCore {
    return assertDefined(this.#core, `Node ${this.id} is running`);
  }

  get status(): RaftStatus {
    return this.core.status();
  }

  start(nowMs: number): void {
    this.#adoptAtStart();
    const { disk, id, logEpoch, recovering, applied } = this;
    this.#core = new RaftCore({
      options: this.#options,
      restored: {
        identity: { nodeId: id, incarnation: incarnationOf(id), logEpoch, nonce: ++this.starts },
        hardState: disk.hardState,
        boundary: disk.boundary,
        configurations: disk.configurations,
        batchNumber: disk.batchNumber,
        applied,
        recovering,
      },
      log: disk,
      rng: this.#rng,
      nowMs,
    });
    this.#status = this.#core.status();
    this.#pump(nowMs);
  }

  /** Everything in memory is gone; of the writes under way the oldest `kept` had become durable. */
  crash(kept = 0): void {
    this.#core = undefined;
    this.disk.crash(kept);
    this.toApply.length = 0;
  }

  step(input: Input, nowMs: number): void {
    this.core.step(input, nowMs);
    this.#pump(nowMs);
  }

  /** The oldest write becomes durable, and the core hears of it. */
  persistOldest(nowMs: number): void {
    const write = this.disk.finishOldest();
    this.#observer.finished(this, write);
    this.step({ kind: "persisted", number: write.number }, nowMs);
  }

  /** The store applies at most `count` of what it was handed. */
  apply(nowMs: number, count = Infinity): void {
    const entries = this.toApply.splice(0, count);
    const last = entries.at(-1);
    if (last === undefined) return;
    this.applied = { index: last.index, term: last.term };
    this.#observer.applied(this, entries);
    this.step({ kind: "applied", position: this.applied }, nowMs);
  }

  // ---- Compaction and images ----

  /** The store is durable up to `index`: the log may begin behind it. */
  compact(index: Index, nowMs: number): void {
    this.step({ kind: "compact", to: index }, nowMs);
  }

  /** The image of the store as it is. */
  image(): SnapshotMeta {
    return imageAt(this.disk, this.applied);
  }

  /** The node has looked at the whole image. */
  finishStage(nowMs: number): void {
    if (this.stage === undefined || !isComplete(this.stage)) return;
    this.step({ kind: "snapshotStaged", meta: this.stage.meta }, nowMs);
  }

  /** A crash came between the decision and the exchange of the store (node/recovery.ts). */
  #adoptAtStart(): void {
    const { position } = this.disk.boundary;
    const { stage } = this;
    const isWaiting = stage !== undefined && isComplete(stage) &&
      stage.meta.position.index === position.index;
    if (this.applied.index < position.index && isWaiting) this.#becomeImage(position);
  }

  #becomeImage(position: LogPosition): void {
    this.applied = position;
    this.stage = undefined;
    this.toApply.length = 0;
    this.#observer.adopted(this, position);
  }

  #receiveChunk(peer: NodeId, chunk: InstallSnapshot, nowMs: number): void {
    const { position } = chunk.meta;
    const held = this.stage?.meta.position;
    if (held?.index !== position.index || held.term !== position.term) {
      this.stage = { meta: chunk.meta, chunks: 0 };
    }
    const stage = assertDefined(this.stage, "A stage is open");
    if (chunk.offset === stage.chunks) stage.chunks++;
    const stored = { peer, position, nextOffset: stage.chunks };
    this.core.step({ kind: "snapshotChunkStored", ...stored }, nowMs);
    if (!this.stageIsAutomatic || !isComplete(stage)) return;
    this.core.step({ kind: "snapshotStaged", meta: stage.meta }, nowMs);
  }

  #doSnapshots(ready: Ready, nowMs: number): void {
    for (const { from, chunk } of ready.snapshotChunks) this.#receiveChunk(from, chunk, nowMs);
    for (const { peer, reply: { refused, position } } of ready.snapshotReplies) {
      if (refused !== "notNeeded") continue;
      this.core.step({ kind: "snapshotInstalled", peer, position }, nowMs);
    }
    if (ready.stageDropped !== undefined) this.stage = undefined;
    if (ready.adopt === undefined) return;
    const staged = this.stage?.meta.position.index;
    if (staged !== ready.adopt.index) {
      throw new RaftInvariantError(`Node ${this.id} adopts ${ready.adopt.index}, has ${staged}`);
    }
    this.#becomeImage(ready.adopt);
    this.core.step({ kind: "applied", position: ready.adopt }, nowMs);
  }

  #pump(nowMs: number): void {
    for (;;) {
      const write = this.disk.underWay.length < this.#writesInflightMax;
      const ready = this.core.ready({ write, applyBytesMax: this.applyBytesMax });
      if (ready?.leadership !== undefined) this.#observer.leadership(this, ready.leadership);
      this.#check();
      if (ready === undefined) break;
      for (const outcome of ready.outcomes) this.#observer.outcome(this, outcome);
      if (ready.loss !== undefined) return this.#end(ready.loss);
      for (const envelope of ready.send) this.#observer.sent(envelope);
      if (ready.write !== undefined) {
        this.disk.begin(ready.write);
        this.#observer.began(this, ready.write);
      }
      this.toApply.push(...ready.committed);
      this.#doSnapshots(ready, nowMs);
    }
    if (this.diskIsAutomatic && this.disk.underWay.length > 0) this.persistOldest(nowMs);
    if (this.storeIsAutomatic && this.toApply.length > 0) this.apply(nowMs);
  }

  #end(loss: Loss): void {
    this.logEpoch = loss.logEpoch;
    this.recovering = true;
    this.#observer.lost(this, loss);
    this.crash();
  }

  #check(): void {
    const before = assertDefined(this.#status, `Node ${this.id} is running`);
    const after = this.core.status();
    this.#status = after;
    for (const broken of [...checkStatus(this.id, after), ...checkStep(before, after)]) {
      throw new RaftInvariantError(`Node ${this.id}: ${broken}`);
    }
    this.#observer.stepped(this, before, after);
  }
}

/** A core, or several of them together, broke a rule of Raft. */
export class RaftInvariantError extends Error {
  override readonly name = "RaftInvariantError";
}

export function incarnationOf(id: NodeId): string {
  return id.toString(16).padStart(16, "0");
}
