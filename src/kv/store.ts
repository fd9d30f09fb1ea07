/**
 * The store itself: what stands under which key, now and in the past, and how a change is added;
 * with its leases and what it remembers. Knows the tables and the facts that go with them, no
 * commands and no log. Keys are stored keys (key_space.ts) everywhere in here.
 */

import { assert, assertCount } from "../lib/assert.ts";
import { emptyBytes, equalBytes } from "../lib/bytes.ts";
import {
  type Change,
  type ChangeHead,
  type ChangeLink,
  type ChangeNumber,
  isDeletion,
  type KeyedChange,
  recordOf,
} from "./change.ts";
import { addHash, changeChecksums } from "./checksum.ts";
import { type DataVersion, dataVersion, DataVersionBook } from "./data_version.ts";
import { Facts } from "./facts.ts";
import { AnswerBook, type AnswerLimits } from "./idempotency.ts";
import { LeaseBook } from "./leases.ts";
import { Ledger } from "./ledger.ts";
import { OwnChanges } from "./own_changes.ts";
import { PastHashes } from "./past_hashes.ts";
import type { KeyRange, KvMeta, KvTables } from "./ports.ts";
import { emptyRevision, type KvRecord, type LeaseId, type Revision } from "./record.ts";
import { RestoreBook } from "./restores.ts";
import { lastChangeAt, type View } from "./revisions.ts";
import type { Stamp } from "./stamp.ts";
import { Tally } from "./tally.ts";
import { chainAfter, changeAtOrBelow } from "./version_chain.ts";

/** What the writer decides of a version; the rest follows from the store. */
export interface NewVersion {
  readonly value: Uint8Array;
  readonly mediaType: string | undefined;
  readonly lease: LeaseId | undefined;
}

/** A version with what a backup, or the store, counts of its key. */
export interface Counted extends NewVersion {
  readonly create: Revision;
  readonly version: number;
}

/** The tables, together with the facts as of the last change. */
export class Store {
  readonly tables: KvTables;
  readonly leases: LeaseBook;
  readonly answers: AnswerBook;
  readonly restores: RestoreBook;
  readonly versions: DataVersionBook;
  readonly ownChanges: OwnChanges = new OwnChanges();
  readonly pastHashes: PastHashes = new PastHashes();
  /** What a pass of the scrub has counted. */
  readonly tally: Tally = new Tally();
  readonly #facts: Facts;

  /** Throws LaterVersionError where a later version of the program has to go on with the store. */
  constructor(
    tables: KvTables,
    { answerLimits, newest = dataVersion }: {
      readonly answerLimits?: AnswerLimits | undefined;
      /** The newest data version that this program can apply. */
      readonly newest?: DataVersion | undefined;
    } = {},
  ) {
    this.tables = tables;
    this.#facts = new Facts(tables.stored());
    const ledger = new Ledger(tables, this.#facts, this.tally);
    this.leases = new LeaseBook(ledger, this.#facts);
    this.answers = new AnswerBook(ledger, this.#facts, answerLimits);
    this.restores = new RestoreBook(ledger);
    this.versions = new DataVersionBook(ledger, newest);
    this.versions.requireKnown();
  }

  /** The facts as of the last change, committed or not: they change in place. */
  get meta(): KvMeta {
    return this.#facts.meta;
  }

  get revision(): Revision {
    return this.#facts.meta.revision;
  }

  /** Records where the log has come to. */
  advance(facts: Pick<KvMeta, "applied" | "clusterTimeMs"> & Partial<KvMeta>): void {
    this.#facts.set(facts);
    this.pastHashes.note(facts.applied, this.#facts.meta);
  }

  /** From now on nothing before `revision` can be read; the rows go later (compaction.ts). */
  giveUpBefore(revision: Revision): void {
    assert(revision <= this.revision, `Giving up what is before ${revision}`);
    this.#facts.set({ oldest: revision });
  }

  /** Records what compaction has removed. */
  purged(facts: Pick<KvMeta, "purgedThrough" | "purgedHash" | "deadKeys">): void {
    this.#facts.set(facts);
  }

  /** Does all of `run`, or nothing of it when that returns false. */
  atomically(run: () => boolean): void {
    const before = this.#facts.snapshot();
    const { counted } = this.tally;
    this.tables.savepoint();
    if (run()) return this.tables.releaseSavepoint();
    this.tables.backToSavepoint();
    // Lease ids that were looked at are not looked at again, or looking could take ever longer.
    const { leasesNumbered } = this.#facts.meta;
    this.#facts.reset(before);
    this.tally.counted = counted;
    this.#facts.set({ leasesNumbered });
  }

  /** Ends the transaction of the changes so far. Throws KvFullError; then {@link rollback}. */
  commit(how: "normal" | "durable"): void {
    this.tables.commit(this.#facts.snapshot(), how);
  }

  /** Goes back to the last commit. */
  rollback(): void {
    this.tables.rollback();
    this.#takeStored();
  }

  /** Becomes what is staged: what was open is dropped, and nobody knows what has changed. */
  adopt(): void {
    this.tables.rollback();
    this.tables.adopt();
    this.pastHashes.backTo(0);
    this.#takeStored();
    this.ownChanges.lose();
    this.versions.requireKnown();
  }

  #takeStored(): void {
    const stored = this.tables.stored();
    this.tally.end();
    this.#facts.reset(stored);
    this.restores.forget();
    this.versions.forget();
    this.pastHashes.backTo(stored.applied.index);
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
    const { value, mediaType, lease } = version;
    this.#append(stamp, key, { value, mediaType, lease, ...counts }, head);
    return counts;
  }

  /** Deletes `key`, whose newest change is `head`, a version. */
  delete(stamp: Stamp, key: Uint8Array, head: ChangeHead): void {
    assert(!isDeletion(head), "The key to delete is deleted already");
    this.#append(stamp, key, { ...nothingKept, create: 0, version: 0 }, head);
  }

  /** The next revision may be as high as this one, or higher: for a restore alone. */
  skipTo(revision: Revision): void {
    assert(revision >= this.revision, `Skipping from ${this.revision} back to ${revision}`);
    this.#facts.set({ revision });
  }

  /** Adds a change of a backup: a version as it was written there, or a deletion. */
  load(stamp: Stamp, key: Uint8Array, written: Counted | undefined): void {
    const head = this.head(key);
    const over = head === undefined || isDeletion(head) ? undefined : head;
    // A whole backup deletes nothing that is not there.
    if (written === undefined && over === undefined) return;
    const { lease } = written ?? nothingKept;
    this.#add(stamp, key, written ?? { ...nothingKept, create: 0, version: 0 }, head);
    if (over?.lease === lease) return;
    if (over?.lease !== undefined) this.leases.detach(over.lease, key, { isLoading: true });
    if (lease !== undefined) this.leases.attach(lease, key);
  }

  #append(
    stamp: Stamp,
    key: Uint8Array,
    version: Counted,
    head: ChangeHead | undefined,
  ): void {
    this.#add(stamp, key, version, head);
    const isLive = head !== undefined && !isDeletion(head);
    this.#moveLease(key, isLive ? head.lease : undefined, version.lease);
  }

  #add(
    stamp: Stamp,
    key: Uint8Array,
    version: Counted,
    head: ChangeHead | undefined,
  ): void {
    const meta = this.#facts.meta;
    const { revision, timeMs, wallMs } = stamp;
    assert(revision === meta.revision || revision === meta.revision + 1, `revision ${revision}`);
    const number = assertCount(meta.changes + 1, "number of changes");
    const { previous, skip, depth } = chainAfter(head, (earlier) => this.tables.link(earlier));
    const { value, mediaType, lease, create } = version;
    // Member by member: this is done for every write, and spreading costs more than all the rest.
    const change = {
      number,
      revision,
      timeMs,
      wallMs,
      key,
      value,
      mediaType,
      lease,
      create,
      version: version.version,
      previous,
      skip,
      depth,
      valueBytes: value.length,
    };
    const { crc32c, hash } = changeChecksums(change);
    const over = head === undefined ? "absent" : isDeletion(head) ? "dead" : "live";
    this.tables.append({ ...change, crc32c }, over);
    this.ownChanges.note(key);
    const dies = version.version === 0;
    if (over !== "absent") this.tally.keyMoved(over, key, previous, -1);
    this.tally.keyMoved(dies ? "dead" : "live", key, number, 1);
    this.#facts.set({
      revision,
      changes: number,
      liveKeys: meta.liveKeys + (dies ? -1 : over === "live" ? 0 : 1),
      deadKeys: meta.deadKeys + (dies ? 1 : over === "dead" ? -1 : 0),
      stateHash: addHash(meta.stateHash, hash),
    });
  }

  #moveLease(key: Uint8Array, from: LeaseId | undefined, to: LeaseId | undefined): void {
    if (from === to) return;
    if (from !== undefined) this.leases.detach(from, key);
    if (to !== undefined) this.leases.attach(to, key);
  }

  /** The state now. */
  newestView(): View {
    return { revision: this.#facts.meta.revision, through: this.#facts.meta.changes };
  }

  /** The state right after `revision`, of which compaction has removed nothing. */
  viewAt(revision: Revision): View {
    const { revision: newest } = this.#facts.meta;
    assert(revision >= emptyRevision && revision <= newest, `view at revision ${revision}`);
    if (revision === newest) return this.newestView();
    return { revision, through: lastChangeAt(this.tables, revision, this.#facts.meta) };
  }

  /** True when nothing has changed since `view` was the newest one. */
  isNewest(view: View): boolean {
    return view.through === this.#facts.meta.changes;
  }

  /** The record under `key` in `view`; undefined when there was none. */
  recordAt(key: Uint8Array, view: View): KvRecord | undefined {
    if (this.isNewest(view)) {
      const change = this.tables.live(key);
      return change && recordOf(change, change.key, change.value);
    }
    const head = this.tables.head(key);
    const number = head === undefined ? 0 : this.numberAt(head, view);
    return number === 0 ? undefined : this.recordOfChange(number, key);
  }

  /**
   * The number of the change that `head`'s key shows in `view`; 0 when it shows none. `onVisit` is
   * told of each change on the way.
   */
  numberAt(
    head: ChangeLink,
    view: Pick<View, "through">,
    onVisit: () => void = () => {},
  ): number {
    if (head.number <= view.through) return head.number;
    return changeAtOrBelow(head, view.through, (earlier, later) => {
      onVisit();
      if (earlier >= later) {
        throw this.tables.damaged(`change ${later} leads back to change ${earlier}`);
      }
      return this.tables.link(earlier) ?? this.missing(earlier);
    });
  }

  /** The record that change `number` left under `key`; undefined when it deleted, or is gone. */
  recordOfChange(number: ChangeNumber, key: Uint8Array): KvRecord | undefined {
    const change = this.changeOf(number, key);
    if (change === undefined || isDeletion(change)) return undefined;
    return recordOf(change, change.key, change.value);
  }

  /** Change `number`, which is one of `key`; undefined when compaction has taken it. */
  changeOf(number: ChangeNumber, key: Uint8Array): Change | undefined {
    return this.#checked(number, key, this.tables.change(number));
  }

  /** Like {@link recordOfChange}, as a row; `values`: with its value. */
  shownChange(
    number: ChangeNumber,
    key: Uint8Array,
    { values }: { readonly values: boolean },
  ): KeyedChange | undefined {
    const change = values ? this.tables.change(number) : this.tables.keyedChange(number);
    const found = this.#checked(number, key, change);
    return found === undefined || isDeletion(found) ? undefined : found;
  }

  /** `change`, which `number` has led to: the links are read without a checksum. */
  #checked<T extends KeyedChange>(
    number: ChangeNumber,
    key: Uint8Array,
    change: T | undefined,
  ): T | undefined {
    if (change === undefined) {
      // Only compaction takes rows away, and of those that a view can ask for only deletions.
      if (number > this.#facts.meta.purgedThrough) this.missing(number);
      return undefined;
    }
    if (equalBytes(change.key, key)) return change;
    throw this.tables.damaged(`change ${number} is of another key than was looked for`);
  }

  /** A change is not there that compaction cannot have taken. */
  missing(number: ChangeNumber): never {
    throw this.tables.damaged(`change ${number} is missing`);
  }

  /** True when nothing in `range` has changed after `revision`, deletions included. Exact. */
  unchangedSince(range: KeyRange, revision: Revision): boolean {
    const { oldest, revision: newest, changes } = this.#facts.meta;
    // Below the oldest revision deletions are forgotten; above the newest one nobody can have read.
    if (revision < oldest || revision > newest) return false;
    const after = lastChangeAt(this.tables, revision, this.#facts.meta);
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
    const oldest = Math.min(this.#facts.meta.oldest, view.revision);
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
