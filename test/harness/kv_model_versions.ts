/** All versions of all keys, and what can be read of them (kv_model.ts). */

import type { ChangeTimes } from "../../src/kv/change.ts";
import type {
  Answer,
  GetQuery,
  HistoryItem,
  HistoryQuery,
  RangeQuery,
} from "../../src/kv/query.ts";
import type { KvRecord } from "../../src/kv/record.ts";

export interface ModelVersion {
  /** Counts all versions of all keys. */
  readonly number: number;
  readonly revision: number;
  readonly times: ChangeTimes;
  /** Undefined: the key was deleted. */
  readonly record: KvRecord | undefined;
}

export interface ModelChange extends ModelVersion {
  readonly key: Uint8Array;
  readonly prev: KvRecord | undefined;
}

interface Range {
  readonly start: Uint8Array;
  readonly end?: Uint8Array | undefined;
}

/** One character a byte: such texts sort as their bytes do. */
export function nameOf(key: Uint8Array): string {
  return String.fromCharCode(...key);
}

/** Undoes {@link nameOf}. */
export function bytesOf(name: string): Uint8Array {
  return Uint8Array.from(name, (letter) => letter.charCodeAt(0));
}

export class ModelVersions {
  readonly #versions: Map<string, readonly ModelVersion[]>;
  #count: number;

  constructor(versions: ReadonlyMap<string, readonly ModelVersion[]> = new Map(), count = 0) {
    this.#versions = new Map(versions);
    this.#count = count;
  }

  copy(): ModelVersions {
    return new ModelVersions(this.#versions, this.#count);
  }

  add(key: Uint8Array, version: Omit<ModelVersion, "number">): void {
    const numbered = { ...version, number: ++this.#count };
    this.#versions.set(nameOf(key), [...this.#of(nameOf(key)), numbered]);
  }

  /** What happened in the range behind `revision`, in order, each with what was there before. */
  changesAfter(range: Range, revision: number): readonly ModelChange[] {
    return this.#names(range)
      .flatMap((name) =>
        this.#of(name).filter((version) => version.revision > revision).map((version) => ({
          ...version,
          key: bytesOf(name),
          prev: this.at(bytesOf(name), version.revision - 1),
        }))
      )
      .sort((a, b) => a.number - b.number);
  }

  #of(name: string): readonly ModelVersion[] {
    return this.#versions.get(name) ?? [];
  }

  /** What stands under `key` right after `revision`. */
  at(key: Uint8Array, revision: number): KvRecord | undefined {
    return this.#of(nameOf(key)).findLast((each) => each.revision <= revision)?.record;
  }

  /** All records of the range in key order. */
  shown(
    start: Uint8Array,
    end: Uint8Array | undefined,
    revision: number,
  ): readonly KvRecord[] {
    return this.#names({ start, end })
      .map((name) => this.at(bytesOf(name), revision))
      .filter((record) => record !== undefined);
  }

  #names({ start, end }: Range): readonly string[] {
    return [...this.#versions.keys()]
      .filter((name) => name >= nameOf(start) && (end === undefined || name < nameOf(end)))
      .sort((a, b) => a < b ? -1 : 1);
  }

  /** The highest revision that wrote or deleted in the range, up to `revision`; 0: none did. */
  lastChange(range: Range, revision: number): number {
    const revisions = this.#names(range)
      .flatMap((name) => this.#of(name))
      .map((version) => version.revision)
      .filter((each) => each <= revision);
    return Math.max(0, ...revisions);
  }

  /** Like the store's answer, with `changed` always there. */
  read(
    query: GetQuery | RangeQuery | HistoryQuery,
    now: { readonly revision: number; readonly oldest: number },
  ): Answer {
    const revision = query.revision ?? now.revision;
    if (revision > now.revision) return { kind: "future", revision: now.revision };
    if (revision < now.oldest) return { kind: "compacted", oldest: now.oldest };
    switch (query.kind) {
      case "get": {
        const records = recordsWithin(query, (key) => this.at(key, revision));
        return { kind: "records", revision, records };
      }
      case "range":
        return this.#range(query, revision, now.oldest);
      case "history":
        return this.#history(query, revision, now.oldest);
    }
  }

  #range(query: RangeQuery, revision: number, oldest: number): Answer {
    const records = [...this.shown(query.start, query.end, revision)];
    if (query.reverse) records.reverse();
    const items: KvRecord[] = [];
    const folders = new Set<string>();
    let [bytes, next]: [number, string | undefined] = [0, undefined];
    for (const record of records) {
      const folder = folderOf(nameOf(record.key), query.delimiter);
      if (folder !== undefined && folders.has(folder)) continue;
      if (items.length + folders.size >= query.limit || bytes > query.bytesMax) {
        next = nameOf(record.key) + (query.reverse ? "\0" : "");
        break;
      }
      const value = query.keysOnly ? new Uint8Array(0) : record.value;
      // Counting is not bounded by bytes.
      if (!query.countOnly) bytes += folder?.length ?? record.key.length + value.length;
      if (folder === undefined) items.push({ ...record, value });
      else folders.add(folder);
    }
    return {
      kind: "range",
      revision,
      items: query.countOnly ? [] : items,
      prefixes: query.countOnly ? [] : [...folders].map(bytesOf),
      count: items.length + folders.size,
      ...(next === undefined ? {} : { next: bytesOf(next) }),
      changed: Math.max(oldest, this.lastChange(query, revision)),
    };
  }

  /** Back to the version that the oldest revision shows; a deletion at or before it is no news. */
  #history(query: HistoryQuery, revision: number, oldest: number): Answer {
    const known = this.#of(nameOf(query.key)).filter((version) => version.revision <= revision);
    const first = known.findLastIndex((version) => version.revision <= oldest);
    const readable = first < 0
      ? known
      : known.slice(known[first]!.record === undefined ? first + 1 : first);
    const asked = readable.toReversed()
      .filter((version) => query.before === undefined || version.revision < query.before);
    const items: HistoryItem[] = [];
    let bytes = 0;
    for (const { revision: mod, times, record } of asked) {
      if (items.length === query.limit || bytes > query.bytesMax) {
        const last = items.at(-1)!;
        const next = last.kind === "version" ? last.record.mod : last.mod;
        return { kind: "history", revision, items, next };
      }
      bytes += query.key.length + (record?.value.length ?? 0);
      items.push(
        record === undefined ? { kind: "deleted", mod, times } : { kind: "version", record, times },
      );
    }
    return { kind: "history", revision, items };
  }
}

function folderOf(name: string, delimiter: RangeQuery["delimiter"]): string | undefined {
  if (delimiter === undefined) return undefined;
  const text = nameOf(delimiter.bytes);
  const at = name.indexOf(text, delimiter.prefixLength);
  return at < 0 ? undefined : name.slice(0, at + text.length);
}

/** The records under `keys`, up to the one with which keys and values pass `bytesMax`. */
function recordsWithin(
  { keys, bytesMax }: GetQuery,
  at: (key: Uint8Array) => KvRecord | undefined,
): readonly (KvRecord | undefined)[] {
  const records: (KvRecord | undefined)[] = [];
  let bytes = 0;
  for (const key of keys) {
    if (bytes > bytesMax) break;
    const record = at(key);
    bytes += key.length + (record?.value.length ?? 0);
    records.push(record);
  }
  return records;
}
