/**
 * kv.db, format 2: the replicated store and the position that it stands at. This comment is the
 * specification; a committed fixture guards it. docs/decisions/0002-kv-layout.md says why it is
 * laid out like this, with figures.
 *
 * application_id is 0x736B6B76 ("skkv"), user_version the format. WAL, synchronous=NORMAL: a crash
 * of the machine may take back the last commits, never a part of one, and the log brings them back.
 * All integers are counts up to 2^53 − 1.
 *
 *     change            one row for each version and each deletion of a key; never rewritten, and
 *                       removed by compaction alone
 *       number          counts the changes in the order of (revision, place within the revision);
 *                       the rowid, so that every write goes to the end of the table
 *       revision        shared by all changes of one command
 *       time_ms         cluster time
 *       wall_ms         the leader's wall clock, for people
 *       key             as kv/key_space.ts lets it stand in the tables
 *       create_revision the revision that created the key; 0 in a deletion
 *       version         1 at creation; 0 in a deletion
 *       previous        the change of this key before this one; 0: none
 *       skip            an earlier change of this key, further back (kv/version_chain.ts); 0: none
 *       depth           the length of the chain of this key's changes up to here
 *       lease           a signed 64-bit integer as decimal text; NULL: none
 *       media_type      NULL: application/octet-stream
 *       crc32c          over all the columns (kv/checksum.ts)
 *       value           the last column, so that a long one does not stand before the others
 *     live              each key that exists → the number of its newest change
 *     dead              each key that was deleted → the number of the deletion, until compaction
 *                       has forgotten it
 *     ledger            what the store remembers beside the keys (kv/ledger.ts)
 *       key, value      as kv/ encodes them
 *       crc32c          over both
 *     meta              one row, id 1, replaced by every commit
 *       commits         counts them, so that each writes something that can be synced
 *       applied_index, applied_term                  the last entry in the data
 *       configuration_index, configuration_term      the newest configuration at or below it
 *       cluster_time_ms the highest time of an entry
 *       revision        of the store
 *       oldest          the oldest readable revision
 *       changes         the highest number given
 *       purged_through  the change up to which compaction has removed what it may
 *       live_keys, dead_keys
 *       state_hash_a, state_hash_b     the sum of the hashes of all changes ever made
 *       purged_hash_a, purged_hash_b   the sum of those that compaction has removed
 *       ledger_hash_a, ledger_hash_b   the sum of the hashes of the rows of the ledger
 *       leases          that have not ended
 *       leases_numbered how many lease ids the store has chosen
 *       remembered, remembered_bytes   answers kept for repeated requests
 *       cluster_id      whose store this is
 *       configuration   see above
 *       crc32c          over the columns before it (metaCrc32c)
 */

import { ByteWriter } from "../../lib/bytes.ts";
import { crc32c } from "../../lib/crc32c.ts";
import { initialKvMeta, type KvMeta } from "../../kv/ports.ts";
import { FatalStorageError } from "../../node/ports.ts";
import { decodeConfiguration, encodeConfiguration } from "../../raft/encoding.ts";
import type { SqliteDatabase, SqliteRow, SqliteValue } from "../../runtime/mod.ts";
import { readPragma } from "../sqlite_pragma.ts";

/** "skkv". */
export const kvApplicationId = 0x736b6b76;
const formatVersion = 2;

const tables = `
  CREATE TABLE change (
    number INTEGER PRIMARY KEY,
    revision INTEGER NOT NULL,
    time_ms INTEGER NOT NULL,
    wall_ms INTEGER NOT NULL,
    key BLOB NOT NULL,
    create_revision INTEGER NOT NULL,
    version INTEGER NOT NULL,
    previous INTEGER NOT NULL,
    skip INTEGER NOT NULL,
    depth INTEGER NOT NULL,
    lease TEXT,
    media_type TEXT,
    crc32c INTEGER NOT NULL,
    value BLOB NOT NULL
  ) STRICT;
  CREATE TABLE live (
    key BLOB NOT NULL PRIMARY KEY,
    number INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE dead (
    key BLOB NOT NULL PRIMARY KEY,
    number INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE ledger (
    key BLOB NOT NULL PRIMARY KEY,
    value BLOB NOT NULL,
    crc32c INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
`;

/** The columns of `meta` that hold integers: their names, and what stands in them. */
const counts: Readonly<Record<string, (row: MetaRow) => number>> = {
  commits: ({ commits }) => commits,
  applied_index: ({ meta }) => meta.applied.index,
  applied_term: ({ meta }) => meta.applied.term,
  configuration_index: ({ meta }) => meta.configuration.position.index,
  configuration_term: ({ meta }) => meta.configuration.position.term,
  cluster_time_ms: ({ meta }) => meta.clusterTimeMs,
  revision: ({ meta }) => meta.revision,
  oldest: ({ meta }) => meta.oldest,
  changes: ({ meta }) => meta.changes,
  purged_through: ({ meta }) => meta.purgedThrough,
  live_keys: ({ meta }) => meta.liveKeys,
  dead_keys: ({ meta }) => meta.deadKeys,
  state_hash_a: ({ meta }) => meta.stateHash.a,
  state_hash_b: ({ meta }) => meta.stateHash.b,
  purged_hash_a: ({ meta }) => meta.purgedHash.a,
  purged_hash_b: ({ meta }) => meta.purgedHash.b,
  ledger_hash_a: ({ meta }) => meta.ledgerHash.a,
  ledger_hash_b: ({ meta }) => meta.ledgerHash.b,
  leases: ({ meta }) => meta.leases,
  leases_numbered: ({ meta }) => meta.leasesNumbered,
  remembered: ({ meta }) => meta.remembered,
  remembered_bytes: ({ meta }) => meta.rememberedBytes,
};

const countNames = Object.keys(counts);

const metaTable = `CREATE TABLE meta (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  ${countNames.map((name) => `${name} INTEGER NOT NULL,`).join("\n  ")}
  cluster_id TEXT NOT NULL,
  configuration BLOB NOT NULL,
  crc32c INTEGER NOT NULL
) STRICT`;

/** In the order of {@link metaValues}. */
export const replaceMetaSql = `INSERT OR REPLACE INTO meta
  VALUES (1${", ?".repeat(countNames.length + 3)})`;

/** The row of `meta`. */
export interface MetaRow {
  readonly commits: number;
  readonly clusterId: string;
  readonly meta: KvMeta;
}

/** Makes the tables of an empty database, holding an empty store of cluster `clusterId`. */
export function createKvSchema(database: SqliteDatabase, clusterId: string): void {
  database.exec("BEGIN IMMEDIATE");
  database.exec(tables);
  database.exec(metaTable);
  const insert = database.prepare(replaceMetaSql);
  insert.run(...metaValues({ commits: 0, clusterId, meta: initialKvMeta }));
  insert.finalize();
  database.exec(`PRAGMA application_id = ${kvApplicationId}`);
  database.exec(`PRAGMA user_version = ${formatVersion}`);
  database.exec("COMMIT");
}

/** A store of this program, of an earlier format. The message says which, and not where. */
export class OldFormatError extends Error {
  override readonly name = "OldFormatError";
}

/** False for an empty database; throws for one of another program or another format. */
export function hasKvSchema(database: SqliteDatabase, path: string): boolean {
  const application = readPragma(database, "application_id");
  const version = Number(readPragma(database, "user_version"));
  if (application === 0 && version === 0 && readPragma(database, "schema_version") === 0) {
    return false;
  }
  if (application !== kvApplicationId) {
    throw new FatalStorageError(`${path} is not a store of this program`);
  }
  if (version === formatVersion) return true;
  const found = `format ${version}, this program knows ${formatVersion}`;
  if (version < formatVersion) throw new OldFormatError(found);
  throw new FatalStorageError(`${path} has ${found}: a later version of it wrote the file`);
}

/** The columns behind `id`, in their order. */
export function metaValues(row: MetaRow): readonly SqliteValue[] {
  const numbers = Object.values(counts).map((read) => read(row));
  const encoded = encodeConfiguration(row.meta.configuration.configuration);
  return [...numbers, row.clusterId, encoded, metaCrc32c(numbers, row.clusterId, encoded)];
}

/** Over the integers as varints in the order of their columns, then cluster id, configuration. */
function metaCrc32c(numbers: readonly number[], clusterId: string, encoded: Uint8Array): number {
  const writer = new ByteWriter();
  for (const number of numbers) writer.varint(number);
  return crc32c(writer.text(clusterId).bytes(encoded).finish());
}

/** What stands in kv.db is not what was written there. The message says what, and not where. */
export class DamagedRowError extends Error {
  override readonly name = "DamagedRowError";
}

/** Throws {@link DamagedRowError} when the row is missing or does not match its checksum. */
export function readMeta(database: SqliteDatabase): MetaRow {
  const select = database.prepare("SELECT * FROM meta WHERE id = 1");
  const row = select.get();
  select.finalize();
  const parsed = row && parseMeta(row);
  if (parsed !== undefined) return parsed;
  throw new DamagedRowError("the row of meta is missing or has a wrong checksum");
}

/** What the file says of itself: its marks, and its tables with where each of them begins. */
export function readOutline(database: SqliteDatabase): string {
  const names = ["application_id", "user_version", "encoding", "page_size", "auto_vacuum"];
  const marks = names.map((name) => readPragma(database, name));
  const select = database.prepare("SELECT * FROM sqlite_schema");
  const tables = select.all();
  select.finalize();
  return JSON.stringify({ marks, tables });
}

function parseMeta(row: SqliteRow): MetaRow | undefined {
  const clusterId = row["cluster_id"];
  const encoded = row["configuration"];
  const numbers = countNames.map((name) => row[name]).filter(isCount);
  if (typeof clusterId !== "string" || !(encoded instanceof Uint8Array)) return undefined;
  if (numbers.length !== countNames.length) return undefined;
  if (metaCrc32c(numbers, clusterId, encoded) !== row["crc32c"]) return undefined;
  const at = (name: string): number => numbers[countNames.indexOf(name)]!;
  const position = { index: at("configuration_index"), term: at("configuration_term") };
  const meta = {
    applied: { index: at("applied_index"), term: at("applied_term") },
    configuration: { position, configuration: decodeConfiguration(encoded) },
    clusterTimeMs: at("cluster_time_ms"),
    revision: at("revision"),
    oldest: at("oldest"),
    changes: at("changes"),
    purgedThrough: at("purged_through"),
    liveKeys: at("live_keys"),
    deadKeys: at("dead_keys"),
    stateHash: { a: at("state_hash_a"), b: at("state_hash_b") },
    purgedHash: { a: at("purged_hash_a"), b: at("purged_hash_b") },
    ledgerHash: { a: at("ledger_hash_a"), b: at("ledger_hash_b") },
    leases: at("leases"),
    leasesNumbered: at("leases_numbered"),
    remembered: at("remembered"),
    rememberedBytes: at("remembered_bytes"),
  };
  return { commits: at("commits"), clusterId, meta };
}

function isCount(value: SqliteValue | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
