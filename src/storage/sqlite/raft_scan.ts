/**
 * What stands in raft.db, found by reading all of it once at start. Every checksum is checked then:
 * a log that is found damaged while it is needed comes too late, because the node has voted by it.
 */

import type { Entry, Index } from "../../raft/types.ts";
import type { SqliteDatabase, SqliteRow } from "../../runtime/mod.ts";
import { LogOutline, originBoundary, originHardState } from "../log_outline.ts";
import { isDamage } from "./raft_database.ts";
import type { RaftRows } from "./raft_rows.ts";
import {
  allRows,
  configurationValues,
  parseBoundary,
  parseConfiguration,
  parseState,
} from "./raft_schema.ts";

const pageBytesMax = 1024 * 1024;

/** A log as its rows tell it, as far as they can be believed. */
export interface Scan {
  /** The intact log: up to `firstBad`, where there is one. */
  readonly outline: LogOutline;
  readonly firstBad?: Index;
  readonly badMeta: boolean;
  /** Rows stand from here on, perhaps below the boundary. */
  readonly oldestIndex: Index;
}

/** The facts about a database of which not even the tables can be read. */
export function scanOfNothing(): Scan {
  return { outline: new LogOutline(), firstBad: 1, badMeta: true, oldestIndex: 1 };
}

/** Reads the whole log. Throws only what is no damage, such as an error of the disk. */
export function scanLog(database: SqliteDatabase, rows: RaftRows): Scan {
  const state = firstRow(database, "SELECT * FROM state", parseState);
  const boundary = firstRow(database, "SELECT * FROM boundary", parseBoundary);
  const outline = new LogOutline({
    batchNumber: state?.batchNumber ?? 0,
    hardState: state?.hardState ?? originHardState,
    boundary: boundary ?? originBoundary,
  });
  const isReadable = fill(outline, rows);
  const end = outline.lastIndex;
  const ends = orElse(() => rows.ends(), undefined);
  const isShort = !isReadable || state !== undefined && state.last.index > end ||
    (ends?.last ?? Infinity) > end;
  const isStale = state === undefined || boundary === undefined ||
    !isShort && (state.last.index !== end || state.last.term !== outline.last.term);
  const badMeta = isStale || !configurationsMatch(database, outline);
  const oldestIndex = ends?.first || outline.firstIndex;
  return { outline, badMeta, oldestIndex, ...(isShort && { firstBad: end + 1 }) };
}

/**
 * The entries of `range` as far as they can be read: SQLite stumbles over what lies behind the last
 * of them as well, so what fails as a page is tried as a single row. Undefined when not even that
 * can be read.
 */
export function readablePage(
  rows: RaftRows,
  range: { readonly from: Index; readonly to: Index; readonly bytesMax: number },
): readonly Entry[] | undefined {
  return orElse(() => rows.page(range), undefined) ??
    orElse(() => rows.page({ ...range, to: range.from }), undefined);
}

/** Reads entries until one is missing or damaged; false when SQLite itself could not go on. */
function fill(outline: LogOutline, rows: RaftRows): boolean {
  for (;;) {
    const from = outline.lastIndex + 1;
    const range = { from, to: Number.MAX_SAFE_INTEGER, bytesMax: pageBytesMax };
    const page = readablePage(rows, range);
    if (page === undefined) return false;
    if (page.length === 0) return true;
    for (const entry of page) {
      if (entry.term < outline.last.term) return true;
      outline.append(entry);
    }
  }
}

/** The configurations stand twice, in their entries and in a table of their own. */
function configurationsMatch(database: SqliteDatabase, outline: LogOutline): boolean {
  const sql = `SELECT * FROM configurations WHERE idx <= ${outline.lastIndex} ORDER BY idx`;
  const rows = orElse(() => allRows(database, sql), undefined);
  const [, ...inLog] = outline.configurations;
  if (rows?.length !== inLog.length) return false;
  return rows.every((row, at) => {
    const stored = parseConfiguration(row);
    return stored !== undefined &&
      configurationValues(stored).join() === configurationValues(inLog[at]!).join();
  });
}

function firstRow<T>(
  database: SqliteDatabase,
  sql: string,
  parse: (row: SqliteRow) => T | undefined,
): T | undefined {
  const row = orElse(() => allRows(database, sql)[0], undefined);
  return row && parse(row);
}

function orElse<T, E>(read: () => T, otherwise: E): T | E {
  try {
    return read();
  } catch (error) {
    if (isDamage(error)) return otherwise;
    throw error;
  }
}
