/**
 * What every durable engine does alike, whatever its log is written to: it judges each write before
 * the disk sees it, tries again while the disk is full, keeps raft.mark beside the log, and answers
 * what is asked of the log. How a write becomes durable, is read and is rebuilt, the engine knows.
 */

import { join } from "node:path";
import { assert } from "../lib/assert.ts";
import type { Clock, FatalStorageError, StoredLog } from "../node/ports.ts";
import type { LogReader } from "../raft/ports.ts";
import type { LogWrite } from "../raft/ready.ts";
import type { Entry, HardState, Index } from "../raft/types.ts";
import type { Files } from "./directory/files.ts";
import { type Mark, MarkFile, raftMarkName } from "./directory/mark_file.ts";
import { LogOutline } from "./log_outline.ts";
import { WriteRetry } from "./write_retry.ts";

/** Entries that are asked for, both ends included. */
export interface PageRange {
  readonly from: Index;
  readonly to: Index;
  readonly bytesMax: number;
}

/** What the log is written to. All throw FatalStorageError when they fail. */
export interface LogMedium {
  /** Makes one write durable. False: the disk is full and nothing of the write is left behind. */
  readonly commit: (write: LogWrite) => boolean;
  /** A write is durable and in the outline: time for what follows from it. */
  readonly committed: (write: LogWrite) => void;
  /** At least the first entry of the range, which the log holds. */
  readonly page: (range: PageRange) => readonly Entry[];
}

/** Where the mark stands, and what the log is made with. */
export interface MarkedLogOptions {
  readonly files: Files;
  readonly directory: string;
  readonly clock: Pick<Clock, "every">;
  readonly onFatal: (error: FatalStorageError) => void;
  readonly medium: LogMedium;
}

type Damage = Pick<StoredLog, "firstBad" | "badMeta">;

/** One log, its mark and the writes that wait for room. */
export class MarkedLog {
  readonly reader: LogReader;
  readonly #medium: LogMedium;
  readonly #mark: MarkFile;
  readonly #retry: WriteRetry;
  #outline = new LogOutline();
  #damage: Damage = { badMeta: false };
  #markAtStart: Mark | undefined;

  /** Throws FatalStorageError when the mark cannot be read. */
  constructor({ files, directory, clock, onFatal, medium }: MarkedLogOptions) {
    this.#medium = medium;
    this.#mark = new MarkFile(files, join(directory, raftMarkName));
    this.#markAtStart = this.#mark.read();
    this.#retry = new WriteRetry({ commit: (write) => this.#commit(write), clock, onFatal });
    this.reader = {
      firstIndex: () => this.#outline.firstIndex,
      lastIndex: () => this.#outline.lastIndex,
      term: (index) => this.#outline.term(index),
      entries: (range) => this.#entries(range),
    };
  }

  get outline(): LogOutline {
    return this.#outline;
  }

  /** Takes over what was found on the disk, at the start and after it was rebuilt. */
  found(outline: LogOutline, { firstBad, badMeta }: Damage): void {
    this.#outline = outline;
    this.#damage = firstBad === undefined ? { badMeta } : { firstBad, badMeta };
  }

  stored(): StoredLog {
    const { hardState, boundary, configurations, batchNumber } = this.#outline;
    const mark = this.#markAtStart && { mark: this.#markAtStart };
    return { hardState, boundary, configurations, batchNumber, ...mark, ...this.#damage };
  }

  /** Throws FatalStorageError, also for every write after one that failed. */
  persist(write: LogWrite, done: () => void): void {
    assert(!this.#isDamaged(), "A damaged log is written before it was discarded");
    this.#retry.persist(write, done);
  }

  /** What the log has to be rebuilt to. */
  outlineWithout(from: Index, hardState: HardState): LogOutline {
    assert(from <= (this.#damage.firstBad ?? Infinity), `Discard from ${from} keeps damage`);
    return this.#outline.discarded(from, hardState);
  }

  /** The log is rebuilt: from here on it is not behind its mark. */
  resetMark(): void {
    assert(!this.#isDamaged(), "A rebuilt log is intact");
    const { batchNumber, hardState } = this.#outline;
    this.#mark.reset({ batchNumber, currentTerm: hardState.currentTerm });
    this.#markAtStart = this.#mark.read();
  }

  /** Forgets the writes that wait for room. */
  close(): void {
    this.#retry.close();
    this.#mark.close();
  }

  #isDamaged(): boolean {
    return this.#damage.badMeta || this.#damage.firstBad !== undefined;
  }

  #commit(write: LogWrite): boolean {
    this.#outline.check(write);
    if (!this.#medium.commit(write)) return false;
    this.#outline.advance(write);
    const { currentTerm } = this.#outline.hardState;
    this.#mark.write({ batchNumber: write.number, currentTerm });
    this.#medium.committed(write);
    return true;
  }

  #entries(range: PageRange): readonly Entry[] | undefined {
    if (range.from < this.#outline.firstIndex) return undefined;
    const to = Math.min(range.to, this.#outline.lastIndex);
    return range.from > to ? [] : this.#medium.page({ ...range, to });
  }
}
