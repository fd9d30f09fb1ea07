/**
 * Walks the stored keys of a range in one view, in slices of bounded size, and skips over folders
 * instead of scanning them.
 *
 * Now and in the past are walked alike. The newest view reads the live keys with their rows. A past
 * one merges them with the dead keys, and looks from each newest change that was made later back to
 * the one that the view shows; keys that did not exist then are passed over.
 */

import { compareBytes, concatBytes, prefixEnd } from "../lib/bytes.ts";
import type { KeyedChange } from "./change.ts";
import { storedKey, userKey } from "./key_space.ts";
import type { DeadKey, KeyRange } from "./ports.ts";
import type { RangeQuery } from "./query.ts";
import type { View } from "./revisions.ts";
import type { Store } from "./store.ts";

/**
 * One walk looks at this many keys at most, those that the view does not show included. In the past
 * a change that it looks at on the way back to the view counts like a key.
 */
export const keysVisitMax = 100_000;

/**
 * Rows in one slice: few where a folder or the visitor's bytes may end it soon, then twice as many
 * each time, so that of what is read no more than about half is read in vain.
 */
const sliceRowsMin = 8;
const sliceRowsMax = 256;

/** Who is told what the walk comes upon. */
export interface Visitor {
  /** Nothing more is wanted: the walk stops before the next key. */
  isFull(): boolean;
  /** The value may be left out, even where it is short. */
  onKey(change: KeyedChange): void;
  /** All users' keys that begin with `prefix`, which ends with the delimiter. */
  onPrefix(prefix: Uint8Array): void;
}

type Walk = Pick<RangeQuery, "start" | "end" | "reverse" | "keysOnly" | "delimiter" | "limit">;

/**
 * Returns where the walk has to go on (forward: as the start; reverse: as the end, exclusive);
 * undefined when the range is through.
 */
export function walkRange(
  store: Store,
  view: View,
  query: Walk,
  visitor: Visitor,
): Uint8Array | undefined {
  const read = store.isNewest(view) ? liveReader(store, query) : pastReader(store, view, query);
  const firstRows = Math.min(query.limit + 1, sliceRowsMin);
  let range: KeyRange | undefined = query;
  let rowsMax = firstRows;
  let visited = 0;
  while (range !== undefined) {
    const slice: readonly Found[] = read(range, rowsMax);
    let folder: Uint8Array | undefined;
    for (const found of slice) {
      if (visited >= keysVisitMax) return resumeAt(found.key, query.reverse);
      visited += found.visits;
      if (found.shown === undefined) continue;
      if (visitor.isFull()) return resumeAt(found.key, query.reverse);
      folder = query.delimiter && folderOf(userKey(found.key), query.delimiter);
      if (folder !== undefined) {
        visitor.onPrefix(folder);
        break;
      }
      visitor.onKey(found.shown);
    }
    if (folder !== undefined) {
      range = beyondFolder(range, storedKey(folder), query.reverse);
      rowsMax = firstRows;
      continue;
    }
    const last = slice.at(-1);
    if (last === undefined || slice.length < rowsMax) return undefined;
    range = query.reverse
      ? { start: range.start, end: last.key }
      : { ...range, start: successor(last.key) };
    rowsMax = Math.min(rowsMax * 2, sliceRowsMax);
  }
  return undefined;
}

/** The smallest key above `key`. */
export function successor(key: Uint8Array): Uint8Array {
  return concatBytes([key, zeroByte]);
}

const zeroByte = new Uint8Array(1);

function resumeAt(key: Uint8Array, reverse: boolean): Uint8Array {
  return reverse ? successor(key) : key;
}

/** What is left of the range behind the folder; undefined when that is nothing. */
function beyondFolder(
  range: KeyRange,
  folder: Uint8Array,
  reverse: boolean,
): KeyRange | undefined {
  if (reverse) return { start: range.start, end: folder };
  const start = prefixEnd(folder);
  return start === undefined ? undefined : { ...range, start };
}

function folderOf(
  key: Uint8Array,
  { bytes, prefixLength }: NonNullable<RangeQuery["delimiter"]>,
): Uint8Array | undefined {
  const lastStart = key.length - bytes.length;
  for (let at = prefixLength; at <= lastStart; at++) {
    let matched = 0;
    while (matched < bytes.length && key[at + matched] === bytes[matched]) matched++;
    if (matched === bytes.length) return key.subarray(0, at + bytes.length);
  }
  return undefined;
}

/** A key that was come upon; `shown` when the view shows a record under it. */
interface Found {
  readonly key: Uint8Array;
  readonly shown: KeyedChange | undefined;
  /** What it counts for (keysVisitMax). */
  readonly visits: number;
}

type ReadSlice = (range: KeyRange, rowsMax: number) => readonly Found[];

/** With a delimiter most rows may be of folders: then the visitor reads what values it wants. */
function wantsValues({ keysOnly, delimiter }: Walk): boolean {
  return !keysOnly && delimiter === undefined;
}

function liveReader(store: Store, query: Walk): ReadSlice {
  const { reverse } = query;
  const values = wantsValues(query);
  return ({ start, end }, rowsMax) => {
    const slice = { start, reverse, rowsMax, values };
    return store.tables.liveSlice(end === undefined ? slice : { ...slice, end })
      .map((change) => ({ key: change.key, shown: change, visits: 1 }));
  };
}

function pastReader(store: Store, view: View, query: Walk): ReadSlice {
  const { reverse } = query;
  const values = wantsValues(query);
  const sign = reverse ? -1 : 1;
  return ({ start, end }, rowsMax) => {
    const span = { start, reverse, rowsMax, ...(end === undefined ? {} : { end }) };
    const dead = store.tables.deadSlice(span);
    // Behind the last of so many dead keys no live one has room in the slice.
    const last = dead.length < rowsMax ? undefined : dead.at(-1)?.key;
    const bound = last && (reverse ? { start: last } : { end: last });
    const live = store.tables.liveSlice({ ...span, ...bound, values });
    return [...live, ...dead]
      .sort((a, b) => sign * compareBytes(a.key, b.key))
      .slice(0, rowsMax)
      .map((row) => foundAt(store, view, row, values));
  };
}

/** What the view shows of a key, given its newest change. */
function foundAt(
  store: Store,
  view: View,
  row: KeyedChange | DeadKey,
  values: boolean,
): Found {
  const { key } = row;
  const isLive = "version" in row;
  let visits = 1;
  if (row.number <= view.through) return { key, shown: isLive ? row : undefined, visits };
  const head = isLive ? row : store.tables.link(row.number) ?? store.missing(row.number);
  const number = store.numberAt(head, view, () => visits++);
  const shown = number === 0 ? undefined : store.shownChange(number, key, { values });
  return { key, shown, visits };
}
