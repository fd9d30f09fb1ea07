/**
 * raft.db, format 1: the Raft log and all that must survive a crash with it. This comment is the
 * specification; a committed fixture guards it.
 *
 * Why a file of its own, beside kv.db: every write here is synced before anybody hears of it, while
 * the store is synced once in thousands of writes, because the log can replay it. In one file each
 * fsync would carry both, and the checkpoint of the large one would stall the small one.
 *
 * application_id is 0x736B7266 ("skrf"), user_version the format. WAL, synchronous=FULL: a commit
 * has returned only when its frames are synced (SQLite, "Write-Ahead Logging"). All integers are
 * counts up to 2^53 − 1. One LogWrite is one transaction.
 *
 *     entries         one row an entry; idx is the rowid, so that appending fills pages in order
 *       idx, term     the position
 *       kind          0 noop, 1 configuration, 2 command (raft/encoding.ts)
 *       time_ms       cluster time
 *       data          the entry's bytes; of a configuration its canonical encoding
 *       crc32c        Entry.crc32c, made where the entry was made
 *     configurations  one row for each entry of that kind above the boundary, found without a scan
 *       idx, term     the position
 *       data          the canonical encoding
 *       crc32c        over varint idx, varint term, data
 *     boundary        one row, id 1: the last position that compaction removed (paper §7)
 *       idx, term, time_ms
 *       configuration_idx, configuration_term, configuration
 *       crc32c        over the canonical bytes (storage/log_encoding.ts, writeBoundary)
 *     state           one row, id 1, replaced by every write
 *       batch_number  of the write that left this state
 *       current_term, voted_for (NULL: no vote), commit_index
 *       last_idx, last_term   the end of the log, so that rows missing at the end are missed, too
 *       crc32c        over varints: batch_number, the hard state (writeHardState), last_idx,
 *                     last_term
 *
 * Entries at or below the boundary may still have rows; they are purged little by little and mean
 * nothing.
 */

import { ByteWriter } from "../../lib/bytes.ts";
import { crc32c } from "../../lib/crc32c.ts";
import { FatalStorageError } from "../../node/ports.ts";
import { decodeConfiguration, encodeConfiguration } from "../../raft/encoding.ts";
import type {
  BatchNumber,
  Boundary,
  HardState,
  LogPosition,
  PositionedConfiguration,
} from "../../raft/types.ts";
import type { SqliteDatabase, SqliteRow, SqliteValue } from "../../runtime/mod.ts";
import { writeBoundary, writeHardState, writePosition } from "../log_encoding.ts";
import { originBoundary, originHardState } from "../log_outline.ts";
import { readPragma } from "../sqlite_pragma.ts";

/** "skrf". */
export const raftApplicationId = 0x736b7266;
const formatVersion = 1;

/** As SQLite keeps them in sqlite_schema, word for word. */
const tables: readonly string[] = [
  "CREATE TABLE entries (idx INTEGER PRIMARY KEY, term INTEGER NOT NULL, kind INTEGER NOT NULL, " +
  "time_ms INTEGER NOT NULL, data BLOB NOT NULL, crc32c INTEGER NOT NULL) STRICT",
  "CREATE TABLE configurations (idx INTEGER PRIMARY KEY, term INTEGER NOT NULL, " +
  "data BLOB NOT NULL, crc32c INTEGER NOT NULL) STRICT",
  "CREATE TABLE boundary (id INTEGER PRIMARY KEY CHECK (id = 1), idx INTEGER NOT NULL, " +
  "term INTEGER NOT NULL, time_ms INTEGER NOT NULL, configuration_idx INTEGER NOT NULL, " +
  "configuration_term INTEGER NOT NULL, configuration BLOB NOT NULL, crc32c INTEGER NOT NULL) " +
  "STRICT",
  "CREATE TABLE state (id INTEGER PRIMARY KEY CHECK (id = 1), batch_number INTEGER NOT NULL, " +
  "current_term INTEGER NOT NULL, voted_for INTEGER, commit_index INTEGER NOT NULL, " +
  "last_idx INTEGER NOT NULL, last_term INTEGER NOT NULL, crc32c INTEGER NOT NULL) STRICT",
];

/** The statements that fill the tables, columns in the order of their definition. */
export const insertBoundarySql = "INSERT OR REPLACE INTO boundary VALUES (1, ?, ?, ?, ?, ?, ?, ?)";
export const insertStateSql = "INSERT OR REPLACE INTO state VALUES (1, ?, ?, ?, ?, ?, ?, ?)";
export const insertConfigurationSql = "INSERT INTO configurations VALUES (?, ?, ?, ?)";
export const insertEntrySql = "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?)";

/** What the row of `state` says. */
export interface StateRow {
  readonly batchNumber: BatchNumber;
  readonly hardState: HardState;
  readonly last: LogPosition;
}

/** Makes the tables of an empty database, with the rows of a log that never held anything. */
export function createSchema(database: SqliteDatabase): void {
  database.exec("BEGIN IMMEDIATE");
  for (const table of tables) database.exec(table);
  const { position } = originBoundary;
  runOnce(database, insertBoundarySql, boundaryValues(originBoundary));
  const origin = { batchNumber: 0, hardState: originHardState, last: position };
  runOnce(database, insertStateSql, stateValues(origin));
  database.exec(`PRAGMA application_id = ${raftApplicationId}`);
  database.exec(`PRAGMA user_version = ${formatVersion}`);
  database.exec("COMMIT");
}

/** Throws for a database of another program or of another format. */
export function findSchema(database: SqliteDatabase, path: string): "none" | "intact" | "damaged" {
  const application = readPragma(database, "application_id");
  const version = readPragma(database, "user_version");
  const found = allRows(database, "SELECT sql FROM sqlite_schema ORDER BY rowid");
  if (application === 0 && version === 0 && found.length === 0) return "none";
  if (application !== raftApplicationId) {
    throw new FatalStorageError(`${path} is not a Raft log of this program`);
  }
  if (version !== formatVersion) {
    throw new FatalStorageError(
      `${path} has format ${version}, this program knows ${formatVersion}`,
    );
  }
  const isIntact = found.length === tables.length &&
    found.every((row, at) => row["sql"] === tables[at]);
  return isIntact ? "intact" : "damaged";
}

/** The rows of a query that is asked once. */
export function allRows(database: SqliteDatabase, sql: string): readonly SqliteRow[] {
  const statement = database.prepare(sql);
  try {
    return statement.all();
  } finally {
    statement.finalize();
  }
}

/** The columns behind `id` of the row of state. */
export function stateValues({ batchNumber, hardState, last }: StateRow): readonly SqliteValue[] {
  const writer = new ByteWriter(64).varint(batchNumber);
  writeHardState(writer, hardState);
  writePosition(writer, last);
  return [
    ...[batchNumber, hardState.currentTerm, hardState.votedFor ?? null, hardState.commitIndex],
    ...[last.index, last.term, crc32c(writer.finish())],
  ];
}

/** Undefined when the row does not match its checksum. */
export function parseState(row: SqliteRow): StateRow | undefined {
  const numbers = counts(row, ["batch_number", "current_term", "commit_index", "last_idx"]);
  const lastTerm = row["last_term"];
  const votedFor = row["voted_for"] ?? undefined;
  if (numbers === undefined || !isCount(lastTerm)) return undefined;
  if (votedFor !== undefined && !isCount(votedFor)) return undefined;
  const [batchNumber, currentTerm, commitIndex, lastIndex] = numbers;
  const hardState = votedFor === undefined
    ? { currentTerm: currentTerm!, commitIndex: commitIndex! }
    : { currentTerm: currentTerm!, votedFor, commitIndex: commitIndex! };
  const last = { index: lastIndex!, term: lastTerm };
  const state = { batchNumber: batchNumber!, hardState, last };
  return stateValues(state).at(-1) === row["crc32c"] ? state : undefined;
}

/** The columns behind `id` of the row of boundary. */
export function boundaryValues(boundary: Boundary): readonly SqliteValue[] {
  const writer = new ByteWriter();
  writeBoundary(writer, boundary);
  const { position, timeMs, configuration } = boundary;
  return [
    ...[position.index, position.term, timeMs],
    ...[configuration.position.index, configuration.position.term],
    ...[encodeConfiguration(configuration.configuration), crc32c(writer.finish())],
  ];
}

/** Undefined when the row does not match its checksum. */
export function parseBoundary(row: SqliteRow): Boundary | undefined {
  const numbers = counts(row, [
    ...["idx", "term", "time_ms", "configuration_idx", "configuration_term"],
  ]);
  const encoded = row["configuration"];
  if (numbers === undefined || !(encoded instanceof Uint8Array)) return undefined;
  const [index, term, timeMs, configurationIndex, configurationTerm] = numbers;
  const writer = new ByteWriter();
  for (const number of numbers) writer.varint(number);
  if (crc32c(writer.bytes(encoded).finish()) !== row["crc32c"]) return undefined;
  return {
    position: { index: index!, term: term! },
    timeMs: timeMs!,
    configuration: {
      position: { index: configurationIndex!, term: configurationTerm! },
      configuration: decodeConfiguration(encoded),
    },
  };
}

/** The columns of a configuration's row. */
export function configurationValues(
  { position, configuration }: PositionedConfiguration,
): readonly SqliteValue[] {
  const data = encodeConfiguration(configuration);
  return [position.index, position.term, data, configurationCrc(position, data)];
}

/** Undefined when the row does not match its checksum. */
export function parseConfiguration(row: SqliteRow): PositionedConfiguration | undefined {
  const numbers = counts(row, ["idx", "term"]);
  const data = row["data"];
  if (numbers === undefined || !(data instanceof Uint8Array)) return undefined;
  const position = { index: numbers[0]!, term: numbers[1]! };
  if (configurationCrc(position, data) !== row["crc32c"]) return undefined;
  return { position, configuration: decodeConfiguration(data) };
}

/** Runs a statement that is needed once. */
export function runOnce(
  database: SqliteDatabase,
  sql: string,
  values: readonly SqliteValue[],
): void {
  const statement = database.prepare(sql);
  try {
    statement.run(...values);
  } finally {
    statement.finalize();
  }
}

/** True for a number of this format: 0 … 2^53 − 1. */
export function isCount(value: SqliteValue | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function counts(row: SqliteRow, names: readonly string[]): readonly number[] | undefined {
  const values = names.map((name) => row[name]);
  return values.every(isCount) ? values : undefined;
}

function configurationCrc(position: LogPosition, data: Uint8Array): number {
  const writer = new ByteWriter(32);
  writePosition(writer, position);
  return crc32c(data, crc32c(writer.finish()));
}
