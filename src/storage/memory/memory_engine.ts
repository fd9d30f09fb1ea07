/**
 * The StorageEngine in memory, for tests, simulations and nodes that may forget. What survives the
 * "process" is a {@link MemoryDisk}: engines are opened on it one after the other, and it models a
 * crash, a full disk and damage.
 */

import { assert, assertDefined } from "../../lib/assert.ts";
import type { Clock, StorageEngine, StoredLog } from "../../node/ports.ts";
import type { LogReader } from "../../raft/ports.ts";
import type { LogWrite } from "../../raft/ready.ts";
import type { Entry, HardState, Index } from "../../raft/types.ts";
import { LogOutline } from "../log_outline.ts";
import { WriteRetry } from "../write_retry.ts";

/** When what is written to the disk survives a crash. */
export interface MemoryDiskOptions {
  /**
   * "atOnce": `persist` calls `done` before it returns. "onFlush": writes wait for
   * {@link MemoryDisk.flush}, and a crash may lose them.
   */
  readonly durable: "atOnce" | "onFlush";
}

interface Unflushed {
  readonly write: LogWrite;
  readonly done: () => void;
}

/** What a crash leaves. */
export class MemoryDisk {
  readonly #options: MemoryDiskOptions;
  #outline = new LogOutline();
  readonly #entries = new Map<Index, Entry>();
  #mark: StoredLog["mark"];
  #unflushed: Unflushed[] = [];
  #firstDamaged = Infinity;
  /** Free bytes; entries' data counts against it. */
  freeBytes = Infinity;

  constructor(options: MemoryDiskOptions = { durable: "atOnce" }) {
    this.#options = options;
  }

  get outline(): LogOutline {
    return this.#outline;
  }

  /** Writes that were handed in and are not durable yet. */
  get unflushedCount(): number {
    return this.#unflushed.length;
  }

  /** Makes the oldest waiting writes durable and calls their `done`. */
  flush(count = Infinity): void {
    for (const { write, done } of this.#unflushed.splice(0, count)) {
      this.#apply(write);
      done();
    }
  }

  /**
   * The process dies. The oldest `kept` of the waiting writes had become durable, though nobody was
   * told: a disk keeps a prefix of what it was given.
   */
  crash(kept = 0): void {
    for (const { write } of this.#unflushed.splice(0, kept)) this.#apply(write);
    this.#unflushed = [];
  }

  /** Damages what stands of an entry, as a turned bit would. */
  damage(index: Index): void {
    this.#firstDamaged = Math.min(this.#firstDamaged, index);
  }

  /** Loses everything but the mark, as a disk that was swapped under a running system. */
  loseLog(): void {
    this.#outline = new LogOutline();
    this.#entries.clear();
  }

  /** The mark is missing, as when somebody deleted the file. */
  loseMark(): void {
    this.#mark = undefined;
  }

  /** Has the log of another disk from now on; the mark stays, as when raft.db is put back alone. */
  takeLogOf(other: MemoryDisk): void {
    this.#outline = other.#outline;
    this.#firstDamaged = Infinity;
    this.#entries.clear();
    for (const [index, entry] of other.#entries) this.#entries.set(index, entry);
  }

  stored(): StoredLog {
    const { hardState, boundary, configurations, batchNumber, lastIndex } = this.#outline;
    const mark = this.#mark && { mark: this.#mark };
    const firstBad = this.#firstDamaged <= lastIndex && { firstBad: this.#firstDamaged };
    return {
      ...{ hardState, boundary, batchNumber, badMeta: false, ...mark, ...firstBad },
      configurations: configurations.filter((each) => each.position.index < this.#firstDamaged),
    };
  }

  /** False when the disk is full. */
  write(write: LogWrite, done: () => void): boolean {
    let bytes = 0;
    for (const { data } of write.entries) bytes += data.length;
    if (bytes > this.freeBytes) return false;
    this.freeBytes -= bytes;
    this.#unflushed.push({ write, done });
    if (this.#options.durable === "atOnce") this.flush();
    return true;
  }

  discard(from: Index, hardState: HardState): void {
    assert(from <= this.#firstDamaged, `Discard from ${from} keeps damage`);
    this.#outline = this.#outline.discarded(from, hardState);
    this.#firstDamaged = Infinity;
    this.#dropOutside();
    const { currentTerm } = this.#outline.hardState;
    this.#mark = { batchNumber: this.#outline.batchNumber, currentTerm };
  }

  lastIndex(): Index {
    return Math.min(this.#outline.lastIndex, this.#firstDamaged - 1);
  }

  entry(index: Index): Entry {
    return assertDefined(this.#entries.get(index), `Entry ${index} is there`);
  }

  #apply(write: LogWrite): void {
    this.#outline.check(write);
    this.#outline.advance(write);
    const cut = write.truncateFrom ?? Infinity;
    if (write.snapshot !== undefined) this.#entries.clear();
    for (let index = cut; this.#entries.delete(index); index++);
    for (const entry of write.entries) this.#entries.set(entry.index, entry);
    if (write.compactTo !== undefined) this.#dropOutside();
    const { currentTerm } = this.#outline.hardState;
    this.#mark = { batchNumber: write.number, currentTerm };
  }

  #dropOutside(): void {
    const { firstIndex, lastIndex } = this.#outline;
    for (const index of this.#entries.keys()) {
      if (index < firstIndex || index > lastIndex) this.#entries.delete(index);
    }
  }
}

/** One "process" on a {@link MemoryDisk}: open the next one once this one is closed or crashed. */
export class MemoryEngine implements StorageEngine {
  readonly writesAreDurable = false;
  readonly log: LogReader;
  readonly #disk: MemoryDisk;
  readonly #retry: WriteRetry;
  readonly #waiting = new Map<LogWrite, () => void>();

  constructor(disk: MemoryDisk, clock: Pick<Clock, "every">) {
    this.#disk = disk;
    this.#retry = new WriteRetry({
      commit: (write) => this.#commit(write),
      clock,
      onFatal: (error) => {
        throw error;
      },
    });
    this.log = {
      firstIndex: () => disk.outline.firstIndex,
      lastIndex: () => disk.lastIndex(),
      term: (index) => index > disk.lastIndex() ? undefined : disk.outline.term(index),
      entries: (range) => this.#entries(range),
    };
  }

  stored(): StoredLog {
    return this.#disk.stored();
  }

  persist(write: LogWrite, done: () => void): void {
    const { firstBad, badMeta } = this.stored();
    assert(firstBad === undefined && !badMeta, "A damaged log is written before it was discarded");
    this.#waiting.set(write, done);
    this.#retry.persist(write, () => {});
  }

  discard(from: Index, hardState: HardState): void {
    this.#disk.discard(from, hardState);
  }

  space(): { readonly freeBytes: number } {
    return { freeBytes: this.#disk.freeBytes };
  }

  close(): void {
    this.#retry.close();
    this.#waiting.clear();
  }

  /** Taken by the disk is not yet durable: the disk calls when it is. */
  #commit(write: LogWrite): boolean {
    return this.#disk.write(write, () => {
      const done = this.#waiting.get(write);
      this.#waiting.delete(write);
      done?.();
    });
  }

  #entries(
    range: { readonly from: Index; readonly to: Index; readonly bytesMax: number },
  ): readonly Entry[] | undefined {
    if (range.from < this.#disk.outline.firstIndex) return undefined;
    const to = Math.min(range.to, this.#disk.lastIndex());
    const entries: Entry[] = [];
    let bytes = 0;
    for (let index = range.from; index <= to; index++) {
      const entry = this.#disk.entry(index);
      bytes += entry.data.length;
      if (bytes > range.bytesMax && entries.length > 0) break;
      entries.push(entry);
    }
    return entries;
  }
}
