/**
 * Who watches what, to be found by the key that has changed: of twenty thousand watches a change
 * concerns a few, and a look at each of the others would take longer than all the rest. Keys and
 * prefixes are looked up; other ranges, which are rare, are gone through.
 */

import { compareBytes, equalBytes, hex, prefixEnd } from "../lib/bytes.ts";
import type { KeyRange } from "../kv/record.ts";
import type { WatchRequest } from "./contract.ts";

/** What is watched. */
export interface Targeted {
  readonly target: WatchRequest["target"];
}

type Places<W> = Map<string, Set<W>>;

/** All watchers of one hub. */
export class WatchIndex<W extends Targeted> {
  /** By the letters of their key. */
  readonly #keys: Places<W> = new Map();
  /** By the length of their prefix in letters, and by those. */
  readonly #prefixes = new Map<number, Places<W>>();
  readonly #ranges = new Map<W, KeyRange>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The returned function takes it out again. */
  add(watcher: W): () => void {
    const takeOut = this.#put(watcher);
    this.#size++;
    let isIn = true;
    return () => {
      if (!isIn) return;
      isIn = false;
      this.#size--;
      takeOut();
    };
  }

  #put(watcher: W): () => void {
    const { target } = watcher;
    if (target.kind === "key") return putAt(this.#keys, hex(target.key), watcher);
    if (!isPrefix(target)) {
      this.#ranges.set(watcher, target);
      return () => void this.#ranges.delete(watcher);
    }
    const prefix = hex(target.start);
    const places: Places<W> = this.#prefixes.get(prefix.length) ?? new Map();
    this.#prefixes.set(prefix.length, places);
    const takeOut = putAt(places, prefix, watcher);
    return () => {
      takeOut();
      const isLast = places.size === 0 && this.#prefixes.get(prefix.length) === places;
      if (isLast) this.#prefixes.delete(prefix.length);
    };
  }

  *all(): Generator<W> {
    for (const places of [this.#keys, ...this.#prefixes.values()]) {
      for (const place of places.values()) yield* place;
    }
    yield* this.#ranges.keys();
  }

  /** Who watches `key`. */
  *of(key: Uint8Array): Generator<W> {
    const letters = hex(key);
    yield* this.#keys.get(letters) ?? [];
    for (const [length, places] of this.#prefixes) {
      if (length <= letters.length) yield* places.get(letters.slice(0, length)) ?? [];
    }
    for (const [watcher, { start, end }] of this.#ranges) {
      const isBefore = end === undefined || compareBytes(key, end) < 0;
      if (isBefore && compareBytes(key, start) >= 0) yield watcher;
    }
  }
}

function putAt<W>(places: Places<W>, name: string, watcher: W): () => void {
  const place = places.get(name) ?? new Set();
  places.set(name, place);
  place.add(watcher);
  return () => {
    place.delete(watcher);
    if (place.size === 0 && places.get(name) === place) places.delete(name);
  };
}

function isPrefix({ start, end }: KeyRange): boolean {
  const wanted = prefixEnd(start);
  if (wanted === undefined || end === undefined) return wanted === end;
  return equalBytes(wanted, end);
}
