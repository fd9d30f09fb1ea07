/** A map from byte keys, in the order of the keys. */

import { compareBytes } from "../../lib/bytes.ts";

interface Pair<T> {
  readonly key: Uint8Array;
  readonly value: T;
}

/** Which pairs to visit: `start` ≤ key < `end`. */
export interface KeySpan {
  readonly start: Uint8Array;
  readonly end?: Uint8Array;
  readonly reverse?: boolean;
}

/** A block is split when it is full: inserting moves half a block at most, not half the map. */
const blockLengthMax = 512;

/** Reads and writes in a logarithm of steps plus the move of at most one block. */
export class SortedKeys<T> {
  /** Never empty blocks, except that the only one may be. */
  readonly #blocks: Pair<T>[][] = [[]];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(key: Uint8Array): T | undefined {
    const block = this.#blocks[this.#blockOf(key)]!;
    const pair = block[lowerBound(block, key)];
    return pair !== undefined && compareBytes(pair.key, key) === 0 ? pair.value : undefined;
  }

  /** Keeps `key` itself: it must not change afterwards. Returns what stood there. */
  set(key: Uint8Array, value: T): T | undefined {
    const blockAt = this.#blockOf(key);
    const block = this.#blocks[blockAt]!;
    const at = lowerBound(block, key);
    const known = block[at];
    if (known !== undefined && compareBytes(known.key, key) === 0) {
      block[at] = { key: known.key, value };
      return known.value;
    }
    block.splice(at, 0, { key, value });
    this.#size++;
    if (block.length > blockLengthMax) {
      this.#blocks.splice(blockAt + 1, 0, block.splice(blockLengthMax / 2));
    }
    return undefined;
  }

  /** Returns what stood there. */
  delete(key: Uint8Array): T | undefined {
    const blockAt = this.#blockOf(key);
    const block = this.#blocks[blockAt]!;
    const at = lowerBound(block, key);
    const known = block[at];
    if (known === undefined || compareBytes(known.key, key) !== 0) return undefined;
    block.splice(at, 1);
    this.#size--;
    if (block.length === 0 && this.#blocks.length > 1) this.#blocks.splice(blockAt, 1);
    return known.value;
  }

  /** The first `countMax` pairs of `span` in its order. */
  pairs(span: KeySpan, countMax = Infinity): readonly Pair<T>[] {
    const found: Pair<T>[] = [];
    const step = span.reverse === true ? -1 : 1;
    const from = step === 1 ? span.start : span.end;
    let blockAt = from === undefined ? this.#blocks.length - 1 : this.#blockOf(from);
    let at: number | undefined = from === undefined
      ? undefined
      : lowerBound(this.#blocks[blockAt]!, from) - (step === 1 ? 0 : 1);
    for (; blockAt >= 0 && blockAt < this.#blocks.length; blockAt += step) {
      const block = this.#blocks[blockAt]!;
      at ??= step === 1 ? 0 : block.length - 1;
      for (; at >= 0 && at < block.length; at += step) {
        const pair = block[at]!;
        const isBehind = step === -1
          ? compareBytes(pair.key, span.start) < 0
          : span.end !== undefined && compareBytes(pair.key, span.end) >= 0;
        if (isBehind || found.length >= countMax) return found;
        found.push(pair);
      }
      at = undefined;
    }
    return found;
  }

  /** The block that holds `key`, or would: the last one whose first key is not above it. */
  #blockOf(key: Uint8Array): number {
    let low = 0;
    let high = this.#blocks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (compareBytes(this.#blocks[middle]![0]!.key, key) <= 0) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

/** The place of the first pair whose key is not below `key`. */
function lowerBound(block: readonly Pair<unknown>[], key: Uint8Array): number {
  let low = 0;
  let high = block.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareBytes(block[middle]!.key, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
