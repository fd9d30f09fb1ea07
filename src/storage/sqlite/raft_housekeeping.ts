/**
 * What raft.db needs besides writes, kept off their path: rows below the boundary are deleted, and
 * the WAL is copied back into the database. Both happen on a tick behind the answers, a little at a
 * time. The timer runs only while there is something to do.
 *
 * Nothing grows without bound: a tick deletes twice what was written since the last one that did,
 * as long as that stays short, and a WAL beyond `walPagesMax` is checkpointed at the next tick,
 * calm or not. A checkpoint with a single connection always completes, because nobody else reads.
 */

import type { Clock } from "../../node/ports.ts";
import type { LogWrite } from "../../raft/ready.ts";
import type { Index } from "../../raft/types.ts";
import type { SqliteDatabase, SqliteStatement } from "../../runtime/mod.ts";
import { isFull } from "./raft_database.ts";

/** A tick deletes so many rows at least, and at most so many times as many. */
export const purgeRowsMax = 256;
const purgePortionsMax = 32;
/** But no more of their data, and one row at least: each page that it lies on has to be found. */
const purgeBytesMin = 4 * 1024 * 1024;
const purgeBytesMax = 16 * 1024 * 1024;
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
  readonly #lengths: SqliteStatement;
  readonly #checkpoint: SqliteStatement;
  #purgedTo: Index;
  #purgeTarget: Index;
  #walPages = 0;
  #writes = 0;
  /** Written since rows were deleted last. */
  #fresh = { entries: 0, bytes: 0 };
  #stop: (() => void) | undefined;

  constructor(options: HousekeepingOptions) {
    this.#options = options;
    this.#purge = options.database.prepare("DELETE FROM entries WHERE idx <= ?");
    // length() reads no page that a long value spills over.
    this.#lengths = options.database.prepare(
      "SELECT idx, length(data) AS bytes FROM entries WHERE idx <= ? ORDER BY idx LIMIT ?",
    );
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
    this.#fresh.entries += write.entries.length;
    this.#fresh.bytes += bytes;
    this.#walPages += writePages + Math.ceil(bytes / pageBytes);
    if (write.snapshot !== undefined) this.#purgeTarget = write.snapshot.position.index;
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
      else if (this.#purgedTo < this.#purgeTarget) this.#runPurge();
      else if (writes === 0 && this.#walPages >= walPagesCalm) this.#runCheckpoint();
    } catch (error) {
      // On a full disk both can wait: nothing of them is left behind, and the next tick comes.
      if (!isFull(error)) this.#options.onError(error);
    }
    if (!this.#hasWork()) this.close();
  }

  #runPurge(): void {
    const { entries, bytes } = this.#fresh;
    const wanted = Math.ceil(2 * entries / purgeRowsMax);
    const rows = Math.min(Math.max(wanted, 1), purgePortionsMax) * purgeRowsMax;
    const bytesMax = Math.min(Math.max(2 * bytes, purgeBytesMin), purgeBytesMax);
    const { to, count } = this.#purgeEnd(rows, bytesMax);
    this.#purge.run(to);
    this.#fresh = { entries: 0, bytes: 0 };
    this.#walPages += writePages + Math.ceil(count / 16);
    this.#purgedTo = to;
  }

  /** How far the next rows go, and how many they are: there may be none for a long way. */
  #purgeEnd(rowsMax: number, bytesMax: number): { readonly to: Index; readonly count: number } {
    const rows = this.#lengths.all(this.#purgeTarget, rowsMax);
    let left = bytesMax;
    let to = 0;
    for (const [count, { idx, bytes }] of rows.entries()) {
      left -= Number(bytes);
      if (left < 0 && count > 0) return { to, count };
      to = Number(idx);
    }
    const { length: count } = rows;
    return { to: count < rowsMax ? this.#purgeTarget : to, count };
  }

  #runCheckpoint(): void {
    this.#checkpoint.get();
    this.#walPages = 0;
  }
}
