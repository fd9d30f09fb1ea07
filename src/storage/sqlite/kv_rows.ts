/**
 * Rows of kv.db as changes and rows of the ledger, and back. What cannot be one throws
 * {@link DamagedRowError}.
 */

import {
  type AuditedChange,
  type Change,
  changeCrc32c,
  type ChangeHead,
  type ChangeLink,
  type KeyedChange,
  ledgerCrc32c,
  type LedgerRow,
  sliceValueBytesMax,
  type TimedChange,
} from "../../kv/ports.ts";
import type { SqliteRow, SqliteValue } from "../../runtime/mod.ts";
import { DamagedRowError } from "./kv_schema.ts";

const facts = "revision, create_revision, version, lease, media_type";
const times = "time_ms, wall_ms";
export const linkColumns = "number, previous, skip, depth";
export const headColumns = `${linkColumns}, ${facts}, length(value) AS value_bytes`;
/** A row without its key, which who asks by key has. */
export const unkeyedColumns = `${linkColumns}, ${facts}, ${times}, crc32c, value`;
export const changeColumns = `${unkeyedColumns}, change.key AS key`;
export const keyedColumns = `${headColumns}, change.key AS key`;
/**
 * With the value only where it is short, and `isWanted` holds: SQLite does not touch the pages of
 * the others.
 */
export function sliceColumns(isWanted = "TRUE"): string {
  return `${keyedColumns}, ${times}, crc32c,
    CASE WHEN length(value) <= ${sliceValueBytesMax} AND ${isWanted} THEN value END AS value`;
}

export const insertChangeSql = `INSERT INTO change (number, revision, time_ms, wall_ms, key,
  create_revision, version, previous, skip, depth, lease, media_type, crc32c, value)
  VALUES (?${", ?".repeat(13)})`;

/** In the order of {@link insertChangeSql}. */
export function changeValues(change: Change): readonly SqliteValue[] {
  return [
    ...[change.number, change.revision, change.timeMs, change.wallMs, change.key],
    ...[change.create, change.version],
    ...[change.previous, change.skip, change.depth],
    ...[change.lease ?? null, change.mediaType ?? null, change.crc32c, change.value],
  ];
}

/** A row of {@link linkColumns}. */
export function parseLink(row: SqliteRow): ChangeLink {
  return {
    number: count(row, "number"),
    previous: count(row, "previous"),
    skip: count(row, "skip"),
    depth: count(row, "depth"),
  };
}

/** A row of {@link headColumns}. */
export function parseHead(row: SqliteRow): ChangeHead {
  return headOf(row, count(row, "value_bytes"));
}

function headOf(row: SqliteRow, valueBytes: number): ChangeHead {
  return {
    number: count(row, "number"),
    previous: count(row, "previous"),
    skip: count(row, "skip"),
    depth: count(row, "depth"),
    revision: count(row, "revision"),
    create: count(row, "create_revision"),
    version: count(row, "version"),
    lease: text(row, "lease"),
    mediaType: text(row, "media_type"),
    valueBytes,
  };
}

/** A whole row, checked against its checksum. */
export function parseChange(row: SqliteRow, key = blob(row, "key")): Change {
  const value = blob(row, "value");
  const change = {
    ...headOf(row, value.length),
    timeMs: count(row, "time_ms"),
    wallMs: count(row, "wall_ms"),
    key,
    value,
    crc32c: count(row, "crc32c"),
  };
  requireIntact(change);
  return change;
}

/** A row without its value, or with it where that came along. */
export function parseKeyedChange(row: SqliteRow): KeyedChange {
  if (row["value"] instanceof Uint8Array) return parseChange(row);
  return { ...parseHead(row), key: blob(row, "key") };
}

/** The same of a row of {@link sliceColumns}. */
export function parseTimedChange(row: SqliteRow): TimedChange {
  const times = { timeMs: count(row, "time_ms"), wallMs: count(row, "wall_ms") };
  return { ...parseKeyedChange(row), ...times };
}

/** A row of {@link sliceColumns} and of what the audit adds. Its checksum is not looked at. */
export function parseAuditedChange(row: SqliteRow): AuditedChange {
  const value = row["value"] instanceof Uint8Array ? { value: row["value"] } : {};
  return {
    ...parseHead(row),
    ...value,
    key: blob(row, "key"),
    timeMs: count(row, "time_ms"),
    wallMs: count(row, "wall_ms"),
    crc32c: count(row, "crc32c"),
    head: row["head"] === null ? undefined : count(row, "head"),
    previousDepth: row["previous_depth"] === null ? undefined : count(row, "previous_depth"),
  };
}

function requireIntact(change: Change): void {
  if (changeCrc32c(change) === change.crc32c) return;
  throw new DamagedRowError(`change ${change.number} has a wrong checksum`);
}

/** A row of the ledger, checked against its checksum. */
export function parseLedgerRow(row: SqliteRow): LedgerRow {
  const parsed = { key: blob(row, "key"), value: blob(row, "value"), crc32c: count(row, "crc32c") };
  if (ledgerCrc32c(parsed.key, parsed.value) === parsed.crc32c) return parsed;
  throw new DamagedRowError("a row of the ledger has a wrong checksum");
}

/** An integer column. */
export function count(row: SqliteRow, name: string): number {
  const value = row[name];
  if (typeof value === "number") return value;
  throw new DamagedRowError(`column ${name} of a row holds no integer`);
}

function text(row: SqliteRow, name: string): string | undefined {
  const value = row[name];
  if (typeof value === "string") return value;
  if (value === null) return undefined;
  throw new DamagedRowError(`column ${name} of a row holds no text`);
}

/** A column of bytes. */
export function blob(row: SqliteRow, name: string): Uint8Array {
  const value = row[name];
  if (value instanceof Uint8Array) return value;
  throw new DamagedRowError(`column ${name} of a row holds no bytes`);
}
