/**
 * The disk of a simulated node: a StorageEngine and an IdentityStore over one device that takes
 * time, stands still, runs full, breaks, and in a crash loses what it had not synced, all but a
 * prefix drawn at random. What is durable outlives the process; open it again for the next one.
 */

import type { Prng } from "../../src/lib/prng.ts";
import {
  type Clock,
  FatalStorageError,
  type Identity,
  type IdentityStore,
  type StorageEngine,
} from "../../src/node/ports.ts";
import { formatWrite } from "../../src/raft/format.ts";
import type { LogWrite } from "../../src/raft/ready.ts";
import type { HardState, Index } from "../../src/raft/types.ts";
import { MemoryDisk, MemoryEngine } from "../../src/storage/memory/memory_engine.ts";
import type { SimProcess } from "./sim_process.ts";
import type { SimScheduler } from "./sim_scheduler.ts";

export interface SimDiskOptions {
  /** A write takes between these, drawn evenly. */
  readonly latencyMinUs: number;
  readonly latencyMaxUs: number;
}

interface Opened {
  readonly process: SimProcess;
  readonly clock: Clock;
  /** What the program does when its storage breaks: it ends. */
  readonly onFatal: (error: FatalStorageError) => void;
}

/** One device does one thing after the other: a job takes its time and then happens at once. */
interface Job {
  /** False: not possible now, try again. */
  readonly finish: () => boolean;
  /** A crash came while it was under way, and it had reached the platter all the same. */
  readonly survive: () => void;
}

/** How often a write that found the disk full is tried again by the device's queue. */
const retryUs = 50_000;

/** Something that became durable. */
type Change =
  | { readonly kind: "write"; readonly write: LogWrite }
  | { readonly kind: "discard"; readonly from: Index; readonly hardState: HardState };

/** What stood on a disk at some time: a copy of a directory. */
export interface SimDiskImage {
  readonly changes: readonly Change[];
  readonly identity: Identity | undefined;
}

export class SimDisk {
  #log = new MemoryDisk({ durable: "onFlush" });
  /** Everything that made the log what it is. */
  #changes: Change[] = [];
  readonly #scheduler: SimScheduler;
  readonly #prng: Prng;
  /** How long writes take from now on. */
  options: SimDiskOptions;
  /** Called when a write to the log has become durable, before the node hears of it. */
  onDurable: (write: LogWrite) => void = () => {};
  #identity: Identity | undefined;
  #jobs: Job[] = [];
  #stalledUntilUs = 0;
  #busy = false;
  #isBroken = false;
  #failsNextWrite = false;
  #onFatal: (error: FatalStorageError) => void = () => {};
  /** Raised by every crash: what was under way before belongs to a process that is gone. */
  #generation = 0;

  constructor(
    parts: { readonly scheduler: SimScheduler; readonly prng: Prng },
    options: SimDiskOptions,
  ) {
    this.#scheduler = parts.scheduler;
    this.#prng = parts.prng;
    this.options = options;
  }

  /** Damage, a lost log and free space are set here. */
  get log(): MemoryDisk {
    return this.#log;
  }

  /** Opens it for a process. Call `crash` when that process has died, before the next one opens. */
  open(opened: Opened): { readonly storage: StorageEngine; readonly identity: IdentityStore } {
    this.#onFatal = opened.onFatal;
    return { storage: this.#openStorage(opened), identity: this.#openIdentity(opened.process) };
  }

  /** It is as good as new: nothing stands still, is full or fails any more. */
  heal(): void {
    this.#stalledUntilUs = 0;
    this.#isBroken = false;
    this.#failsNextWrite = false;
    this.log.freeBytes = Infinity;
  }

  /** Nothing is finished for so long; then the device goes on where it was. */
  stall(forUs: number): void {
    this.#stalledUntilUs = Math.max(this.#stalledUntilUs, this.#scheduler.nowUs + forUs);
    this.#scheduler.trace(`disk stalls for ${forUs}`);
  }

  /** The write under way, or the next one, fails, and with it every later one of this process. */
  breakDown(): void {
    this.#isBroken = true;
  }

  /**
   * The next write to the log fails where it is called, as an engine does that waits for its fsync.
   * It may have become durable all the same, and nothing is written after it.
   */
  failNextWrite(): void {
    this.#failsNextWrite = true;
  }

  /** Writes that are under way: handed in, and not durable. */
  get underWay(): number {
    return this.#jobs.length;
  }

  /**
   * The power goes, or the process dies with writes under way: the oldest of them, a number drawn
   * at random, had become durable though nobody was told; the others are gone.
   */
  crash(): void {
    const kept = this.#prng.below(this.#jobs.length + 1);
    this.#scheduler.trace(`disk keeps ${kept} of ${this.#jobs.length} writes`);
    for (const job of this.#jobs.splice(0, kept)) job.survive();
    this.#jobs = [];
    this.log.crash();
    this.#generation++;
    this.#busy = false;
    this.#isBroken = false;
    this.#failsNextWrite = false;
  }

  /** Somebody emptied the directory. */
  wipe(): void {
    this.restore({ changes: [], identity: undefined });
  }

  /** Copies what is durable. */
  image(): SimDiskImage {
    return { changes: [...this.#changes], identity: this.#identity };
  }

  /** Puts a copy of this or another disk in the place of what is there. */
  restore({ changes, identity }: SimDiskImage): void {
    this.#log = replayed(changes);
    this.#changes = [...changes];
    this.#identity = identity;
  }

  /** identity.json as a tool sees it while the node is down. */
  identityFile(): IdentityStore {
    return {
      load: () => this.#identity,
      save: (identity, done) => {
        this.#identity = identity;
        done();
      },
    };
  }

  /** Puts back the log of a copy alone: the mark and the identity know that there was more. */
  regress({ changes }: SimDiskImage): void {
    this.#log.takeLogOf(replayed(changes));
    this.#changes = [...changes];
  }

  #openStorage({ process, clock }: Opened): StorageEngine {
    const engine = new MemoryEngine(this.log, clock);
    return {
      // The model is an honest disk: `done` is called only behind what a crash cannot take back.
      writesAreDurable: true,
      log: engine.log,
      stored: () => engine.stored(),
      discard: (from, hardState) => {
        engine.discard(from, hardState);
        this.#changes.push({ kind: "discard", from, hardState });
      },
      space: () => engine.space(),
      close: () => engine.close(),
      persist: (write, done) => {
        if (this.#failsNextWrite) this.#fail(engine, write);
        engine.persist(write, () => process.run(done));
        this.#enqueue({
          finish: () => {
            // A full disk has not taken the write yet; the engine tries again by itself.
            if (this.log.unflushedCount === 0) return false;
            this.#flush(write);
            const text = `${process.name} persisted ${write.number}`;
            this.#scheduler.trace(text, () => `${process.name} has on disk ${formatWrite(write)}`);
            return true;
          },
          survive: () => this.#flush(write),
        });
      },
    };
  }

  #fail(engine: MemoryEngine, write: LogWrite): never {
    this.#scheduler.trace("disk fails a write");
    if (this.#jobs.length === 0 && this.#prng.chance(1, 2)) {
      engine.persist(write, () => {});
      this.#flush(write);
    }
    throw new FatalStorageError("Cannot sync the log: EIO");
  }

  #flush(write: LogWrite): void {
    if (this.log.unflushedCount === 0) return;
    this.#changes.push({ kind: "write", write });
    this.log.flush(1);
    this.onDurable(write);
  }

  #openIdentity(process: SimProcess): IdentityStore {
    return {
      load: () => this.#identity,
      save: (identity, done) => {
        const write = (): boolean => {
          this.#identity = identity;
          return true;
        };
        this.#enqueue({
          survive: write,
          finish: () => {
            write();
            process.run(done);
            return true;
          },
        });
      },
    };
  }

  #enqueue(job: Job): void {
    this.#jobs.push(job);
    if (!this.#busy) this.#work();
  }

  #work(): void {
    this.#busy = true;
    const { latencyMinUs, latencyMaxUs } = this.options;
    const latencyUs = latencyMinUs + this.#prng.below(latencyMaxUs - latencyMinUs + 1);
    this.#wait(latencyUs);
  }

  #wait(delayUs: number): void {
    const generation = this.#generation;
    this.#scheduler.after(delayUs, () => {
      if (generation === this.#generation) this.#finishOldest();
    });
  }

  #finishOldest(): void {
    const stalledUs = this.#stalledUntilUs - this.#scheduler.nowUs;
    if (stalledUs > 0) return this.#wait(stalledUs);
    if (this.#isBroken) {
      this.#scheduler.trace("disk breaks");
      return this.#onFatal(new FatalStorageError("Cannot sync the log: EIO"));
    }
    // Taken out first: whoever hears of its end may crash the disk.
    const job = this.#jobs.shift();
    if (job !== undefined && !job.finish()) {
      this.#jobs.unshift(job);
      return this.#wait(retryUs);
    }
    this.#busy = false;
    if (this.#jobs.length > 0) this.#work();
  }
}

function replayed(changes: readonly Change[]): MemoryDisk {
  const disk = new MemoryDisk({ durable: "onFlush" });
  for (const change of changes) {
    if (change.kind === "discard") disk.discard(change.from, change.hardState);
    else disk.write(change.write, () => {});
    disk.flush();
  }
  return disk;
}
