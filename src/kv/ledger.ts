/**
 * What the store remembers beside the keys and their past: rows under binary keys of its own, in
 * one ordered table, changed and committed together with the rest. The sum of the rows' hashes is
 * among the facts, so that members can be compared by it.
 *
 * The first byte of a key says what the row is; everything that stands before the last part of a
 * key has a fixed length, or carries it, so that rows of one kind and one owner are neighbours:
 *
 * ```text
 * lease            1 lease:8                        → leases.ts
 * key of a lease   2 lease:8 stored key             → empty
 * deadline         3 time:8 lease:8                 → empty
 * answer           4 scope                          → idempotency.ts
 * answers due      5 time:8 kind:1 scope            → empty
 * stream           6 scope                          → idempotency.ts
 * stream's answer  7 length scope slot:1            → idempotency.ts
 * restore          8                                → restores.ts
 * staged block     9 index:8                        → restores.ts
 * data version     10                               → data_version.ts
 * ```
 */

import { concatBytes, prefixEnd } from "../lib/bytes.ts";
import { addHash, ledgerCrc32c, ledgerRowHash, type StateHash, subtractHash } from "./checksum.ts";
import type { Facts } from "./facts.ts";
import type { KvTables, LedgerRow } from "./ports.ts";
import type { LeaseId } from "./record.ts";
import { Tally } from "./tally.ts";

/** The first byte of a key. */
export const ledgerKind = {
  lease: 1,
  leaseKey: 2,
  deadline: 3,
  answer: 4,
  answersDue: 5,
  stream: 6,
  streamAnswer: 7,
  restore: 8,
  stagedBlock: 9,
  dataVersion: 10,
} as const;

/** The table, and the hash that goes with it. */
export class Ledger {
  readonly #tables: KvTables;
  readonly #facts: Facts;
  readonly #tally: Tally;

  constructor(tables: KvTables, facts: Facts, tally: Tally = new Tally()) {
    this.#tables = tables;
    this.#facts = facts;
    this.#tally = tally;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#tables.ledgerRow(key)?.value;
  }

  set(key: Uint8Array, value: Uint8Array): void {
    const row = { key, value, crc32c: ledgerCrc32c(key, value) };
    const rest = this.#hashWithout(this.#tables.ledgerRow(key));
    this.#tables.setLedgerRow(row);
    const hash = ledgerRowHash(row);
    this.#tally.rowAdded(key, hash);
    this.#facts.set({ ledgerHash: addHash(rest, hash) });
  }

  /** Nothing there is no error. */
  delete(key: Uint8Array): void {
    const row = this.#tables.ledgerRow(key);
    if (row === undefined) return;
    this.#tables.deleteLedgerRow(key);
    this.#facts.set({ ledgerHash: this.#hashWithout(row) });
  }

  /** The first rows whose keys begin with `prefix`; `after`: behind that key. */
  rowsOf(
    prefix: Uint8Array,
    { rowsMax, after }: { readonly rowsMax: number; readonly after?: Uint8Array },
  ): readonly LedgerRow[] {
    const start = after === undefined ? prefix : concatBytes([after, zeroByte]);
    const end = prefixEnd(prefix);
    const range = end === undefined ? { start } : { start, end };
    return this.#tables.ledgerSlice({ ...range, rowsMax, reverse: false });
  }

  /** The CRC of the row was checked when it was read, so it need not be computed again. */
  #hashWithout(row: LedgerRow | undefined): StateHash {
    const { ledgerHash } = this.#facts.meta;
    if (row === undefined) return ledgerHash;
    const hash = ledgerRowHash(row);
    this.#tally.rowRemoved(row.key, hash);
    return subtractHash(ledgerHash, hash);
  }
}

/** Puts a key together. */
export function ledgerKey(kind: number, ...parts: readonly Uint8Array[]): Uint8Array {
  let length = 1;
  for (const part of parts) length += part.length;
  const key = new Uint8Array(length);
  key[0] = kind;
  let at = 1;
  for (const part of parts) {
    key.set(part, at);
    at += part.length;
  }
  return key;
}

/** A count in eight bytes that sort as the counts do. */
export function orderedCount(count: number): Uint8Array {
  const bytes = new Uint8Array(8);
  const words = new DataView(bytes.buffer);
  words.setUint32(0, Math.floor(count / 0x1_0000_0000));
  words.setUint32(4, count % 0x1_0000_0000);
  return bytes;
}

/** Undoes {@link orderedCount}; reads at `at`. */
export function countAt(bytes: Uint8Array, at: number): number {
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return words.getUint32(at) * 0x1_0000_0000 + words.getUint32(at + 4);
}

const zeroByte = new Uint8Array(1);
const signBit = 1n << 63n;

/** A lease id in eight bytes that sort as the ids do. */
export function orderedLease(id: LeaseId): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, BigInt(id)) ^ signBit);
  return bytes;
}

/** Undoes {@link orderedLease}; reads at `at`. */
export function leaseAt(bytes: Uint8Array, at: number): LeaseId {
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return BigInt.asIntN(64, words.getBigUint64(at) ^ signBit).toString();
}
