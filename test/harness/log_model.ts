/**
 * A Raft log as naive as can be: what every storage engine is compared with. And writes to drive
 * both, from a seed.
 */

import type { Prng } from "../../src/lib/prng.ts";
import type { StorageEngine } from "../../src/node/ports.ts";
import { encodeConfiguration, makeEntry } from "../../src/raft/encoding.ts";
import { decodeConfiguration } from "../../src/raft/encoding.ts";
import type { LogWrite } from "../../src/raft/ready.ts";
import type {
  Boundary,
  Configuration,
  Entry,
  HardState,
  Index,
  SnapshotMeta,
  Term,
} from "../../src/raft/types.ts";

/** Everything that a log holds, comparable by value. */
export interface LogView {
  readonly batchNumber: number;
  readonly hardState: HardState;
  readonly boundary: Boundary;
  readonly configurations: readonly Configuration[];
  readonly entries: readonly Entry[];
}

const nowhere = { index: 0, term: 0 };
const originBoundary: Boundary = {
  position: nowhere,
  timeMs: 0,
  configuration: { position: nowhere, configuration: { members: [], nodeIdMax: 0 } },
};

export class LogModel {
  batchNumber = 0;
  hardState: HardState = { currentTerm: 0, commitIndex: 0 };
  boundary: Boundary = originBoundary;
  entries: Entry[] = [];

  get lastIndex(): Index {
    return this.entries.at(-1)?.index ?? this.boundary.position.index;
  }
  get lastTerm(): Term {
    return this.entries.at(-1)?.term ?? this.boundary.position.term;
  }

  apply(write: LogWrite): void {
    this.batchNumber = write.number;
    if (write.hardState) this.hardState = write.hardState;
    if (write.snapshot) {
      this.entries = [];
      this.boundary = boundaryOf(write.snapshot);
    }
    const { truncateFrom = Infinity } = write;
    this.entries = this.entries.filter(({ index }) => index < truncateFrom);
    this.entries.push(...write.entries);
    if (write.compactTo === undefined) return;
    this.boundary = boundaryOf(write.compactTo);
    this.entries = this.entries.filter(({ index }) => index > this.boundary.position.index);
  }

  discard(from: Index, hardState: HardState): void {
    this.entries = this.entries.filter(({ index }) => index < from);
    const commitIndex = Math.min(hardState.commitIndex, from - 1, this.lastIndex);
    this.hardState = { ...hardState, commitIndex };
  }

  view(): LogView {
    const inLog = this.entries.filter(({ kind }) => kind === "configuration");
    return {
      batchNumber: this.batchNumber,
      hardState: this.hardState,
      boundary: this.boundary,
      configurations: [
        this.boundary.configuration.configuration,
        ...inLog.map(({ data }) => decodeConfiguration(data)),
      ],
      entries: [...this.entries],
    };
  }

  copy(): LogModel {
    const copy = new LogModel();
    copy.batchNumber = this.batchNumber;
    copy.hardState = this.hardState;
    copy.boundary = this.boundary;
    copy.entries = [...this.entries];
    return copy;
  }

  /** The boundary that a compaction to an entry of this log makes. */
  boundaryAt(index: Index): Boundary {
    const upTo = this.entries.filter((entry) => entry.index <= index);
    const at = upTo.at(-1)!;
    const newest = upTo.findLast(({ kind }) => kind === "configuration");
    return {
      position: { index, term: at.term },
      timeMs: at.timeMs,
      configuration: newest === undefined ? this.boundary.configuration : {
        position: { index: newest.index, term: newest.term },
        configuration: decodeConfiguration(newest.data),
      },
    };
  }
}

/** What the engine holds, by way of `stored()` and its log reader. */
export function viewOf(engine: StorageEngine): LogView {
  const { batchNumber, hardState, boundary, configurations } = engine.stored();
  return {
    batchNumber,
    hardState,
    boundary,
    configurations: configurations.map(({ configuration }) => configuration),
    entries: readAll(engine),
  };
}

/** Every entry, read in pages of `bytesMax`; the data are copies, comparable on every runtime. */
export function readAll(engine: StorageEngine, bytesMax = 1000): readonly Entry[] {
  const entries: Entry[] = [];
  const to = engine.log.lastIndex();
  for (let from = engine.log.firstIndex(); from <= to;) {
    const page = engine.log.entries({ from, to, bytesMax });
    if (page === undefined || page.length === 0) throw new Error(`No entry ${from}`);
    for (const entry of page) entries.push({ ...entry, data: Uint8Array.from(entry.data) });
    from += page.length;
  }
  return entries;
}

export function entryAt(index: Index, term: Term, text = `entry ${index}`): Entry {
  const data = new TextEncoder().encode(text);
  return makeEntry({ index, term, kind: "command", timeMs: index * 10, data });
}

export function configurationEntry(index: Index, term: Term, ids: readonly number[]): Entry {
  const data = encodeConfiguration(configurationOf(ids));
  return makeEntry({ index, term, kind: "configuration", timeMs: index * 10, data });
}

export function configurationOf(ids: readonly number[]): Configuration {
  const members = ids.map((id) => ({
    id,
    incarnation: id.toString(16).padStart(16, "0"),
    suffrage: "voter" as const,
  }));
  return { members, nodeIdMax: Math.max(0, ...ids) };
}

export function snapshotAt(index: Index, term: Term, ids: readonly number[] = [1]): SnapshotMeta {
  return {
    position: { index, term },
    timeMs: index * 10,
    configuration: { position: { index: 1, term: 1 }, configuration: configurationOf(ids) },
    bytes: 100,
    digest: new Uint8Array(32),
  };
}

/** A write that may follow `model`: appends, votes, truncations, compactions, snapshots. */
export function randomWrite(model: LogModel, prng: Prng): LogWrite {
  const number = model.batchNumber + 1;
  const term = model.hardState.currentTerm + (prng.chance(1, 5) ? 1 + prng.below(3) : 0) || 1;
  const snapshot = prng.chance(1, 25) ? randomSnapshot(model, prng, term) : undefined;
  const floor = Math.max(model.hardState.commitIndex, model.boundary.position.index);
  const cut = !snapshot && model.lastIndex > floor && prng.chance(1, 4)
    ? floor + 1 + prng.below(model.lastIndex - floor)
    : undefined;
  const after = model.copy();
  after.apply({
    ...{ number, entries: [] },
    ...(snapshot && { snapshot }),
    ...(cut !== undefined && { truncateFrom: cut }),
  });
  const entries = randomEntries({ prng, term, from: after.lastIndex + 1 });
  after.apply({ number, entries });
  const lowest = Math.max(model.hardState.commitIndex, after.boundary.position.index);
  const commitIndex = lowest + prng.below(after.lastIndex - lowest + 1);
  const compactable = commitIndex - after.boundary.position.index;
  const compactTo = !snapshot && compactable > 0 && prng.chance(1, 6)
    ? after.boundaryAt(after.boundary.position.index + 1 + prng.below(compactable))
    : undefined;
  const hardState =
    prng.chance(1, 8) && !snapshot && compactTo === undefined && cut === undefined &&
      term === model.hardState.currentTerm
      ? undefined
      : randomHardState({ model, prng, term, commitIndex });
  return {
    number,
    ...(hardState && { hardState }),
    ...(snapshot && { snapshot }),
    ...(cut !== undefined && { truncateFrom: cut }),
    entries,
    ...(compactTo && { compactTo }),
  };
}

function boundaryOf({ position, timeMs, configuration }: Boundary): Boundary {
  return { position, timeMs, configuration };
}

function randomSnapshot(model: LogModel, prng: Prng, term: Term): SnapshotMeta {
  const from = Math.max(model.hardState.commitIndex, model.boundary.position.index);
  return snapshotAt(from + 1 + prng.below(20), term, [1, 2 + prng.below(3)]);
}

function randomEntries(
  { prng, term, from }: { readonly prng: Prng; readonly term: Term; readonly from: Index },
): Entry[] {
  return Array.from({ length: prng.below(6) }, (_, at) => {
    const index = from + at;
    if (prng.chance(1, 10)) return configurationEntry(index, term, [1, 2 + prng.below(5)]);
    const data = new Uint8Array(prng.chance(1, 10) ? prng.below(20_000) : prng.below(300));
    for (let i = 0; i < data.length; i++) data[i] = prng.below(256);
    const kind = data.length === 0 ? "noop" : "command";
    return makeEntry({ index, term, kind, timeMs: index * 10, data });
  });
}

function randomHardState(
  of: {
    readonly model: LogModel;
    readonly prng: Prng;
    readonly term: Term;
    readonly commitIndex: Index;
  },
): HardState {
  const { model, prng, term, commitIndex } = of;
  const before = term === model.hardState.currentTerm ? model.hardState.votedFor : undefined;
  const votedFor = before ?? (prng.chance(1, 2) ? 1 + prng.below(5) : undefined);
  return votedFor === undefined
    ? { currentTerm: term, commitIndex }
    : { currentTerm: term, votedFor, commitIndex };
}
