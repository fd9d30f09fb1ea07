/**
 * Rows of kv.db as changes and rows of the ledger, and back. What cannot be one throws
 * {@link DamagedRowError}.
 */

import {
  type AuditedChange,
  type AuditedHead,
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

/**
 * A row of {@link sliceColumns}, in their order, and of what the audit adds. Its checksum is not
 * looked at.
 */
export function parseAuditedChange(row: readonly SqliteValue[]): AuditedChange {
  const value = row[14] instanceof Uint8Array ? { value: row[14] } : {};
  return {
    number: asCount(row[0], "number"),
    previous: asCount(row[1], "previous"),
    skip: asCount(row[2], "skip"),
    depth: asCount(row[3], "depth"),
    revision: asCount(row[4], "revision"),
    create: asCount(row[5], "create_revision"),
    version: asCount(row[6], "version"),
    lease: asText(row[7], "lease"),
    mediaType: asText(row[8], "media_type"),
    valueBytes: asCount(row[9], "value_bytes"),
    key: asBlob(row[10], "key"),
    timeMs: asCount(row[11], "time_ms"),
    wallMs: asCount(row[12], "wall_ms"),
    crc32c: asCount(row[13], "crc32c"),
    ...value,
    isFound: row[15] === 1,
  };
}

/** A row of `key, number`, in this order. */
export function parseAuditedHead(row: readonly SqliteValue[]): AuditedHead {
  return { key: asBlob(row[0], "key"), number: asCount(row[1], "number") };
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
  return asCount(row[name], name);
}

function text(row: SqliteRow, name: string): string | undefined {
  return asText(row[name], name);
}

/** A column of bytes. */
export function blob(row: SqliteRow, name: string): Uint8Array {
  return asBlob(row[name], name);
}

function asCount(value: SqliteValue | undefined, name: string): number {
  if (typeof value === "number") return value;
  throw new DamagedRowError(`column ${name} of a row holds no integer`);
}

function asText(value: SqliteValue | undefined, name: string): string | undefined {
  if (typeof value === "string") return value;
  if (value === null) return undefined;
  throw new DamagedRowError(`column ${name} of a row holds no text`);
}

function asBlob(value: SqliteValue | undefined, name: string): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw new DamagedRowError(`column ${name} of a row holds no bytes`);
}
