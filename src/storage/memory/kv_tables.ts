/**
 * The store's tables in memory, gone with the process. For the simulator, for tests, and for who
 * wants a store without a disk.
 */

import { compareBytes } from "../../lib/bytes.ts";
import {
  type Change,
  type ChangeHead,
  type ChangeLink,
  type ChangeNumber,
  type DeadKey,
  initialKvMeta,
  type KeyedChange,
  type KeyRange,
  type KvAudit,
  type KvMeta,
  type KvTables,
  type LedgerRow,
  type Slice,
  sliceValueBytesMax,
  type TimedChange,
} from "../../kv/ports.ts";
import { assert, assertDefined } from "../../lib/assert.ts";
import { FatalStorageError, type SnapshotImage, type SnapshotStage } from "../../node/ports.ts";
import type { SnapshotMeta } from "../../raft/types.ts";
import { MemoryImages, type MemoryImagesOptions } from "./kv_images.ts";
import { MemoryKvAudit } from "./kv_audit.ts";
import { SortedKeys } from "./kv_keys.ts";

/** Whose store it is, and how it makes and takes images. */
export type MemoryKvTablesOptions = Partial<MemoryImagesOptions>;

/** Never full; nothing in it outlives the object. */
export class MemoryKvTables implements KvTables {
  readonly #images: MemoryImages;
  #stored: KvMeta = initialKvMeta;
  #changes = new Map<ChangeNumber, Change>();
  /** The highest number in use. */
  #last: ChangeNumber = 0;
  #live = new SortedKeys<ChangeNumber>();
  #dead = new SortedKeys<ChangeNumber>();
  #ledger = new SortedKeys<LedgerRow>();
  readonly audit: KvAudit = new MemoryKvAudit(
    this,
    (of) => of === "live" ? this.#live : this.#dead,
  );
  /** How to take back what the open transaction did, in the order of doing. */
  #undo: (() => void)[] = [];
  #savepoint = 0;

  constructor(options: MemoryKvTablesOptions = {}) {
    this.#images = new MemoryImages({ clusterId: "", ...options });
  }

  stored(): KvMeta {
    return this.#stored;
  }

  commit(meta: KvMeta): void {
    this.#stored = meta;
    this.#undo = [];
  }

  rollback(): void {
    this.#undoTo(0);
  }

  savepoint(): void {
    this.#savepoint = this.#undo.length;
  }

  backToSavepoint(): void {
    this.#undoTo(this.#savepoint);
  }

  releaseSavepoint(): void {}

  #undoTo(length: number): void {
    for (const undo of this.#undo.splice(length).reverse()) undo();
  }

  append(change: Change, over: "live" | "dead" | "absent"): void {
    // Copies, because the caller's bytes may be views of a much larger frame.
    const kept = { ...change, key: change.key.slice(), value: change.value.slice() };
    const { key, number } = kept;
    const last = this.#last;
    this.#changes.set(number, kept);
    this.#last = number;
    const dies = change.version === 0;
    const live = dies ? this.#live.delete(key) : this.#live.set(key, number);
    const dead = dies
      ? this.#dead.set(key, number)
      : over === "dead"
      ? this.#dead.delete(key)
      : undefined;
    this.#undo.push(() => {
      this.#changes.delete(number);
      this.#last = last;
      restore(this.#live, key, live);
      if (dies || over === "dead") restore(this.#dead, key, dead);
    });
  }

  removeChange(number: ChangeNumber): void {
    const change = this.#changes.get(number);
    if (change === undefined) return;
    this.#changes.delete(number);
    this.#undo.push(() => this.#changes.set(number, change));
  }

  forgetDead(key: Uint8Array): void {
    this.#change(this.#dead, key.slice(), undefined);
  }

  giveBack(): boolean {
    return false;
  }

  /** Sets or deletes, and remembers what was there. Keeps the key. */
  #change<T>(keys: SortedKeys<T>, key: Uint8Array, value: T | undefined): void {
    const before = restore(keys, key, value);
    this.#undo.push(() => restore(keys, key, before));
  }

  head(key: Uint8Array): ChangeHead | undefined {
    const number = this.#live.get(key) ?? this.#dead.get(key);
    return number === undefined ? undefined : this.#changes.get(number);
  }

  live(key: Uint8Array): Change | undefined {
    const number = this.#live.get(key);
    return number === undefined ? undefined : this.#changes.get(number);
  }

  change(number: ChangeNumber): Change | undefined {
    return this.#changes.get(number);
  }

  keyedChange(number: ChangeNumber): KeyedChange | undefined {
    const change = this.#changes.get(number);
    return change && withoutValue(change);
  }

  link(number: ChangeNumber): ChangeLink | undefined {
    return this.#changes.get(number);
  }

  firstFrom(number: ChangeNumber): Change | undefined {
    for (let at = number; at <= this.#last; at++) {
      const change = this.#changes.get(at);
      if (change !== undefined) return change;
    }
    return undefined;
  }

  changeSlice(
    number: ChangeNumber,
    { rowsMax, valuesIn }: { readonly rowsMax: number; readonly valuesIn: KeyRange },
  ): readonly TimedChange[] {
    const found: TimedChange[] = [];
    for (let at = number; at <= this.#last && found.length < rowsMax; at++) {
      const change = this.#changes.get(at);
      if (change !== undefined) found.push(inSlice(change, isIn(valuesIn, change.key)));
    }
    return found;
  }

  liveSlice(slice: Slice & { readonly values: boolean }): readonly KeyedChange[] {
    return this.#live.pairs(slice, slice.rowsMax)
      .map(({ value: number }) => inSlice(this.#changes.get(number)!, slice.values));
  }

  deadSlice(slice: Slice): readonly DeadKey[] {
    return this.#dead.pairs(slice, slice.rowsMax)
      .map(({ key, value: number }) => ({ key, number }));
  }

  countLive(slice: Slice): { readonly count: number; readonly next?: Uint8Array } {
    const { rowsMax } = slice;
    const found = this.#live.pairs(slice, rowsMax + 1);
    const next = found[rowsMax]?.key;
    return next === undefined ? { count: found.length } : { count: rowsMax, next };
  }

  newestIn(range: KeyRange, visitMax: number): ChangeNumber | undefined {
    let newest = 0;
    for (const keys of [this.#live, this.#dead]) {
      const found = keys.pairs(range, visitMax + 1);
      if (found.length > visitMax) return undefined;
      for (const { value: number } of found) newest = Math.max(newest, number);
    }
    return newest;
  }

  lastChangeIn(
    range: KeyRange,
    { after, through }: { readonly after: ChangeNumber; readonly through: ChangeNumber },
  ): ChangeNumber {
    for (let number = through; number > after; number--) {
      const key = this.#changes.get(number)?.key;
      if (key !== undefined && isIn(range, key)) return number;
    }
    return 0;
  }

  ledgerRow(key: Uint8Array): LedgerRow | undefined {
    return this.#ledger.get(key);
  }

  ledgerSlice(slice: Slice): readonly LedgerRow[] {
    return this.#ledger.pairs(slice, slice.rowsMax).map(({ value: row }) => row);
  }

  setLedgerRow(row: LedgerRow): void {
    const kept = { key: row.key.slice(), value: row.value.slice(), crc32c: row.crc32c };
    this.#change(this.#ledger, kept.key, kept);
  }

  deleteLedgerRow(key: Uint8Array): void {
    this.#change(this.#ledger, key.slice(), undefined);
  }

  /** The rows never change, so that holding them is enough to keep them as they are. */
  image(done: (image: SnapshotImage | undefined) => void): void {
    assert(this.#undo.length === 0, "An image of an open transaction");
    const changes = [...this.#changes.values()].sort((a, b) => a.number - b.number);
    const ledger = this.#ledger.pairs({ start: new Uint8Array(0) }).map(({ value }) => value);
    this.#images.make({ meta: this.#stored, changes, ledger }, done);
  }

  stage(meta: SnapshotMeta): SnapshotStage {
    return this.#images.stage(meta);
  }

  staged(): SnapshotMeta | undefined {
    return this.#images.staged?.meta;
  }

  adopt(): void {
    assert(this.#undo.length === 0, "An image to adopt in an open transaction");
    const { content } = assertDefined(this.#images.staged, "There is an image to adopt");
    this.#stored = content.meta;
    this.#changes = content.changes;
    this.#last = content.last;
    this.#live = content.live;
    this.#dead = content.dead;
    this.#ledger = content.ledger;
    this.#images.forget();
  }

  damaged(what: string): FatalStorageError {
    return new FatalStorageError(
      `The store in memory is damaged: ${what}; the next start builds it anew from the log`,
    );
  }

  close(): void {}
}

function isIn({ start, end }: KeyRange, key: Uint8Array): boolean {
  return compareBytes(key, start) >= 0 && (end === undefined || compareBytes(key, end) < 0);
}

function inSlice(change: Change, values: boolean): TimedChange {
  return values && change.valueBytes <= sliceValueBytesMax ? change : withoutValue(change);
}

function withoutValue(change: Change): TimedChange {
  const { value: _, ...rest } = change;
  return rest;
}

/** Returns what stood there. */
function restore<T>(keys: SortedKeys<T>, key: Uint8Array, value: T | undefined): T | undefined {
  return value === undefined ? keys.delete(key) : keys.set(key, value);
}
