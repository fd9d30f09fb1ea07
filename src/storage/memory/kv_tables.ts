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
  type KvMeta,
  type KvTables,
  type Slice,
  sliceValueBytesMax,
} from "../../kv/ports.ts";
import { FatalStorageError } from "../../node/ports.ts";
import { SortedKeys } from "./kv_keys.ts";

/** Never full; nothing in it outlives the object. */
export class MemoryKvTables implements KvTables {
  #stored: KvMeta = initialKvMeta;
  readonly #changes = new Map<ChangeNumber, Change>();
  /** The highest number in use. */
  #last: ChangeNumber = 0;
  readonly #live = new SortedKeys();
  readonly #dead = new SortedKeys();
  /** How to take back what the open transaction did, in the order of doing. */
  #undo: (() => void)[] = [];

  stored(): KvMeta {
    return this.#stored;
  }

  commit(meta: KvMeta): void {
    this.#stored = meta;
    this.#undo = [];
  }

  rollback(): void {
    for (const undo of this.#undo.reverse()) undo();
    this.#undo = [];
  }

  append(change: Change, over: "live" | "dead" | "absent"): void {
    // Copies, because the caller's bytes may be views of a much larger frame.
    const kept = { ...change, key: change.key.slice(), value: change.value.slice() };
    const { key, number } = kept;
    const last = this.#last;
    const live = this.#live.get(key);
    const dead = this.#dead.get(key);
    this.#changes.set(number, kept);
    this.#last = number;
    if (change.version === 0) {
      this.#live.delete(key);
      this.#dead.set(key, number);
    } else {
      if (over === "dead") this.#dead.delete(key);
      this.#live.set(key, number);
    }
    this.#undo.push(() => {
      this.#changes.delete(number);
      this.#last = last;
      restore(this.#live, key, live);
      restore(this.#dead, key, dead);
    });
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

  liveSlice(slice: Slice & { readonly values: boolean }): readonly KeyedChange[] {
    const found: KeyedChange[] = [];
    for (const { number } of this.#live.pairs(slice)) {
      if (found.length === slice.rowsMax) break;
      const change = this.#changes.get(number)!;
      const inline = slice.values && change.valueBytes <= sliceValueBytesMax;
      found.push(inline ? change : withoutValue(change));
    }
    return found;
  }

  deadSlice(slice: Slice & { readonly after: ChangeNumber }): readonly DeadKey[] {
    const found: DeadKey[] = [];
    for (const pair of this.#dead.pairs(slice)) {
      if (found.length === slice.rowsMax) break;
      if (pair.number > slice.after) found.push(pair);
    }
    return found;
  }

  countLive(slice: Slice): { readonly count: number; readonly next?: Uint8Array } {
    let count = 0;
    for (const { key } of this.#live.pairs(slice)) {
      if (count === slice.rowsMax) return { count, next: key };
      count++;
    }
    return { count };
  }

  newestIn(range: KeyRange, visitMax: number): ChangeNumber | undefined {
    let newest = 0;
    for (const keys of [this.#live, this.#dead]) {
      let visited = 0;
      for (const { number } of keys.pairs(range)) {
        if (visited++ === visitMax) return undefined;
        newest = Math.max(newest, number);
      }
    }
    return newest;
  }

  lastChangeIn(
    range: KeyRange,
    { after, through }: { readonly after: ChangeNumber; readonly through: ChangeNumber },
  ): ChangeNumber {
    for (let number = through; number > after; number--) {
      const key = this.#changes.get(number)?.key;
      if (key === undefined || compareBytes(key, range.start) < 0) continue;
      if (range.end === undefined || compareBytes(key, range.end) < 0) return number;
    }
    return 0;
  }

  damaged(what: string): FatalStorageError {
    return new FatalStorageError(
      `The store in memory is damaged: ${what}; the next start builds it anew from the log`,
    );
  }

  close(): void {}
}

function withoutValue(change: Change): KeyedChange {
  const { value: _, ...rest } = change;
  return rest;
}

function restore(keys: SortedKeys, key: Uint8Array, number: ChangeNumber | undefined): void {
  if (number === undefined) keys.delete(key);
  else keys.set(key, number);
}
