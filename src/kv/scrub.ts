/**
 * The scrub: a pass over all that the store keeps, in small steps between other work, that finds
 * what nobody would have read for long. It reads what is on the disk and not what is in memory, and
 * throws the error that ends the node at the first thing that is not as it was written:
 *
 * - each change has its checksums, is found by its number, and none is missing: those that are
 *   there and those that compaction has removed are together all that were ever made (checksum.ts);
 * - the keys that are live or dead are in order, so that each is found, they are as many as there
 *   should be, and together they lead to the newest change of each key (tally.ts);
 * - the rows of the ledger have their checksums, and are together what they should be.
 *
 * Each table is read once, from its first row to its last. A row is not compared with rows that
 * stand elsewhere, which would be a read from anywhere on the disk for each; compaction makes one
 * such read needed for some keys (see `#hasPrevious`).
 *
 * Left out: what no read goes through, such as the pages that are free. SQLite itself tells of
 * damage there when it comes to use them.
 */

import { compareBytes, concatBytes, emptyBytes } from "../lib/bytes.ts";
import type { ChangeNumber } from "./change.ts";
import {
  changeChecksums,
  emptyStateHash,
  headHash,
  ledgerRowHash,
  type StateHash,
  subtractHash,
} from "./checksum.ts";
import type { AuditedChange, KvTables } from "./ports.ts";
import type { Store } from "./store.ts";

/** What one pass has looked at. */
export interface ScrubCount {
  readonly changes: number;
  readonly keys: number;
  readonly ledgerRows: number;
  /** What the rows take in the tables, about. */
  readonly bytes: number;
}

/** A step ends with the row that takes it past one of these. */
const stepRowsMax = 64;
const stepBytesMax = 64 * 1024;
const rowsMaxAtFirst = 4;
/** What a row takes beside its key and value, about: its columns, and SQLite's own. */
const changeRowBytes = 60;
const keyRowBytes = 12;
const ledgerRowBytes = 16;

type Part = "changes" | "live" | "dead" | "ledger";
const partAfter = { changes: "live", live: "dead", dead: "ledger", ledger: undefined } as const;

/**
 * How far a step has brought its pass. `void`: the store has fallen back, or is another one, so
 * that what was counted does not hold any more.
 */
export type ScrubProgress = "more" | "ended" | "void";

/** One pass over one store; made anew for the next one. */
export class ScrubPass {
  readonly #store: Store;
  /** Reading may find the disk full, and then it answers undefined. */
  readonly #unlessFull: (step: () => ScrubProgress) => ScrubProgress | undefined;
  #part: Part = "changes";
  /** So many changes are read at once: fewer where values are long. */
  #rowsMax = rowsMaxAtFirst;
  #changes = 0;
  #keys = 0;
  #ledgerRows = 0;
  #bytes = 0;

  /** Between transactions: everything has to be committed. */
  constructor(
    store: Store,
    unlessFull: (step: () => ScrubProgress) => ScrubProgress | undefined = (step) => step(),
  ) {
    this.#store = store;
    this.#unlessFull = unlessFull;
    store.tables.audit.reread();
    store.tally.begin("changes");
  }

  get count(): ScrubCount {
    const [changes, keys, ledgerRows] = [this.#changes, this.#keys, this.#ledgerRows];
    return { changes, keys, ledgerRows, bytes: this.#bytes };
  }

  /**
   * Looks at a few rows: less than a millisecond, unless a value is long. Throws FatalStorageError.
   */
  step(): ScrubProgress {
    return this.#unlessFull(() => this.#step()) ?? "void";
  }

  #step(): ScrubProgress {
    const { tally } = this.#store;
    if (tally.counted.part !== this.#part) return "void";
    const isMore = this.#part === "changes"
      ? this.#lookAtChanges()
      : this.#part === "ledger"
      ? this.#lookAtLedger()
      : this.#lookAtKeys(this.#part);
    if (isMore) return "more";
    const next = partAfter[this.#part];
    if (next === undefined) {
      tally.end();
      return "ended";
    }
    this.#part = next;
    tally.begin(next);
    return "more";
  }

  /** Numbers above `purgedThrough` are all there; below it, those that compaction has left. */
  #lookAtChanges(): boolean {
    const { tables, tally, meta } = this.#store;
    if (tally.counted.part !== "changes") return false;
    const bytesEnd = this.#bytes + stepBytesMax;
    const from = tally.counted.through + 1;
    const rows = tables.audit.changes(from, this.#rowsMax);
    this.#rowsMax = rowsThatFit(rows);
    let next = from;
    for (const change of rows) {
      const { number } = change;
      if (number < next) throw tables.damaged(`change ${number} stands behind a later one`);
      this.#requireGap(next, number);
      tally.passChange(number, this.#checkChange(change), this.#headsMoved(change));
      next = number + 1;
      if (this.#bytes >= bytesEnd) return true;
    }
    if (rows.length > 0) return true;
    this.#requireGap(from, meta.changes + 1);
    this.#requireChangesAddUp();
    return false;
  }

  /** There is no change from `from` on before `to`. */
  #requireGap(from: ChangeNumber, to: ChangeNumber): void {
    const missing = Math.max(from, this.#store.meta.purgedThrough + 1);
    if (missing < to) this.#store.missing(missing);
  }

  #checkChange(change: AuditedChange): StateHash {
    const { tables } = this.#store;
    const { number, key, previous, skip, depth } = change;
    const { value = this.#valueOf(change) } = change;
    const { crc32c, hash } = changeChecksums({ ...change, value });
    if (crc32c !== change.crc32c) {
      throw tables.damaged(`change ${number} has a wrong checksum`);
    }
    const leadsBack = skip <= previous && previous < number && (previous === 0) === (depth === 1);
    if (!leadsBack) throw tables.damaged(`change ${number} does not lead back`);
    if (!change.isFound) throw tables.damaged(`change ${number} is there, and is not found`);
    this.#changes++;
    this.#bytes += changeRowBytes + key.length + change.valueBytes;
    return hash;
  }

  /** A long one, which is read by itself. */
  #valueOf({ number, valueBytes }: AuditedChange): Uint8Array {
    const { value } = this.#store.tables.change(number) ?? this.#store.missing(number);
    if (value.length === valueBytes) return value;
    throw this.#store.tables.damaged(`the value of change ${number} has two lengths`);
  }

  /** The change becomes the newest of its key that the pass has come past. */
  #headsMoved(change: AuditedChange): StateHash {
    const { number, key, previous } = change;
    const hash = headHash(key, number);
    return this.#hasPrevious(change) ? subtractHash(hash, headHash(key, previous)) : hash;
  }

  /**
   * Whether compaction has left the change before it of its key. It takes what a change has
   * superseded when it comes to that change, and a deletion when it comes to the deletion. Only the
   * first change of a key behind `purgedThrough` has to ask which of the two it follows.
   */
  #hasPrevious({ number, previous }: AuditedChange): boolean {
    const { tables, meta: { purgedThrough } } = this.#store;
    if (previous === 0 || number <= purgedThrough) return false;
    return previous > purgedThrough || tables.link(previous) !== undefined;
  }

  #requireChangesAddUp(): void {
    const { tables, tally: { counted }, meta } = this.#store;
    if (counted.part !== "changes") return;
    const there = subtractHash(meta.stateHash, meta.purgedHash);
    if (isSame(counted.sum, there)) return;
    throw tables.damaged(
      "the changes that are there and those that were removed are not all that were made",
    );
  }

  #lookAtKeys(part: "live" | "dead"): boolean {
    const { tables, tally, meta } = this.#store;
    if (tally.counted.part !== part) return false;
    let before = tally.counted.through;
    const rows = rowsBehind(before, stepRowsMax, (slice) => tables.audit.heads(part, slice));
    for (const { key, number } of rows) {
      requireOrder(tables, `${part} keys`, key, before);
      tally.passKey(key, number);
      before = key;
      this.#keys++;
      this.#bytes += keyRowBytes + key.length;
    }
    if (rows.length === stepRowsMax) return true;
    const { keys, heads } = tally.counted;
    const expected = part === "live" ? meta.liveKeys : meta.deadKeys;
    if (keys !== expected) {
      throw tables.damaged(`there are ${keys} ${part} keys, though ${expected} were counted`);
    }
    // The live ones come before.
    if (part === "live" || isSame(heads, emptyStateHash)) return false;
    throw tables.damaged("the live and the dead keys do not lead to the newest changes");
  }

  #lookAtLedger(): boolean {
    const { tables, tally, meta, restores } = this.#store;
    if (tally.counted.part !== "ledger") return false;
    let before = tally.counted.through;
    const { current } = restores;
    // What is staged of a backup are rows of up to 9 MiB, one behind the other.
    const rowsMax = current === undefined || current.phase === "done" ? stepRowsMax : 1;
    const rows = rowsBehind(before, rowsMax, (slice) => tables.ledgerSlice(slice));
    for (const row of rows) {
      requireOrder(tables, "rows of the ledger", row.key, before);
      tally.passRow(row.key, ledgerRowHash(row));
      before = row.key;
      this.#ledgerRows++;
      this.#bytes += ledgerRowBytes + row.key.length + row.value.length;
    }
    if (rows.length === rowsMax) return true;
    if (isSame(tally.counted.sum, meta.ledgerHash)) return false;
    throw tables.damaged("the rows of the ledger are not those that were written");
  }
}

/** Of rows like these. */
function rowsThatFit(rows: readonly AuditedChange[]): number {
  let bytes = 1;
  for (const { valueBytes } of rows) bytes += changeRowBytes + valueBytes;
  return Math.max(1, Math.min(stepRowsMax, Math.floor(stepBytesMax * rows.length / bytes)));
}

function isSame(left: StateHash, right: StateHash): boolean {
  return left.a === right.a && left.b === right.b;
}

/** The first rows whose keys are above `through`. */
function rowsBehind<T>(
  through: Uint8Array | undefined,
  rowsMax: number,
  read: (
    slice: { readonly start: Uint8Array; readonly reverse: boolean; readonly rowsMax: number },
  ) => readonly T[],
): readonly T[] {
  const start = through === undefined ? emptyBytes : concatBytes([through, zeroByte]);
  return read({ start, reverse: false, rowsMax });
}

const zeroByte = new Uint8Array(1);

/** What is looked for in a table whose keys are out of order is not always found. */
function requireOrder(
  tables: KvTables,
  what: string,
  key: Uint8Array,
  before: Uint8Array | undefined,
): void {
  if (before === undefined || compareBytes(before, key) < 0) return;
  throw tables.damaged(`the ${what} are not in their order`);
}
