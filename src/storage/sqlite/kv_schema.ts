/**
 * kv.db, format 1: the replicated store and the position that it stands at. This comment is the
 * specification; a committed fixture guards it. docs/decisions/0002-kv-layout.md says why it is
 * laid out like this, with figures.
 *
 * application_id is 0x736B6B76 ("skkv"), user_version the format. WAL, synchronous=NORMAL: a crash
 * of the machine may take back the last commits, never a part of one, and the log brings them back.
 * All integers are counts up to 2^53 − 1.
 *
 *     change            one row for each version and each deletion of a key; never rewritten
 *       number          counts the changes in the order of (revision, place within the revision);
 *                       the rowid, so that every write goes to the end of the table
 *       revision        shared by all changes of one command
 *       time_ms         cluster time
 *       wall_ms         the leader's wall clock, for people
 *       key
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
 *     meta              one row, id 1, replaced by every commit
 *       commits         counts them, so that each writes something that can be synced
 *       cluster_id      whose store this is
 *       applied_index, applied_term                          the last entry in the data
 *       configuration_index, configuration_term, configuration   the newest one at or below it
 *       cluster_time_ms the highest time of an entry
 *       revision        of the store
 *       oldest          the oldest readable revision
 *       changes         the highest number given
 *       purged_through  the change up to which compaction has removed what it may
 *       live_keys, dead_keys
 *       state_hash_a, state_hash_b     the sum of the hashes of all changes ever made
 *       purged_hash_a, purged_hash_b   the sum of those that compaction has removed
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
const formatVersion = 1;

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
  CREATE TABLE meta (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    commits INTEGER NOT NULL,
    cluster_id TEXT NOT NULL,
    applied_index INTEGER NOT NULL,
    applied_term INTEGER NOT NULL,
    configuration_index INTEGER NOT NULL,
    configuration_term INTEGER NOT NULL,
    configuration BLOB NOT NULL,
    cluster_time_ms INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    oldest INTEGER NOT NULL,
    changes INTEGER NOT NULL,
    purged_through INTEGER NOT NULL,
    live_keys INTEGER NOT NULL,
    dead_keys INTEGER NOT NULL,
    state_hash_a INTEGER NOT NULL,
    state_hash_b INTEGER NOT NULL,
    purged_hash_a INTEGER NOT NULL,
    purged_hash_b INTEGER NOT NULL,
    crc32c INTEGER NOT NULL
  ) STRICT;
`;

export const replaceMetaSql = `INSERT OR REPLACE INTO meta VALUES (1${", ?".repeat(19)})`;

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
  const insert = database.prepare(replaceMetaSql);
  insert.run(...metaValues({ commits: 0, clusterId, meta: initialKvMeta }));
  insert.finalize();
  database.exec(`PRAGMA application_id = ${kvApplicationId}`);
  database.exec(`PRAGMA user_version = ${formatVersion}`);
  database.exec("COMMIT");
}

/** False for an empty database; throws for one of another program or another format. */
export function hasKvSchema(database: SqliteDatabase, path: string): boolean {
  const application = readPragma(database, "application_id");
  const version = readPragma(database, "user_version");
  if (application === 0 && version === 0 && readPragma(database, "schema_version") === 0) {
    return false;
  }
  if (application !== kvApplicationId) {
    throw new FatalStorageError(`${path} is not a store of this program`);
  }
  if (version !== formatVersion) {
    throw new FatalStorageError(
      `${path} has format ${version}, this program knows ${formatVersion}`,
    );
  }
  return true;
}

/** The columns behind `id`, in their order. */
export function metaValues({ commits, clusterId, meta }: MetaRow): readonly SqliteValue[] {
  const { applied, configuration, stateHash, purgedHash } = meta;
  const encoded = encodeConfiguration(configuration.configuration);
  const numbers = [
    ...[commits, applied.index, applied.term],
    ...[configuration.position.index, configuration.position.term],
    ...[meta.clusterTimeMs, meta.revision, meta.oldest, meta.changes, meta.purgedThrough],
    ...[meta.liveKeys, meta.deadKeys],
    ...[stateHash.a, stateHash.b, purgedHash.a, purgedHash.b],
  ];
  const [beforeConfiguration, behindIt] = [numbers.slice(1, 5), numbers.slice(5)];
  const crc = metaCrc32c(numbers, clusterId, encoded);
  return [commits, clusterId, ...beforeConfiguration, encoded, ...behindIt, crc];
}

const numberColumns = [
  ...["commits", "applied_index", "applied_term", "configuration_index", "configuration_term"],
  ...["cluster_time_ms", "revision", "oldest", "changes", "purged_through"],
  ...["live_keys", "dead_keys"],
  ...["state_hash_a", "state_hash_b", "purged_hash_a", "purged_hash_b"],
];

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

function parseMeta(row: SqliteRow): MetaRow | undefined {
  const clusterId = row["cluster_id"];
  const encoded = row["configuration"];
  const numbers = numberColumns.map((name) => row[name]).filter(isCount);
  if (typeof clusterId !== "string" || !(encoded instanceof Uint8Array)) return undefined;
  if (numbers.length !== numberColumns.length) return undefined;
  if (metaCrc32c(numbers, clusterId, encoded) !== row["crc32c"]) return undefined;
  const at = (name: string): number => numbers[numberColumns.indexOf(name)]!;
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
  };
  return { commits: at("commits"), clusterId, meta };
}

function isCount(value: SqliteValue | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
