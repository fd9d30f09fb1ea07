/**
 * What a storage engine keeps in memory of its durable log: everything but the entries' data. It
 * judges each write before the disk sees it, so that a broken invariant of the core ends the
 * process and not the log, and it answers `stored()` and the cheap half of the LogReader.
 *
 * Invariants:
 * - boundary.position.index ≤ lastIndex; entries run from one to the other without a gap.
 * - commitIndex ≤ lastIndex: it was stored together with the entries that it speaks of.
 * - Configurations are sorted by position, all above the boundary's own.
 */

import { assert, assertCount, assertDefined } from "../lib/assert.ts";
import { decodeConfiguration, isIntact } from "../raft/encoding.ts";
import type { LogWrite } from "../raft/ready.ts";
import type {
  BatchNumber,
  Boundary,
  Entry,
  HardState,
  Index,
  LogPosition,
  PositionedConfiguration,
  Term,
} from "../raft/types.ts";
import { TermRuns } from "./term_runs.ts";

const originPosition: LogPosition = { index: 0, term: 0 };

/** The hard state of a log that never held anything. */
export const originHardState: HardState = { currentTerm: 0, commitIndex: 0 };

/** The boundary of a log that never held anything: nobody is a member. */
export const originBoundary: Boundary = {
  position: originPosition,
  timeMs: 0,
  configuration: { position: originPosition, configuration: { members: [], nodeIdMax: 0 } },
};

/** What a log holds besides its entries. */
export interface OutlineBase {
  readonly batchNumber: BatchNumber;
  readonly hardState: HardState;
  readonly boundary: Boundary;
}

/** A log that never held anything. */
export const originBase: OutlineBase = {
  batchNumber: 0,
  hardState: originHardState,
  boundary: originBoundary,
};

/** The outline of one log. It changes only by writes that are durable. */
export class LogOutline {
  #batchNumber: BatchNumber;
  #hardState: HardState;
  #boundary: Boundary;
  #lastIndex: Index;
  #terms = new TermRuns();
  #configurations: PositionedConfiguration[] = [];

  constructor(base: OutlineBase = originBase) {
    this.#batchNumber = base.batchNumber;
    this.#hardState = base.hardState;
    this.#boundary = base.boundary;
    this.#lastIndex = base.boundary.position.index;
    this.#terms.append(this.#lastIndex, base.boundary.position.term);
  }

  get batchNumber(): BatchNumber {
    return this.#batchNumber;
  }
  get hardState(): HardState {
    return this.#hardState;
  }
  get boundary(): Boundary {
    return this.#boundary;
  }
  get firstIndex(): Index {
    return this.#boundary.position.index + 1;
  }
  get lastIndex(): Index {
    return this.#lastIndex;
  }

  get last(): LogPosition {
    const term = assertDefined(this.term(this.#lastIndex), "The end of the log has a term");
    return { index: this.#lastIndex, term };
  }

  /** Base first, then every configuration in the log. */
  get configurations(): readonly PositionedConfiguration[] {
    return [this.#boundary.configuration, ...this.#configurations];
  }

  /** The term at `index`, the boundary included; undefined outside. */
  term(index: Index): Term | undefined {
    if (index < this.#boundary.position.index || index > this.#lastIndex) return undefined;
    return this.#terms.at(index);
  }

  /** Ends the process unless the write continues this log by the rules of Raft. */
  check(write: LogWrite): void {
    const expected = this.#batchNumber + 1;
    assert(write.number === expected, `Write ${write.number} comes where ${expected} is due`);
    this.#checkCuts(write);
    const last = this.#checkEntries(write);
    if (write.hardState !== undefined) this.#checkHardState(write.hardState, last.index);
    if (write.compactTo !== undefined) this.#checkCompaction(write, write.compactTo, last);
  }

  /** The end of the log once `write` is in it. */
  lastAfter(write: LogWrite): LogPosition {
    const entry = write.entries.at(-1);
    return entry === undefined ? this.#baseOf(write) : { index: entry.index, term: entry.term };
  }

  /** Takes over a write that is durable now. */
  advance(write: LogWrite): void {
    this.#batchNumber = write.number;
    if (write.hardState !== undefined) this.#hardState = write.hardState;
    if (write.snapshot !== undefined) this.#replaceBy(write.snapshot);
    if (write.truncateFrom !== undefined) this.#truncateFrom(write.truncateFrom);
    for (const entry of write.entries) this.append(entry);
    if (write.compactTo !== undefined) this.#compactTo(write.compactTo);
  }

  /** Adds an entry that is durable already: how an engine fills its outline at start. */
  append(entry: Entry): void {
    this.#terms.append(entry.index, entry.term);
    this.#lastIndex = entry.index;
    if (entry.kind !== "configuration") return;
    const position = { index: entry.index, term: entry.term };
    this.#configurations.push({ position, configuration: decodeConfiguration(entry.data) });
  }

  /** The outline after `StorageEngine.discard`: shorter, with another hard state. */
  discarded(from: Index, hardState: HardState): LogOutline {
    assert(from >= this.firstIndex, `Discard from ${from} is below ${this.firstIndex}`);
    const commitIndex = Math.min(hardState.commitIndex, from - 1, this.#lastIndex);
    const kept = new LogOutline({
      batchNumber: this.#batchNumber,
      hardState: { ...hardState, commitIndex },
      boundary: this.#boundary,
    });
    const end = Math.min(this.#lastIndex, from - 1);
    for (let index = this.firstIndex; index <= end; index++) {
      kept.#terms.append(index, assertDefined(this.term(index), `Entry ${index} has a term`));
    }
    kept.#lastIndex = end;
    kept.#configurations = this.#configurations.filter(({ position }) => position.index <= end);
    return kept;
  }

  #baseOf(write: LogWrite): LogPosition {
    if (write.snapshot !== undefined) return write.snapshot.position;
    const end = Math.min(this.#lastIndex, (write.truncateFrom ?? Infinity) - 1);
    return { index: end, term: assertDefined(this.term(end), `Entry ${end} has a term`) };
  }

  /** What a write deletes is not committed (paper §5.4, state machine safety), or replaced. */
  #checkCuts(write: LogWrite): void {
    const { snapshot, truncateFrom } = write;
    const boundaryIndex = this.#boundary.position.index;
    if (snapshot !== undefined) {
      const { index } = snapshot.position;
      assert(index > boundaryIndex, `Snapshot at ${index} is behind the boundary ${boundaryIndex}`);
      assert(truncateFrom === undefined, "A snapshot leaves nothing to truncate");
    }
    if (truncateFrom !== undefined) {
      const kept = Math.max(this.#hardState.commitIndex, boundaryIndex);
      assert(truncateFrom > kept, `Truncation from ${truncateFrom} reaches committed ${kept}`);
    }
  }

  #checkEntries(write: LogWrite): LogPosition {
    let { index, term } = this.#baseOf(write);
    for (const entry of write.entries) {
      assert(entry.index === index + 1, `Entry ${entry.index} comes where ${index + 1} is due`);
      assert(entry.term >= term, `Entry ${entry.index} has term ${entry.term}, below ${term}`);
      assert(isIntact(entry), `Entry ${entry.index} does not match its checksum`);
      ({ index, term } = entry);
    }
    assertCount(index, "lastIndex");
    return { index, term };
  }

  /** Term, vote and commitIndex never take anything back (paper figure 2). */
  #checkHardState(next: HardState, lastIndex: Index): void {
    const { currentTerm, votedFor, commitIndex } = this.#hardState;
    const term = assertCount(next.currentTerm, "currentTerm");
    assert(term >= currentTerm, `currentTerm falls from ${currentTerm} to ${term}`);
    assert(
      term > currentTerm || votedFor === undefined || votedFor === next.votedFor,
      `votedFor of term ${term} changes from ${votedFor} to ${next.votedFor}`,
    );
    const commit = assertCount(next.commitIndex, "commitIndex");
    assert(commit >= commitIndex, `commitIndex falls from ${commitIndex} to ${commit}`);
    assert(commit <= lastIndex, `commitIndex ${commit} is behind the end ${lastIndex}`);
  }

  #checkCompaction(write: LogWrite, to: Boundary, last: LogPosition): void {
    const { index, term } = to.position;
    const from = write.snapshot?.position.index ?? this.#boundary.position.index;
    assert(index > from, `Compaction to ${index} is behind the boundary ${from}`);
    assert(index <= last.index, `Compaction to ${index} is behind the end ${last.index}`);
    const fresh = write.entries.find((entry) => entry.index === index);
    const held = fresh === undefined ? this.term(index) : fresh.term;
    assert(held === term, `Compaction to ${index} says term ${term}, the log has ${held}`);
  }

  #replaceBy({ position, timeMs, configuration }: Boundary): void {
    this.#boundary = { position, timeMs, configuration };
    this.#lastIndex = position.index;
    this.#terms = new TermRuns();
    this.#terms.append(position.index, position.term);
    this.#configurations = [];
  }

  #truncateFrom(from: Index): void {
    this.#lastIndex = Math.min(this.#lastIndex, from - 1);
    this.#terms.truncateFrom(from);
    const kept = this.#configurations.filter(({ position }) => position.index < from);
    this.#configurations = kept;
  }

  #compactTo({ position, timeMs, configuration }: Boundary): void {
    this.#boundary = { position, timeMs, configuration };
    this.#terms.dropBelow(position.index);
    const kept = this.#configurations.filter((each) => each.position.index > position.index);
    this.#configurations = kept;
  }
}
