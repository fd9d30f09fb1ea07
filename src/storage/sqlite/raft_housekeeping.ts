/**
 * What raft.db needs besides writes, kept off their path: rows below the boundary are deleted, and
 * the WAL is copied back into the database. Both happen on a tick behind the answers, a little at a
 * time. The timer runs only while there is something to do.
 *
 * Nothing grows without bound: a tick deletes more rows than the writes since the last tick can
 * have compacted, and a WAL beyond `walPagesMax` is checkpointed at the next tick, calm or not. A
 * checkpoint with a single connection always completes, because nobody else reads.
 */

import type { Clock } from "../../node/ports.ts";
import type { LogWrite } from "../../raft/ready.ts";
import type { Index } from "../../raft/types.ts";
import type { SqliteDatabase, SqliteStatement } from "../../runtime/mod.ts";
import { isFull } from "./raft_database.ts";

/** Rows deleted for each write, at least one portion and at most eight of them a tick. */
export const purgeRowsMax = 256;
const purgePortionsMax = 8;
export const housekeepingIntervalMs = 20;
/** With so many pages in the WAL a tick without writes since the last one checkpoints it. */
export const walPagesCalm = 1_000;
/** With so many pages any tick does. */
export const walPagesMax = 8_192;

const pageBytes = 4096;
/** The row of state, its leaf, and the leaf of entries that a write begins in. */
const writePages = 3;

/** The state of the database as it was opened. */
export interface HousekeepingOptions {
  readonly database: SqliteDatabase;
  readonly clock: Pick<Clock, "every">;
  /** Rows may stand from here on. */
  readonly oldestIndex: Index;
  readonly boundaryIndex: Index;
  readonly onError: (error: unknown) => void;
}

/** Purge and checkpoints of one open raft.db. */
export class RaftHousekeeping {
  readonly #options: HousekeepingOptions;
  readonly #purge: SqliteStatement;
  readonly #checkpoint: SqliteStatement;
  #purgedTo: Index;
  #purgeTarget: Index;
  #walPages = 0;
  #writes = 0;
  #stop: (() => void) | undefined;

  constructor(options: HousekeepingOptions) {
    this.#options = options;
    this.#purge = options.database.prepare("DELETE FROM entries WHERE idx <= ?");
    this.#checkpoint = options.database.prepare("PRAGMA wal_checkpoint(PASSIVE)");
    this.#purgedTo = options.oldestIndex - 1;
    this.#purgeTarget = options.boundaryIndex;
    this.#startIfNeeded();
  }

  /** A write has been committed. */
  note(write: LogWrite): void {
    this.#writes++;
    let bytes = 0;
    for (const entry of write.entries) bytes += entry.data.length + 32;
    this.#walPages += writePages + Math.ceil(bytes / pageBytes);
    if (write.snapshot !== undefined) {
      this.#purgedTo = write.snapshot.position.index;
      this.#purgeTarget = this.#purgedTo;
    }
    if (write.compactTo !== undefined) this.#purgeTarget = write.compactTo.position.index;
    this.#startIfNeeded();
  }

  close(): void {
    this.#stop?.();
    this.#stop = undefined;
  }

  #startIfNeeded(): void {
    if (this.#stop !== undefined || !this.#hasWork()) return;
    this.#stop = this.#options.clock.every(housekeepingIntervalMs, () => this.#tick());
  }

  #hasWork(): boolean {
    return this.#purgedTo < this.#purgeTarget || this.#walPages >= walPagesCalm;
  }

  /** One thing a tick, so that each stays short. */
  #tick(): void {
    const writes = this.#writes;
    this.#writes = 0;
    try {
      if (this.#walPages >= walPagesMax) this.#runCheckpoint();
      else if (this.#purgedTo < this.#purgeTarget) this.#runPurge(writes);
      else if (writes === 0 && this.#walPages >= walPagesCalm) this.#runCheckpoint();
    } catch (error) {
      // On a full disk both can wait: nothing of them is left behind, and the next tick comes.
      if (!isFull(error)) this.#options.onError(error);
    }
    if (!this.#hasWork()) this.close();
  }

  #runPurge(writes: number): void {
    const portions = Math.min(Math.max(writes, 1), purgePortionsMax);
    const to = Math.min(this.#purgeTarget, this.#purgedTo + portions * purgeRowsMax);
    this.#purge.run(to);
    this.#purgedTo = to;
    this.#walPages += writePages + Math.ceil(portions * purgeRowsMax / 16);
  }

  #runCheckpoint(): void {
    this.#checkpoint.get();
    this.#walPages = 0;
  }
}
