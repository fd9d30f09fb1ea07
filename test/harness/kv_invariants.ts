/** What must hold of the tables of a store at any commit, whatever was done and compacted. */

import {
  addHash,
  changeChecksums,
  emptyStateHash,
  ledgerCrc32c,
  ledgerRowHash,
} from "../../src/kv/checksum.ts";
import { leaseAt, ledgerKind } from "../../src/kv/ledger.ts";
import type { KvTables, LedgerRow } from "../../src/kv/ports.ts";
import { ByteReader, hex } from "../../src/lib/bytes.ts";
import { assert } from "./test.ts";

/** Throws where the committed facts and the rows of the tables do not go together. */
export function assertIntact(tables: KvTables): void {
  assertChangesAddUp(tables);
  assertHeadsAreCounted(tables);
  const rows = tables.ledgerSlice({ ...everything, rowsMax: Number.MAX_SAFE_INTEGER });
  let hash = emptyStateHash;
  for (const { key, value } of rows) {
    hash = addHash(hash, ledgerRowHash({ key, value, crc32c: ledgerCrc32c(key, value) }));
  }
  assert.deepEqual(hash, tables.stored().ledgerHash);
  assertLeasesAreWhole(tables, rows);
  assertAnswersAreWhole(tables, rows);
}

const everything = { start: new Uint8Array(0), reverse: false };

/** What is there and what compaction has taken are together all that was ever made. */
function assertChangesAddUp(tables: KvTables): void {
  const { changes, purgedThrough, purgedHash, stateHash } = tables.stored();
  let hash = purgedHash;
  for (let number = 1; number <= changes; number++) {
    const change = tables.change(number);
    if (change === undefined) assert.ok(number <= purgedThrough, `change ${number} is missing`);
    else hash = addHash(hash, changeChecksums(change).hash);
  }
  assert.deepEqual(hash, stateHash);
}

function assertHeadsAreCounted(tables: KvTables): void {
  const { liveKeys, deadKeys, changes } = tables.stored();
  const rowsMax = changes + 1;
  assert.equal(tables.countLive({ ...everything, rowsMax }).count, liveKeys);
  assert.equal(tables.deadSlice({ ...everything, rowsMax }).length, deadKeys);
}

/** Each lease has its deadline and its keys; each leased key is among the keys of its lease. */
function assertLeasesAreWhole(tables: KvTables, rows: readonly LedgerRow[]): void {
  const leases = rowsOf(rows, ledgerKind.lease).map(({ key, value }) => {
    const reader = new ByteReader(value);
    const [, deadlineMs, keys] = [reader.varint(), reader.varint(), reader.varint()];
    return { ordered: hex(key.subarray(1)), id: leaseAt(key, 1), deadlineMs, keys };
  });
  assert.equal(leases.length, tables.stored().leases);
  const deadlines = rowsOf(rows, ledgerKind.deadline).map(({ key }) => hex(key.subarray(1)));
  const expected = leases.map(({ ordered, deadlineMs }) =>
    deadlineMs.toString(16).padStart(16, "0") + ordered
  );
  assert.deepEqual(deadlines.sort(), expected.sort());
  const attached = rowsOf(rows, ledgerKind.leaseKey)
    .map(({ key }) => `${leaseAt(key, 1)} ${hex(key.subarray(9))}`);
  const rowsMax = tables.stored().changes + 1;
  const leased = tables.liveSlice({ ...everything, rowsMax, values: false })
    .filter(({ lease }) => lease !== undefined);
  assert.deepEqual(attached.sort(), leased.map(({ lease, key }) => `${lease} ${hex(key)}`).sort());
  for (const { id, keys } of leases) {
    assert.equal(leased.filter(({ lease }) => lease === id).length, keys, `keys of ${id}`);
  }
}

/** All answers are counted, and each will come up to be forgotten. */
function assertAnswersAreWhole(tables: KvTables, rows: readonly LedgerRow[]): void {
  const { remembered, rememberedBytes } = tables.stored();
  const singles = rowsOf(rows, ledgerKind.answer);
  const streams = rowsOf(rows, ledgerKind.stream);
  const answers = [...singles, ...rowsOf(rows, ledgerKind.streamAnswer)];
  assert.equal(answers.length, remembered);
  const bytes = answers.reduce((sum, { key, value }) => sum + key.length + value.length, 0);
  assert.equal(bytes, rememberedBytes);
  const due = rowsOf(rows, ledgerKind.answersDue).map(({ key }) => hex(key.subarray(9)));
  const scopes = [
    ...singles.map(({ key }) => `00${hex(key.subarray(1))}`),
    ...streams.map(({ key }) => `01${hex(key.subarray(1))}`),
  ];
  assert.deepEqual(due.sort(), scopes.sort());
}

function rowsOf(rows: readonly LedgerRow[], kind: number): readonly LedgerRow[] {
  return rows.filter(({ key }) => key[0] === kind);
}
