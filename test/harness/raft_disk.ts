/**
 * A disk for one Raft core: writes are under way until the test says that they are durable, and a
 * crash loses those that are not. It reads back only what is durable, and it refuses what no core
 * may ask of storage (a gap, a truncation at or below the commit index, a vote taken back).
 */

import { assertDefined } from "../../src/lib/assert.ts";
import { ConfigurationHistory } from "../../src/raft/configuration.ts";
import { decodeConfiguration, isIntact } from "../../src/raft/encoding.ts";
import type { LogReader } from "../../src/raft/ports.ts";
import type { LogWrite } from "../../src/raft/ready.ts";
import type {
  BatchNumber,
  Boundary,
  Configuration,
  Entry,
  HardState,
  Index,
  PositionedConfiguration,
  Term,
} from "../../src/raft/types.ts";
import { originPosition } from "../../src/raft/types.ts";

/** A core asked its storage for what no core may ask. */
export class RaftDiskError extends Error {
  override readonly name = "RaftDiskError";
}

export class RaftDisk implements LogReader {
  /** Entry `index` stands at `index - 1 - boundary.position.index`. */
  entriesHeld: Entry[];
  hardState: HardState;
  boundary: Boundary;
  batchNumber: BatchNumber;
  #configurations: ConfigurationHistory;
  readonly #underWay: LogWrite[] = [];
  #handedNumber: BatchNumber;

  constructor(first: Configuration, entries: readonly Entry[], hardState: HardState) {
    const base = { position: originPosition, configuration: first };
    this.boundary = { position: originPosition, timeMs: 0, configuration: base };
    this.#configurations = new ConfigurationHistory([base]);
    this.entriesHeld = [];
    for (const entry of entries) this.#append(entry);
    this.hardState = hardState;
    this.batchNumber = 1;
    this.#handedNumber = 1;
  }

  get configurations(): readonly PositionedConfiguration[] {
    const found: PositionedConfiguration[] = [];
    for (let at = this.lastIndex(); at >= 0;) {
      const positioned = this.#configurations.at(at);
      found.unshift(positioned);
      if (positioned.position.index <= this.boundary.position.index) break;
      at = positioned.position.index - 1;
    }
    return found;
  }

  /** Writes under way, oldest first. */
  get underWay(): readonly LogWrite[] {
    return this.#underWay;
  }

  begin(write: LogWrite): void {
    if (write.number !== this.#handedNumber + 1) {
      throw new RaftDiskError(`Write ${write.number} comes after ${this.#handedNumber}`);
    }
    this.#handedNumber = write.number;
    this.#underWay.push(write);
  }

  /** Makes the oldest write durable and returns it. */
  finishOldest(): LogWrite {
    const write = assertDefined(this.#underWay.shift(), "A write is under way");
    this.#apply(write);
    return write;
  }

  /** The process dies: writes under way are gone, but for the oldest `kept` of them. */
  crash(kept = 0): void {
    for (let left = Math.min(kept, this.#underWay.length); left > 0; left--) this.finishOldest();
    this.#underWay.length = 0;
    this.#handedNumber = this.batchNumber;
  }

  /** As it stands now, for a disk that was never compacted. */
  copy(): RaftDisk {
    return new RaftDisk(
      this.boundary.configuration.configuration,
      this.entriesHeld,
      this.hardState,
    );
  }

  /** Loses what it had reported durable, as a disk that lies, or damage that was found. */
  lose(from: Index, hardState: HardState): void {
    this.#truncate(from);
    this.hardState = hardState;
  }

  firstIndex(): Index {
    return this.boundary.position.index + 1;
  }

  lastIndex(): Index {
    return this.boundary.position.index + this.entriesHeld.length;
  }

  term(index: Index): Term | undefined {
    this.#mustBeStable(index);
    return index === this.boundary.position.index
      ? this.boundary.position.term
      : this.entry(index)?.term;
  }

  entry(index: Index): Entry | undefined {
    return this.entriesHeld[index - this.firstIndex()];
  }

  entries(
    range: { readonly from: Index; readonly to: Index; readonly bytesMax: number },
  ): readonly Entry[] | undefined {
    if (range.from < this.firstIndex()) return undefined;
    this.#mustBeStable(range.to);
    const found: Entry[] = [];
    let bytes = 0;
    for (let index = range.from; index <= range.to; index++) {
      const entry = assertDefined(this.entry(index), `Entry ${index} is held`);
      bytes += entry.data.length;
      if (found.length > 0 && bytes > range.bytesMax) break;
      found.push(entry);
    }
    return found;
  }

  /** Architecture: the core never asks above the index that it knows to be stable. */
  #mustBeStable(index: Index): void {
    const truncated = this.#underWay.some(({ truncateFrom }) =>
      (truncateFrom ?? index + 1) <= index
    );
    if (index > this.lastIndex() || truncated) {
      throw new RaftDiskError(`Entry ${index} was read before it was durable`);
    }
  }

  #apply({ number, hardState, snapshot, truncateFrom, entries, compactTo }: LogWrite): void {
    this.batchNumber = number;
    const { commitIndex } = this.hardState;
    if (hardState !== undefined) this.#setHardState(hardState);
    if (snapshot !== undefined) this.#replaceBy(snapshot, commitIndex);
    if (truncateFrom !== undefined) {
      if (truncateFrom <= commitIndex) {
        throw new RaftDiskError(`Truncation at ${truncateFrom}, committed is ${commitIndex}`);
      }
      this.#truncate(truncateFrom);
    }
    for (const entry of entries) this.#append(entry);
    if (compactTo !== undefined) this.#compact(compactTo);
    if (this.hardState.commitIndex > this.lastIndex()) {
      throw new RaftDiskError(`Commit ${this.hardState.commitIndex} behind ${this.lastIndex()}`);
    }
  }

  #setHardState(next: HardState): void {
    const { currentTerm, votedFor, commitIndex } = this.hardState;
    const takenBack = next.currentTerm === currentTerm && votedFor !== undefined &&
      next.votedFor !== votedFor;
    if (next.currentTerm < currentTerm || takenBack || next.commitIndex < commitIndex) {
      throw new RaftDiskError(
        `${JSON.stringify(next)} must not replace ${JSON.stringify(this.hardState)}`,
      );
    }
    this.hardState = next;
  }

  #append(entry: Entry): void {
    if (entry.index !== this.lastIndex() + 1) {
      throw new RaftDiskError(`Entry ${entry.index} behind ${this.lastIndex()}`);
    }
    if (!isIntact(entry)) throw new RaftDiskError(`Entry ${entry.index} has a wrong checksum`);
    this.entriesHeld.push(entry);
    if (entry.kind !== "configuration") return;
    const position = { index: entry.index, term: entry.term };
    this.#configurations.append({ position, configuration: decodeConfiguration(entry.data) });
  }

  #truncate(from: Index): void {
    this.entriesHeld.length = Math.min(this.entriesHeld.length, from - this.firstIndex());
    this.#configurations.truncateFrom(from);
  }

  #replaceBy({ position, timeMs, configuration }: Boundary, commitIndex: Index): void {
    if (position.index <= commitIndex) {
      throw new RaftDiskError(`An image of ${position.index}, committed is ${commitIndex}`);
    }
    this.entriesHeld = [];
    this.boundary = { position, timeMs, configuration };
    this.#configurations.reset(configuration);
  }

  #compact(to: Boundary): void {
    this.entriesHeld.splice(0, to.position.index - this.boundary.position.index);
    this.boundary = to;
    this.#configurations.compactTo(to.position.index);
  }
}
