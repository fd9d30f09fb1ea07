/** Entries as rows of raft.db: reading them in pages, each checked against its checksum. */

import { entryKindNumber, entryKindOf, isIntact } from "../../raft/encoding.ts";
import type { Entry, Index } from "../../raft/types.ts";
import type { SqliteDatabase, SqliteRow, SqliteStatement, SqliteValue } from "../../runtime/mod.ts";
import { isCount } from "./raft_schema.ts";

/** Rows of one page at most: entries without data cost nothing in bytes, but do in time. */
const pageRowsMax = 4096;
/**
 * Lengths asked for at a time: few at first, because each costs a page of the file where entries
 * are long, and then more, because each question costs something where they are short.
 */
const lengthRowsFirst = 8;
const lengthRowsMax = 512;

/** The entries of one open raft.db. Errors of SQLite pass through. */
export class RaftRows {
  readonly #lengths: SqliteStatement;
  readonly #rows: SqliteStatement;
  readonly #row: SqliteStatement;
  readonly #ends: SqliteStatement;

  constructor(database: SqliteDatabase) {
    // length() reads the header of a row alone, not the pages that a long value spills over, so
    // this first look is what keeps a page of eight-megabyte values from being read for its count.
    this.#lengths = database.prepare(
      "SELECT idx, length(data) AS bytes FROM entries WHERE idx BETWEEN ? AND ? ORDER BY idx " +
        "LIMIT ?",
    );
    const columns = "idx, term, kind, time_ms, data, crc32c";
    this.#rows = database.prepare(
      `SELECT ${columns} FROM entries WHERE idx BETWEEN ? AND ? ORDER BY idx`,
    );
    this.#row = database.prepare(`SELECT ${columns} FROM entries WHERE idx = ?`);
    this.#ends = database.prepare(
      "SELECT (SELECT min(idx) FROM entries) AS first, (SELECT max(idx) FROM entries) AS last",
    );
  }

  /** The lowest and the highest index that have a row; both 0 when there is none. */
  ends(): { readonly first: Index; readonly last: Index } {
    const row = this.#ends.get();
    const [first, last] = [row?.["first"], row?.["last"]];
    return { first: isCount(first) ? first : 0, last: isCount(last) ? last : 0 };
  }

  /**
   * The entries from `from` on, to `to` at most, until `bytesMax` bytes of data are full but at
   * least one, and until the first that is missing or damaged.
   */
  page(range: { readonly from: Index; readonly to: Index; readonly bytesMax: number }): Entry[] {
    const to = Math.min(range.to, range.from + pageRowsMax - 1);
    const end = this.#pageEnd({ ...range, to });
    const rows = range.from === end ? this.#row.all(end) : this.#rows.all(range.from, end);
    const entries: Entry[] = [];
    for (const row of rows) {
      const entry = parseEntry(row);
      if (entry === undefined || entry.index !== range.from + entries.length) break;
      entries.push(entry);
    }
    return entries;
  }

  /** The last index of the page, as far as rows run without a gap. */
  #pageEnd(range: { readonly from: Index; readonly to: Index; readonly bytesMax: number }): Index {
    if (range.from === range.to) return range.to;
    let left = range.bytesMax;
    let end = range.from;
    for (let asked = lengthRowsFirst; end <= range.to; asked = Math.min(asked * 4, lengthRowsMax)) {
      const rows = this.#lengths.all(end, range.to, asked);
      for (const row of rows) {
        const bytes = row["bytes"];
        left -= isCount(bytes) ? bytes : 0;
        if (left < 0 || row["idx"] !== end) return Math.max(range.from, end - 1);
        end++;
      }
      if (rows.length < asked) break;
    }
    return Math.max(range.from, end - 1);
  }
}

/** The columns of an entry's row. */
export function entryValues(entry: Entry): readonly SqliteValue[] {
  const { index, term, kind, timeMs, data, crc32c } = entry;
  return [index, term, entryKindNumber(kind), timeMs, data, crc32c];
}

/** Undefined when the row is damaged. The data is the driver's own bytes, not a copy. */
function parseEntry(row: SqliteRow): Entry | undefined {
  const { idx: index, term, kind: kindNumber, time_ms: timeMs, data, crc32c } = row;
  if (!isCount(index) || !isCount(term) || !isCount(kindNumber) || !isCount(timeMs)) {
    return undefined;
  }
  const kind = entryKindOf(kindNumber);
  if (kind === undefined || !(data instanceof Uint8Array) || !isCount(crc32c)) return undefined;
  const entry = { index, term, kind, timeMs, data, crc32c };
  return isIntact(entry) ? entry : undefined;
}
