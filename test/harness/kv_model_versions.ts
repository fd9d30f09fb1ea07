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
  let name = "";
  for (let at = 0; at < key.length; at++) name += String.fromCharCode(key[at]!);
  return name;
}

/** Undoes {@link nameOf}. */
export function bytesOf(name: string): Uint8Array {
  const bytes = new Uint8Array(name.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = name.charCodeAt(at);
  return bytes;
}

/** Grows, and goes back to a {@link ModelVersions.mark} by forgetting the newest versions. */
export class ModelVersions {
  /** Of each name that has any, the oldest first. */
  readonly #versions = new Map<string, ModelVersion[]>();
  /** The names in there, sorted. */
  readonly #names: string[] = [];
  /** The first of all first. */
  readonly #added: (ModelChange & { readonly name: string })[] = [];

  /** Where it stands, for {@link undoTo}. */
  mark(): number {
    return this.#added.length;
  }

  /** Forgets what was added since. */
  undoTo(mark: number): void {
    while (this.#added.length > mark) {
      const { name } = this.#added.pop()!;
      const versions = this.#versions.get(name)!;
      versions.pop();
      if (versions.length > 0) continue;
      this.#versions.delete(name);
      this.#names.splice(placeOf(this.#names, name), 1);
    }
  }

  add(key: Uint8Array, version: Omit<ModelVersion, "number">): void {
    const name = nameOf(key);
    const known = this.#versions.get(name);
    const numbered = { ...version, number: this.#added.length + 1 };
    this.#added.push({ ...numbered, key, name, prev: known?.at(-1)?.record });
    if (known !== undefined) {
      known.push(numbered);
      return;
    }
    this.#versions.set(name, [numbered]);
    this.#names.splice(placeOf(this.#names, name), 0, name);
  }

  /** The change of that number, with the {@link nameOf} its key; undefined where there is none. */
  change(number: number): (ModelChange & { readonly name: string }) | undefined {
    return this.#added[number - 1];
  }

  /** What happened in the range behind `revision`, in order, each with what was there before. */
  changesAfter(range: Range, revision: number): readonly ModelChange[] {
    return this.#within(range)
      .flatMap((name) =>
        this.#of(name).filter((version) => version.revision > revision).map((version) => ({
          ...version,
          key: bytesOf(name),
          prev: this.#atName(name, version.revision - 1),
        }))
      )
      .sort((a, b) => a.number - b.number);
  }

  #of(name: string): readonly ModelVersion[] {
    return this.#versions.get(name) ?? [];
  }

  /** What stands under `key` right after `revision`. */
  at(key: Uint8Array, revision: number): KvRecord | undefined {
    return this.#atName(nameOf(key), revision);
  }

  #atName(name: string, revision: number): KvRecord | undefined {
    return this.#newest(name, revision)?.record;
  }

  #newest(name: string, revision: number): ModelVersion | undefined {
    const versions = this.#of(name);
    let at = versions.length - 1;
    while (at >= 0 && versions[at]!.revision > revision) at--;
    return versions[at];
  }

  /** All records of the range in key order. */
  shown(
    start: Uint8Array,
    end: Uint8Array | undefined,
    revision: number,
  ): readonly KvRecord[] {
    const records: KvRecord[] = [];
    for (const name of this.#within({ start, end })) {
      const record = this.#atName(name, revision);
      if (record !== undefined) records.push(record);
    }
    return records;
  }

  #within({ start, end }: Range): readonly string[] {
    const names = this.#names;
    const from = placeOf(names, nameOf(start));
    return names.slice(from, end === undefined ? names.length : placeOf(names, nameOf(end)));
  }

  /** The highest revision that wrote or deleted in the range, up to `revision`; 0: none did. */
  lastChange(range: Range, revision: number): number {
    let last = 0;
    for (const name of this.#within(range)) {
      last = Math.max(last, this.#newest(name, revision)?.revision ?? 0);
    }
    return last;
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

/** Where `name` stands among sorted names, or would. */
function placeOf(names: readonly string[], name: string): number {
  let low = 0;
  let high = names.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (names[middle]! < name) low = middle + 1;
    else high = middle;
  }
  return low;
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
