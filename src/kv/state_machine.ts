/**
 * The replicated store as the node sees it: entries in, results out, queries answered, and the
 * position that all of it stands at. Applying reads no clock and draws no random number, so every
 * node that applies the same entries is in the same state.
 *
 * What was applied stands in one transaction that is kept open across calls; a crash of the process
 * loses it, and the log brings it back. It is committed by size in `apply`, by time in
 * {@link KvStateMachine.commit}, and for good in `makeDurable`.
 */

import { assert } from "../lib/assert.ts";
import type { SnapshotImage, SnapshotStage, StateMachine } from "../node/ports.ts";
import { decodeConfiguration } from "../raft/encoding.ts";
import type { Entry, LogPosition, PositionedConfiguration, SnapshotMeta } from "../raft/types.ts";
import { decodeCommand } from "./command_encoding.ts";
import { purge } from "./compaction.ts";
import { contestOfKey } from "./contest_keys.ts";
import type { AnswerLimits } from "./idempotency.ts";
import { type DataVersion, type DataVersionBook, LaterVersionError } from "./data_version.ts";
import { applyOnce } from "./apply_once.ts";
import { isUnwritten } from "./apply_restore.ts";
import { applyOperation } from "./operations.ts";
import { hashOf } from "./past_hashes.ts";
import { KvFullError, type KvMeta, type KvTables } from "./ports.ts";
import type { Lease } from "./leases.ts";
import { Pins } from "./pins.ts";
import type { Answer, Query } from "./query.ts";
import { answerQuery } from "./reads.ts";
import { idempotencyRefusal, refusalOf } from "./refusals.ts";
import { emptyRevision, type Revision } from "./record.ts";
import { rejected } from "./rejected.ts";
import { revisionAt } from "./revisions.ts";
import type { Outcome, Result } from "./result.ts";
import type { Restore } from "./restores.ts";
import { Store } from "./store.ts";
import { StoreAudit } from "./store_audit.ts";

/** Limits default to the constants below. */
export interface KvStateMachineOptions {
  readonly tables: KvTables;
  /** The open transaction is committed when it holds this many entries or bytes of them. */
  readonly commitEntriesMax?: number;
  readonly commitBytesMax?: number;
  /** How many answers are remembered for repeated requests: the same on every member. */
  readonly answerLimits?: AnswerLimits;
  /** The newest data version that is understood: the program's own. */
  readonly dataVersion?: DataVersion;
}

/** How often the composition calls {@link KvStateMachine.commit}, ms. */
export const kvCommitIntervalMs = 50;
export const kvCommitEntriesMax = 4_096;
export const kvCommitBytesMax = 16 * 1024 * 1024;

/** How many changes one step of compaction looks at: less than two milliseconds. */
export const purgeChangesMax = 256;
/** It ends earlier with the value that takes what it removes past this. */
const purgeBytesMax = 1024 * 1024;
/** What one step of compaction gives back to the disk at most. */
const giveBackBytesMax = 2 * purgeBytesMax;

/** What the store can say of itself at any time. */
export type KvStatus = Pick<
  KvMeta,
  "applied" | "revision" | "oldest" | "clusterTimeMs" | "liveKeys" | "leases" | "stateHash"
>;

/** See the head of this file. */
export class KvStateMachine implements StateMachine<Query, Answer, Result> {
  readonly audit: StoreAudit;
  readonly #store: Store;
  readonly #commitEntriesMax: number;
  readonly #commitBytesMax: number;
  #openEntries = 0;
  #openBytes = 0;
  /** Nothing is left to be removed that no revision from here on shows. */
  #purgedUpTo: Revision = emptyRevision;
  readonly #pins = new Pins();
  /**
   * The highest index ever applied. Above `applied` only after a full disk took something back;
   * until it is reached again, a reader would see the store run backwards.
   */
  #reachedIndex: number;
  /** What no crash of the machine takes back, as far as is known. */
  #durable: LogPosition = { index: 0, term: 0 };

  constructor(options: KvStateMachineOptions) {
    const { tables, answerLimits, dataVersion: newest } = options;
    this.#store = new Store(tables, { answerLimits, newest });
    this.audit = new StoreAudit(this.#store, {
      commit: () => this.commit(),
      unlessFull: (step) => this.#unlessFull(step),
    });
    this.#commitEntriesMax = options.commitEntriesMax ?? kvCommitEntriesMax;
    this.#commitBytesMax = options.commitBytesMax ?? kvCommitBytesMax;
    this.#reachedIndex = this.#store.meta.applied.index;
  }

  applied(): { readonly position: LogPosition; readonly configuration: PositionedConfiguration } {
    const { applied, configuration } = this.#store.meta;
    return { position: applied, configuration };
  }

  /** Its hash is the same on all members that have applied the same, whatever they compacted. */
  status(): KvStatus {
    const { meta } = this.#store;
    const { applied, revision, oldest, clusterTimeMs, liveKeys, leases } = meta;
    return { applied, revision, oldest, clusterTimeMs, liveKeys, leases, stateHash: hashOf(meta) };
  }

  /** The data version that the cluster uses, and the newest that this program can apply. */
  get dataVersions(): Pick<DataVersionBook, "inUse" | "newest"> {
    return this.#store.versions;
  }

  get revision(): Revision {
    return this.#store.revision;
  }

  /**
   * An entry at or below `applied` is passed over and answered with `none`: applying the same
   * entries again changes nothing.
   */
  apply(entries: readonly Entry[]): readonly Result[] | { readonly full: true } {
    const first = entries[0];
    if (first === undefined) return [];
    const appliedIndex = this.#store.meta.applied.index;
    if (first.index > appliedIndex + 1) {
      // A commit between two calls may have found the disk full: what it lost comes first.
      assert(
        this.#reachedIndex > appliedIndex,
        `Entry ${first.index} to apply after entry ${appliedIndex}`,
      );
      return { full: true };
    }
    const results: Result[] = [];
    const done = this.#orFullDisk(() => {
      for (const entry of entries) results.push(this.#applyEntry(entry));
      if (this.#isCommitDue()) this.#commit("normal");
    });
    return done ? results : { full: true };
  }

  #applyEntry(entry: Entry): Result {
    const { applied, clusterTimeMs } = this.#store.meta;
    if (entry.index <= applied.index) return { kind: "none" };
    assert(
      entry.index === applied.index + 1,
      `Entry ${entry.index} to apply after entry ${applied.index}`,
    );
    const position = { index: entry.index, term: entry.term };
    const timeMs = Math.max(clusterTimeMs, entry.timeMs);
    const result = entry.kind === "command" ? this.#applyCommand(entry.data, timeMs) : noResult;
    const advanced = { applied: position, clusterTimeMs: timeMs };
    if (entry.kind === "configuration") {
      const configuration = { position, configuration: decodeConfiguration(entry.data) };
      this.#store.advance({ ...advanced, configuration });
    } else {
      this.#store.advance(advanced);
    }
    this.#openEntries++;
    this.#openBytes += entry.data.length;
    this.#reachedIndex = Math.max(this.#reachedIndex, entry.index);
    return result;
  }

  #applyCommand(data: Uint8Array, timeMs: number): Result {
    const decoded = decodeCommand(data);
    if (!decoded.ok) return this.#unread(decoded);
    const { operation, wallMs, idempotency } = decoded.value;
    const reason = refusalOf(operation) ?? (idempotency && idempotencyRefusal(idempotency));
    if (reason !== undefined) return this.#refused(reason);
    const times = { timeMs, wallMs };
    if (idempotency === undefined) return applyOperation(this.#store, operation, times);
    return applyOnce(this.#store, operation, idempotency, times);
  }

  /** What no version can read is refused; what a later one may know must not be passed over. */
  #unread({ reason, isLater }: { readonly reason: string; readonly isLater: boolean }): Outcome {
    if (!isLater) return this.#refused(reason);
    throw new LaterVersionError(
      `The log holds a command that this program does not know (${reason}): start a later ` +
        "version of it on this directory",
    );
  }

  #refused(reason: string): Outcome {
    return rejected(this.#store, "bad_request", reason);
  }

  /**
   * The lease deadlines that are over at `nowMs` of cluster time, the oldest first; none where this
   * look has found the disk full.
   */
  leasesDue(nowMs: number, countMax: number): readonly Pick<Lease, "id" | "deadlineMs">[] {
    return this.#unlessFull(() => this.#store.leases.due(nowMs, countMax)) ?? [];
  }

  /** The last restore of a backup, or the one that is under way. */
  get restore(): Restore | undefined {
    return this.#unlessFull(() => this.#store.restores.current);
  }

  /** Nothing is read, and nothing else is written, until the restore has come to its end. */
  get isRestoring(): boolean {
    return this.#unlessFull(() => this.#store.restores.isClosed) ?? false;
  }

  /** Nothing was ever written: what a cluster begins with may still be restored. */
  get isUnwritten(): boolean {
    return isUnwritten(this.#store) && this.#store.meta.leases === 0;
  }

  /** How often a lock or an election has changed since this node started. */
  get contestChanges(): number {
    return this.#store.ownChanges.count;
  }

  /**
   * The contests (contestPrefix) that changed after there were `count` such changes; undefined
   * where those are too many to know. It may name some that did not change.
   */
  contestsChangedSince(count: number): readonly Uint8Array[] | undefined {
    return this.#store.ownChanges.since(count)?.flatMap((key) => contestOfKey(key) ?? []);
  }

  /** The newest revision that was made at or before a moment of cluster time, about; 0: none. */
  revisionAt(timeMs: number): Revision {
    const { tables, meta } = this.#store;
    return this.#unlessFull(() => revisionAt(tables, timeMs, meta)) ?? 0;
  }

  /** In cluster time; undefined where there is no lease. */
  nextDeadlineMs(): number | undefined {
    return this.#unlessFull(() => this.#store.leases.nextDeadlineMs());
  }

  /**
   * `revision`, which must be readable now, stays so on this node until the returned function is
   * called, even where compaction gives it up: nothing that it shows is removed. To be read by
   * queries that say `isPinned`: for everybody else it is gone as on all other nodes.
   */
  pin(revision: Revision): () => void {
    const { oldest, revision: newest } = this.#store.meta;
    assert(revision >= oldest && revision <= newest, `Pin at revision ${revision}`);
    return this.#pins.add(revision);
  }

  /**
   * One step of compaction. Returns whether there is more to do. To be called between other things:
   * what it does is committed with what else is open.
   */
  purge(changesMax = purgeChangesMax): boolean {
    const oldest = this.#pins.oldest(this.#store.meta.oldest);
    if (oldest === this.#purgedUpTo) return false;
    let isMore = false;
    this.#orFullDisk(() => {
      isMore = purge(this.#store, { oldest, changesMax, bytesMax: purgeBytesMax });
      // Long values free more with one step than it gives back.
      isMore = this.#store.tables.giveBack(giveBackBytesMax) || isMore;
      if (!isMore) this.#purgedUpTo = oldest;
      this.#openEntries++;
    });
    return isMore;
  }

  /**
   * `future` also while the store is behind where it has been, which only a full disk brings about:
   * the caller waits until the entries have been applied again.
   */
  read(query: Query): Answer {
    const { applied, revision } = this.#store.meta;
    if (applied.index < this.#reachedIndex) return { kind: "future", revision };
    const answer = this.#unlessFull(() => answerQuery(this.#store, query, this.#isPinned(query)));
    return answer ?? { kind: "future", revision: this.#store.revision };
  }

  /**
   * For all that reads outside of apply. Reading can find the disk full, too: a backend may have to
   * make room in its memory by writing. The store falls back then, and the answer is undefined.
   */
  #unlessFull<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof KvFullError)) throw error;
      this.#fallBack();
      return undefined;
    }
  }

  #isPinned(query: Query): boolean {
    if (query.kind !== "range" || query.isPinned !== true) return false;
    return query.revision !== undefined && this.#pins.has(query.revision);
  }

  /**
   * Commits what was applied, so that a crash of the process does not take it back. To be called
   * every {@link kvCommitIntervalMs}. On a full disk the store falls back to the last commit:
   * `applied` says so, reads wait, and the next `apply` answers `full`. Returns false then.
   */
  commit(): boolean {
    if (this.#openEntries === 0) return true;
    return this.#orFullDisk(() => this.#commit("normal"));
  }

  makeDurable(done: (through: LogPosition) => void): void {
    this.#orFullDisk(() => {
      this.#commit("durable");
      this.#durable = this.#store.meta.applied;
    });
    done(this.#durable);
  }

  #isCommitDue(): boolean {
    return this.#openEntries >= this.#commitEntriesMax || this.#openBytes >= this.#commitBytesMax;
  }

  #commit(how: "normal" | "durable"): void {
    this.#store.commit(how);
    this.#openEntries = 0;
    this.#openBytes = 0;
  }

  /**
   * True when `run` went through; false when the disk was full and the store fell back. It falls
   * back for every other error as well, so that no half of an entry can ever be committed.
   */
  #orFullDisk(run: () => void): boolean {
    try {
      run();
      return true;
    } catch (error) {
      this.#fallBack();
      if (error instanceof KvFullError) return false;
      throw error;
    }
  }

  /** What the backend has dropped is dropped here, too: data and facts go back together. */
  #fallBack(): void {
    this.#store.rollback();
    this.#forgetOpen();
  }

  #forgetOpen(): void {
    this.#purgedUpTo = emptyRevision;
    this.#openEntries = 0;
    this.#openBytes = 0;
  }

  image(done: (image: SnapshotImage | undefined) => void): void {
    if (this.commit()) this.#store.tables.image(done);
    else done(undefined);
  }

  stage(meta: SnapshotMeta): SnapshotStage {
    return this.#store.tables.stage(meta);
  }

  staged(): SnapshotMeta | undefined {
    return this.#store.tables.staged();
  }

  /**
   * Everything that is known of the old store goes with it. Who reads a revision of it that the new
   * one does not show is told that it is compacted.
   */
  adopt(): void {
    if (this.staged() === undefined) return;
    this.#store.adopt();
    this.#forgetOpen();
    const { applied, oldest, revision } = this.#store.meta;
    this.#pins.keepWithin({ oldest, newest: revision });
    this.#reachedIndex = applied.index;
    this.#durable = applied;
  }

  /** Commits and closes the tables. */
  close(): void {
    try {
      this.commit();
    } finally {
      this.#store.tables.close();
    }
  }
}

const noResult: Result = { kind: "none" };
