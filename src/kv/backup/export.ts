/**
 * Reads a store, which must stand still meanwhile, as the blocks of a backup: one at a time, so
 * that whoever writes them decides how fast it goes, and never more of it in memory than a block.
 */

import { type ChangeNumber, isDeletion, type TimedChange } from "../change.ts";
import { Facts } from "../facts.ts";
import {
  keptOfRow,
  streamAnswers,
  streamAnswersMax,
  streamOfRow,
  windowMs,
} from "../idempotency.ts";
import { LeaseBook } from "../leases.ts";
import { Ledger, ledgerKey, ledgerKind } from "../ledger.ts";
import type { KvTables, LedgerRow } from "../ports.ts";
import {
  type BackupAnswer,
  type BackupChange,
  type BackupCounts,
  backupFormat,
  type BackupLease,
  type BackupRecord,
  type BackupSection,
  backupSections,
  blockBytesTarget,
  blockRecordsMax,
  encodeBlock,
} from "./format.ts";
import { type BackupHeader, encodeHeader } from "./header.ts";
import { Superseded } from "./superseded.ts";

/** Rows that are read at once: their values, up to 64 KiB each, are in memory together. */
const sliceRows = 64;

/** What the tables do not know. */
export type BackupOrigin = Pick<BackupHeader, "program" | "createdMs" | "clusterId">;

/** What a backup of `tables` says of itself. */
export function headerOf(tables: KvTables, origin: BackupOrigin): BackupHeader {
  const { applied, revision, oldest, clusterTimeMs, liveKeys, leasesNumbered } = tables.stored();
  return {
    ...{ format: backupFormat, ...origin, appliedIndex: applied.index },
    ...{ revision, oldest, clusterTimeMs, keys: liveKeys, leasesNumbered },
  };
}

/**
 * The blocks of a backup in their order, encoded, without the end, whose digest the writer knows;
 * undefined now and then where looking for the next record takes long. Returns what the end counts.
 * Throws what the tables throw over damaged rows: such a store makes no backup.
 */
export function* exportBlocks(
  tables: KvTables,
  origin: BackupOrigin,
): Generator<Uint8Array | undefined, BackupCounts> {
  yield encodeBlock({ kind: "header", json: encodeHeader(headerOf(tables, origin)) });
  const counts: Record<BackupSection, number> = { leases: 0, changes: 0, answers: 0 };
  const readers = { leases: leasesOf, changes: changesOf, answers: answersOf };
  for (const section of backupSections) {
    let records: BackupRecord[] = [];
    let bytes = 0;
    for (const record of readers[section](tables)) {
      if (record === undefined) {
        yield undefined;
        continue;
      }
      records.push(record);
      bytes += bytesOf(record);
      counts[section]++;
      if (records.length < blockRecordsMax && bytes < blockBytesTarget) continue;
      yield encodeBlock({ kind: section, records });
      records = [];
      bytes = 0;
    }
    if (records.length > 0) yield encodeBlock({ kind: section, records });
  }
  return counts;
}

/** Nearly what it takes in the file. */
function bytesOf(record: BackupRecord): number {
  switch (record.kind) {
    case "lease":
      return 40;
    case "change":
      return 60 + record.key.length + (record.written?.value.length ?? 0);
    case "stream":
      return 20 + record.scope.length;
    case "answer":
    case "numbered":
      return 60 + record.scope.length + record.result.length;
  }
}

function* leasesOf(tables: KvTables): Generator<BackupLease> {
  const facts = new Facts(tables.stored());
  const { clusterTimeMs } = facts.meta;
  const book = new LeaseBook(new Ledger(tables, facts), facts);
  let page = book.list({ countMax: sliceRows });
  for (;;) {
    for (const { id, ttlMs, deadlineMs, isPrivate } of page) {
      const remainingMs = Math.max(0, deadlineMs - clusterTimeMs);
      yield { kind: "lease", id, ttlMs, remainingMs, isPrivate };
    }
    const last = page.at(-1);
    if (last === undefined) return;
    page = book.list({ countMax: sliceRows, after: last.id });
  }
}

function* changesOf(tables: KvTables): Generator<BackupChange | undefined> {
  const superseded = new Superseded(tables);
  const valuesIn = { start: new Uint8Array(0) };
  let next: ChangeNumber = 1;
  for (;;) {
    const slice = tables.changeSlice(next, { rowsMax: sliceRows, valuesIn });
    for (const change of slice) {
      yield* superseded.lookFor(change.number);
      if (!superseded.has(change)) yield backupChange(tables, change);
    }
    const last = slice.at(-1);
    if (last === undefined) return;
    next = last.number + 1;
    yield undefined;
  }
}

function backupChange(tables: KvTables, change: TimedChange): BackupChange {
  const { number, revision, timeMs, wallMs, key, create, version, lease, mediaType } = change;
  const isNewest = tables.head(key)?.number === number;
  const shared = { kind: "change", revision, timeMs, wallMs, key, isNewest } as const;
  if (isDeletion(change)) return { ...shared, written: undefined };
  // A long one does not come along with the slice.
  const value = change.value ?? tables.change(number)?.value;
  if (value === undefined) throw tables.damaged(`change ${number} is missing`);
  return { ...shared, written: { create, version, value, lease, mediaType } };
}

function* answersOf(tables: KvTables): Generator<BackupAnswer | undefined> {
  const facts = new Facts(tables.stored());
  const nowMs = facts.meta.clusterTimeMs;
  const ledger = new Ledger(tables, facts);
  for (const row of rowsOf(ledger, ledgerKind.answer)) {
    const { dueMs, requestHash, answer: result } = keptOfRow(row.value);
    if (dueMs <= nowMs) yield undefined;
    else {
      const remainingMs = dueMs - nowMs;
      yield { kind: "answer", scope: row.key.subarray(1), remainingMs, requestHash, result };
    }
  }
  for (const row of rowsOf(ledger, ledgerKind.stream)) {
    const { newest, usedMs } = streamOfRow(row.value);
    const scope = row.key.subarray(1);
    const idleMs = nowMs - usedMs;
    if (idleMs >= windowMs) {
      yield undefined;
      continue;
    }
    yield { kind: "stream", scope, idleMs, newest };
    for (const { value } of ledger.rowsOf(streamAnswers(scope), { rowsMax: streamAnswersMax })) {
      const { dueMs, seq, requestHash, answer: result } = keptOfRow(value);
      // Its slot has not been used since, and nobody is answered with it any more.
      if (seq <= newest - streamAnswersMax) continue;
      const remainingMs = Math.max(0, dueMs - nowMs);
      yield { kind: "numbered", scope, remainingMs, requestHash, result, seq };
    }
  }
}

function* rowsOf(ledger: Ledger, kind: number): Generator<LedgerRow> {
  const prefix = ledgerKey(kind);
  let page = ledger.rowsOf(prefix, { rowsMax: sliceRows });
  for (;;) {
    yield* page;
    const last = page.at(-1);
    if (last === undefined) return;
    page = ledger.rowsOf(prefix, { rowsMax: sliceRows, after: last.key });
  }
}
