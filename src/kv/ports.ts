/**
 * What the store needs from a backend: four tables and a row of facts, read and written in one
 * transaction that stays open across calls. Synchronous. The meaning of everything (revisions,
 * conditions, views, pages) is in kv/; a backend only keeps and finds.
 *
 * - *changes*, by number: every version and deletion there is (change.ts);
 * - *live*, by key: the number of the newest change of each key that exists;
 * - *dead*, by key: the same for each key whose newest change is a deletion, until compaction has
 *   forgotten it. Apart from the live ones, so that deleted keys cost a listing nothing;
 * - *ledger*, by keys of its own (ledger.ts): what the store remembers beside the keys and their
 *   past, such as leases and the answers to repeated requests.
 *
 * Keys in here are those that key_space.ts makes of the users'.
 *
 * An adapter that cannot go on throws FatalStorageError of node/ports.ts, and again whenever it is
 * to write after that.
 */

import type { FatalStorageError, SnapshotImage, SnapshotStage } from "../node/ports.ts";
import type { LogPosition, PositionedConfiguration, SnapshotMeta } from "../raft/types.ts";
import type {
  Change,
  ChangeHead,
  ChangeLink,
  ChangeNumber,
  KeyedChange,
  TimedChange,
} from "./change.ts";
import type { StateHash } from "./checksum.ts";
import type { KeyRange, Revision } from "./record.ts";

export type {
  Change,
  ChangeHead,
  ChangeLink,
  ChangeNumber,
  KeyedChange,
  TimedChange,
} from "./change.ts";
export { changeCrc32c, emptyStateHash, ledgerCrc32c, type StateHash } from "./checksum.ts";
export { emptyRevision, keyBytesMax, type KeyRange } from "./record.ts";

/**
 * The disk is full. The open transaction is lost; the last committed one is intact. Any method of
 * {@link KvTables} may throw it, those that read included: a cache full of what was written has to
 * be written somewhere before it can hold another page.
 */
export class KvFullError extends Error {
  override readonly name = "KvFullError";
}

/** The facts that are committed together with the data. */
export interface KvMeta {
  /** The last entry whose effect is in the data. */
  readonly applied: LogPosition;
  /** The newest configuration at or below it. */
  readonly configuration: PositionedConfiguration;
  /** The highest Entry.timeMs so far. */
  readonly clusterTimeMs: number;
  readonly revision: Revision;
  /** The oldest revision that can be read: where compaction has come to. */
  readonly oldest: Revision;
  /** The number of the last change. */
  readonly changes: ChangeNumber;
  /** Compaction has looked at the changes up to here; the rows that it may remove are gone. */
  readonly purgedThrough: ChangeNumber;
  readonly liveKeys: number;
  readonly deadKeys: number;
  /** Of all changes ever made. */
  readonly stateHash: StateHash;
  /** Of the changes whose rows are gone. */
  readonly purgedHash: StateHash;
  /** Of the rows of the ledger. */
  readonly ledgerHash: StateHash;
  /** Leases that have not ended. */
  readonly leases: number;
  /** How many lease ids the store has chosen by itself. */
  readonly leasesNumbered: number;
  /** Answers that are remembered for repeated requests, and the bytes of their rows. */
  readonly remembered: number;
  readonly rememberedBytes: number;
}

/** What holds before the first entry. */
export const initialKvMeta: KvMeta = {
  applied: { index: 0, term: 0 },
  configuration: { position: { index: 0, term: 0 }, configuration: { members: [], nodeIdMax: 0 } },
  clusterTimeMs: 0,
  revision: 1,
  oldest: 1,
  changes: 0,
  purgedThrough: 0,
  liveKeys: 0,
  deadKeys: 0,
  stateHash: { a: 0, b: 0 },
  purgedHash: { a: 0, b: 0 },
  ledgerHash: { a: 0, b: 0 },
  leases: 0,
  leasesNumbered: 0,
  remembered: 0,
  rememberedBytes: 0,
};

/** A part of a range, in key order or against it. */
export interface Slice extends KeyRange {
  readonly reverse: boolean;
  readonly rowsMax: number;
}

/** Where a change stands in the order of all. */
export interface ChangePlace {
  readonly number: ChangeNumber;
  readonly revision: Revision;
  /** Cluster time, which never falls from one change to the next. */
  readonly timeMs: number;
}

/** A key that was deleted, and the number of its deletion. */
export interface DeadKey {
  readonly key: Uint8Array;
  readonly number: ChangeNumber;
}

/** A row of the ledger. */
export interface LedgerRow {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  /** Over both (checksum.ts). */
  readonly crc32c: number;
}

/** A value up to this long comes along with a slice of rows; a longer one is read with its row. */
export const sliceValueBytesMax = 64 * 1024;

/** A change as it stands there, whether its checksum is right or not. */
export interface AuditedChange extends TimedChange {
  readonly crc32c: number;
  /** Who looks for its number finds it. */
  readonly isFound: boolean;
}

/** A row of the live keys, or of the dead ones. */
export interface AuditedHead {
  readonly key: Uint8Array;
  readonly number: ChangeNumber;
}

/** What the scrub (scrub.ts) asks of a backend. Everything throws FatalStorageError. */
export interface KvAudit {
  /**
   * To be called while no transaction is open: what is read from here on comes from the disk and
   * not from memory. Throws, too, where the facts there are others than those of the last commit.
   */
  reread(): void;
  /** Changes numbered `number` and above, with their values up to sliceValueBytesMax. */
  changes(number: ChangeNumber, rowsMax: number): readonly AuditedChange[];
  heads(of: "live" | "dead", slice: Slice): readonly AuditedHead[];
}

/** One backend, opened for one store. See the head of this file. */
export interface KvTables {
  /** The facts of the last commit. */
  stored(): KvMeta;
  /**
   * Ends the open transaction, with `meta` in it; nothing happens when none is open and `meta` is
   * the stored one. `durable`: on return no crash of the machine takes it back; otherwise only no
   * crash of the process. Throws KvFullError.
   */
  commit(meta: KvMeta, how: "normal" | "durable"): void;
  /** Drops the open transaction, if any. */
  rollback(): void;
  /**
   * Marks this place in the open transaction, which {@link backToSavepoint} drops everything
   * behind. There is one at most; either way ends it, and so do commit and rollback.
   */
  savepoint(): void;
  backToSavepoint(): void;
  releaseSavepoint(): void;

  /**
   * Adds a change and makes it the newest of its key. `over` says what the newest was: a live
   * version, a deletion (dead), or nothing (absent). Throws KvFullError.
   */
  append(change: Change, over: "live" | "dead" | "absent"): void;
  /** Removes the row of a change for good, where it is still there. Compaction alone does that. */
  removeChange(number: ChangeNumber): void;
  /** Forgets that `key`, which is dead, ever was. Compaction alone does that. */
  forgetDead(key: Uint8Array): void;
  /**
   * Gives what is free in the files back to the disk, about so many bytes at most. Returns whether
   * more is free.
   */
  giveBack(bytesMax: number): boolean;

  /** The newest change of a key, live or dead. */
  head(key: Uint8Array): ChangeHead | undefined;
  /** The newest change of a key that exists. */
  live(key: Uint8Array): Change | undefined;
  change(number: ChangeNumber): Change | undefined;
  /** The change without its value, which may be large. */
  keyedChange(number: ChangeNumber): KeyedChange | undefined;
  link(number: ChangeNumber): ChangeLink | undefined;
  /** The first change numbered `number` or above. */
  firstFrom(number: ChangeNumber): ChangePlace | undefined;

  /**
   * Changes numbered `number` and above, in order: those of keys in `valuesIn` with their values,
   * up to sliceValueBytesMax.
   */
  changeSlice(
    number: ChangeNumber,
    slice: { readonly rowsMax: number; readonly valuesIn: KeyRange },
  ): readonly TimedChange[];
  /** Live keys' newest changes in key order; `values`: with those up to sliceValueBytesMax. */
  liveSlice(slice: Slice & { readonly values: boolean }): readonly KeyedChange[];
  /** Dead keys in key order. */
  deadSlice(slice: Slice): readonly DeadKey[];
  /** Counts live keys up to `rowsMax`; `next` is the first key that was not counted. */
  countLive(slice: Slice): { readonly count: number; readonly next?: Uint8Array };
  /**
   * The highest number among the heads in the range, live and dead; 0 when there is none. Undefined
   * when it holds more than `visitMax` of either.
   */
  newestIn(range: KeyRange, visitMax: number): ChangeNumber | undefined;
  /** The newest change in (`after`, `through`] of a key in the range; 0 when there is none. */
  lastChangeIn(
    range: KeyRange,
    numbers: { readonly after: ChangeNumber; readonly through: ChangeNumber },
  ): ChangeNumber;

  ledgerRow(key: Uint8Array): LedgerRow | undefined;
  /** Rows of the ledger in key order. */
  ledgerSlice(slice: Slice): readonly LedgerRow[];
  /** Replaces the row under its key. */
  setLedgerRow(row: LedgerRow): void;
  /** Nothing there is no error. */
  deleteLedgerRow(key: Uint8Array): void;

  readonly audit: KvAudit;
  /**
   * Makes an image of the last commit, between transactions, while the store goes on: see
   * StateMachine of node/ports.ts, whose words hold for these four. `done` comes once, perhaps
   * inside the call, unless the tables are closed before; `undefined` also where another image is
   * being made.
   */
  image(done: (image: SnapshotImage | undefined) => void): void;
  /**
   * An image of another backend, cluster or position is `corrupt` at its end: the stage never holds
   * what must not be adopted. `write` takes no bytes behind `meta.bytes`; `finish` says nothing
   * after an `abort`.
   */
  stage(meta: SnapshotMeta): SnapshotStage;
  staged(): SnapshotMeta | undefined;
  /**
   * Between transactions, and only where something is staged: on return the tables, and `stored`,
   * hold what the image holds.
   */
  adopt(): void;

  /**
   * For who finds that what is kept here contradicts itself: the error to throw, which tells a
   * person the way out. Nothing can be written after it.
   */
  damaged(what: string): FatalStorageError;

  close(): void;
}
