/**
 * The store itself: what stands under which key, now and in the past, and how a change is added.
 * Knows the tables and the facts that go with them, no commands and no log.
 */

import { assert, assertCount } from "../lib/assert.ts";
import { emptyBytes } from "../lib/bytes.ts";
import {
  type ChangeHead,
  type ChangeLink,
  type ChangeTimes,
  isDeletion,
  type KeyedChange,
  recordOf,
} from "./change.ts";
import { addHash, changeChecksums } from "./checksum.ts";
import type { KeyRange, KvMeta, KvTables } from "./ports.ts";
import type { KvRecord, LeaseId, Revision } from "./record.ts";
import { lastChangeAt, type View } from "./revisions.ts";
import { chainAfter, changeAtOrBelow } from "./version_chain.ts";

/** Shared by all the changes of a command. */
export interface Stamp extends ChangeTimes {
  /** The one after the store's, which becomes the store's with the first change. */
  readonly revision: Revision;
}

/** What the writer decides of a version; the rest follows from the store. */
export interface NewVersion {
  readonly value: Uint8Array;
  readonly mediaType: string | undefined;
  readonly lease: LeaseId | undefined;
}

/** The tables, together with the facts as of the last change. */
export class Store {
  readonly tables: KvTables;
  #meta: KvMeta;

  constructor(tables: KvTables) {
    this.tables = tables;
    this.#meta = tables.stored();
  }

  /** The facts as of the last change, committed or not. */
  get meta(): KvMeta {
    return this.#meta;
  }

  get revision(): Revision {
    return this.#meta.revision;
  }

  /** Records where the log has come to. */
  advance(facts: Pick<KvMeta, "applied" | "clusterTimeMs"> & Partial<KvMeta>): void {
    this.#meta = { ...this.#meta, ...facts };
  }

  /** Ends the transaction of the changes so far. Throws KvFullError; then {@link rollback}. */
  commit(how: "normal" | "durable"): void {
    this.tables.commit(this.#meta, how);
  }

  /** Goes back to the last commit. */
  rollback(): void {
    this.tables.rollback();
    this.#meta = this.tables.stored();
  }

  /** The newest change of `key`, a deletion included. */
  head(key: Uint8Array): ChangeHead | undefined {
    return this.tables.head(key);
  }

  /** Writes a version of `key`. `head` is what {@link head} gave. */
  put(
    stamp: Stamp,
    key: Uint8Array,
    version: NewVersion,
    head: ChangeHead | undefined,
  ): { readonly create: Revision; readonly version: number } {
    const alive = head !== undefined && !isDeletion(head);
    const counts = alive
      ? { create: head.create, version: assertCount(head.version + 1, "version") }
      : { create: stamp.revision, version: 1 };
    this.#append(stamp, key, { ...version, ...counts }, head);
    return counts;
  }

  /** Deletes `key`, whose newest change is `head`, a version. */
  delete(stamp: Stamp, key: Uint8Array, head: ChangeHead): void {
    assert(!isDeletion(head), "The key to delete is deleted already");
    this.#append(stamp, key, { ...nothingKept, create: 0, version: 0 }, head);
  }

  #append(
    stamp: Stamp,
    key: Uint8Array,
    version: NewVersion & { readonly create: Revision; readonly version: number },
    head: ChangeHead | undefined,
  ): void {
    const meta = this.#meta;
    const { revision } = stamp;
    assert(revision === meta.revision || revision === meta.revision + 1, `revision ${revision}`);
    const number = assertCount(meta.changes + 1, "number of changes");
    const links = chainAfter(head, (earlier) => this.tables.link(earlier));
    const valueBytes = version.value.length;
    const change = { number, ...stamp, key, ...version, ...links, valueBytes };
    const { crc32c, hash } = changeChecksums(change);
    const over = head === undefined ? "absent" : isDeletion(head) ? "dead" : "live";
    this.tables.append({ ...change, crc32c }, over);
    const dies = version.version === 0;
    this.#meta = {
      ...meta,
      revision,
      changes: number,
      liveKeys: meta.liveKeys + (dies ? -1 : over === "live" ? 0 : 1),
      deadKeys: meta.deadKeys + (dies ? 1 : over === "dead" ? -1 : 0),
      stateHash: addHash(meta.stateHash, hash),
    };
  }

  /** The state now. */
  newestView(): View {
    return { revision: this.#meta.revision, through: this.#meta.changes };
  }

  /** The state right after `revision`, which lies between the oldest and the newest one. */
  viewAt(revision: Revision): View {
    const { oldest, revision: newest, changes } = this.#meta;
    assert(revision >= oldest && revision <= newest, `view at revision ${revision}`);
    if (revision === newest) return this.newestView();
    return { revision, through: lastChangeAt(this.tables, revision, changes) };
  }

  /** True when nothing has changed since `view` was the newest one. */
  isNewest(view: View): boolean {
    return view.through === this.#meta.changes;
  }

  /** The record under `key` in `view`; undefined when there was none. */
  recordAt(key: Uint8Array, view: View): KvRecord | undefined {
    if (this.isNewest(view)) {
      const change = this.tables.live(key);
      return change && recordOf(change, change.key, change.value);
    }
    const head = this.tables.head(key);
    const number = head === undefined ? 0 : this.numberAt(head, view);
    return number === 0 ? undefined : this.recordOfChange(number);
  }

  /** The number of the change that `head`'s key shows in `view`; 0 when it shows none. */
  numberAt(head: ChangeLink, view: View): number {
    if (head.number <= view.through) return head.number;
    return changeAtOrBelow(
      head,
      view.through,
      (earlier) => this.tables.link(earlier) ?? this.#missing(earlier),
    );
  }

  /** The record that change `number` left; undefined when it deleted, or is compacted away. */
  recordOfChange(number: number): KvRecord | undefined {
    const change = this.tables.change(number);
    if (change === undefined) this.#requirePurged(number);
    if (change === undefined || isDeletion(change)) return undefined;
    return recordOf(change, change.key, change.value);
  }

  /** Like {@link recordOfChange}, as a row; `values`: with its value. */
  shownChange(number: number, { values }: { readonly values: boolean }): KeyedChange | undefined {
    const change = values ? this.tables.change(number) : this.tables.keyedChange(number);
    if (change === undefined) this.#requirePurged(number);
    return change === undefined || isDeletion(change) ? undefined : change;
  }

  /** Only compaction takes rows away, and of those that a view can ask for only deletions. */
  #requirePurged(number: number): void {
    if (number > this.#meta.purgedThrough) this.#missing(number);
  }

  #missing(number: number): never {
    throw this.tables.damaged(`change ${number} is missing`);
  }

  /** True when nothing in `range` has changed after `revision`, deletions included. Exact. */
  unchangedSince(range: KeyRange, revision: Revision): boolean {
    const { oldest, revision: newest, changes } = this.#meta;
    // Below the oldest revision deletions are forgotten; above the newest one nobody can have read.
    if (revision < oldest || revision > newest) return false;
    const after = lastChangeAt(this.tables, revision, changes);
    if (changes - after <= recentChangesMax) {
      return this.tables.lastChangeIn(range, { after, through: changes }) === 0;
    }
    const number = this.tables.newestIn(range, Number.MAX_SAFE_INTEGER);
    return number !== undefined && number <= after;
  }

  /**
   * The highest revision at which something in `range` changed, as seen in `view`, but at least the
   * oldest readable one: what happened below that may be forgotten. Undefined when bounded work
   * does not find it. `heads`: look first at the newest change of each key in the range, up to
   * {@link headsVisitMax} live and as many dead ones; otherwise, and in the past, and beyond that
   * bound, the last {@link recentChangesMax} changes of the whole store are looked through.
   */
  lastChangeSeen(
    range: KeyRange,
    view: View,
    { heads }: { readonly heads: boolean },
  ): Revision | undefined {
    const newest = heads && this.isNewest(view)
      ? this.tables.newestIn(range, headsVisitMax)
      : undefined;
    const number = newest ?? this.#recentChange(range, view.through);
    if (number === undefined) return undefined;
    const { oldest } = this.#meta;
    if (number === 0) return oldest;
    return Math.max(oldest, this.tables.firstFrom(number)?.revision ?? oldest);
  }

  #recentChange(range: KeyRange, through: number): number | undefined {
    const after = Math.max(0, through - recentChangesMax);
    const number = this.tables.lastChangeIn(range, { after, through });
    return number === 0 && after > 0 ? undefined : number;
  }
}

const nothingKept: NewVersion = { value: emptyBytes, mediaType: undefined, lease: undefined };

/** See {@link Store.lastChangeSeen}: each bound takes less than a millisecond. */
const headsVisitMax = 10_000;
const recentChangesMax = 1_024;
