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
import type { Leadership, LogWrite, Loss, Outcome } from "../../src/raft/ready.ts";
import type { RaftStatus } from "../../src/raft/status.ts";
import {
  type Entry,
  type LogPosition,
  type NodeId,
  originPosition,
  type RaftOptions,
} from "../../src/raft/types.ts";
import type { RaftDisk } from "./raft_disk.ts";

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
  snapshotInflightBytesMax: 1024 * 1024,
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
