/**
 * The store as plainly as it can be said: all versions of all keys in one map, everything computed
 * by looking at all of it. Written from the data model alone, with nothing of src/kv but its types,
 * so that it errs elsewhere if it errs.
 */

import type { Conditions, Delete, Operation, Put } from "../../src/kv/command.ts";
import type { Answer, GetQuery, Query, RangeQuery } from "../../src/kv/query.ts";
import type { KvRecord } from "../../src/kv/record.ts";
import type { Result } from "../../src/kv/result.ts";

interface Version {
  readonly revision: number;
  /** Undefined: the key was deleted. */
  readonly record: KvRecord | undefined;
}

/** One character a byte: such texts sort as their bytes do. */
function nameOf(key: Uint8Array): string {
  return String.fromCharCode(...key);
}

function bytesOf(name: string): Uint8Array {
  return Uint8Array.from(name, (letter) => letter.charCodeAt(0));
}

export class KvModel {
  revision = 1;
  readonly #versions = new Map<string, Version[]>();

  apply(operation: Operation): Result {
    switch (operation.kind) {
      case "nothing":
        return { kind: "nothing", revision: this.revision };
      case "put":
        return this.#put(operation);
      case "delete":
        return operation.target.kind === "key"
          ? this.#deleteKey(operation, operation.target.key)
          : this.#deleteRange(operation, operation.target.start, operation.target.end);
    }
  }

  #put(put: Put): Result {
    const current = this.at(put.key, this.revision);
    if (!this.#holds(put.conditions, put.key)) return this.#failed(current);
    const revision = ++this.revision;
    const create = current?.create ?? revision;
    const version = (current?.version ?? 0) + 1;
    const { key, value, mediaType } = put;
    const record = { key, value, create, mod: revision, version };
    this.#write(key, mediaType === undefined ? record : { ...record, mediaType });
    const prev = put.prev && current !== undefined ? { prev: current } : {};
    return { kind: "put", revision, create, version, ...prev };
  }

  #deleteKey(deletion: Delete, key: Uint8Array): Result {
    const current = this.at(key, this.revision);
    if (!this.#holds(deletion.conditions, key)) return this.#failed(current);
    return this.#deleteAll(current === undefined ? [] : [current], deletion, false);
  }

  #deleteRange(deletion: Delete, start: Uint8Array, end: Uint8Array | undefined): Result {
    const all = this.#shown(start, end, this.revision);
    const { ifMatch, ifNoneMatch } = deletion.conditions;
    const matches = (tags: readonly number[] | "any"): boolean =>
      tags === "any"
        ? all.length > 0
        : tags.some((tag) =>
          tag >= 1 && tag <= this.revision && this.lastChange(start, end, this.revision) <= tag
        );
    const holds = (ifMatch === undefined || matches(ifMatch)) &&
      (ifNoneMatch === undefined || !matches(ifNoneMatch));
    if (!holds) return { kind: "conditionFailed", revision: this.revision };
    const chosen = all.slice(0, deletion.limit ?? all.length);
    return this.#deleteAll(chosen, deletion, chosen.length < all.length);
  }

  #deleteAll(records: readonly KvRecord[], deletion: Delete, more: boolean): Result {
    if (records.length > 0) this.revision++;
    for (const { key } of records) this.#write(key, undefined);
    const prev = deletion.prev ? records : [];
    return { kind: "delete", revision: this.revision, deleted: records.length, more, prev };
  }

  #failed(current: KvRecord | undefined): Result {
    const failed = { kind: "conditionFailed", revision: this.revision } as const;
    return current === undefined ? failed : { ...failed, current };
  }

  #holds({ ifMatch, ifNoneMatch, ifValue }: Conditions, key: Uint8Array): boolean {
    const current = this.at(key, this.revision);
    const tag = current?.mod ?? 0;
    if (ifMatch === "any" && current === undefined) return false;
    if (Array.isArray(ifMatch) && !ifMatch.includes(tag)) return false;
    if (ifNoneMatch === "any" && current !== undefined) return false;
    if (Array.isArray(ifNoneMatch) && ifNoneMatch.includes(tag)) return false;
    if (ifValue === "absent") return current === undefined;
    if (ifValue === undefined) return true;
    return current !== undefined && nameOf(current.value) === nameOf(ifValue.equals);
  }

  #write(key: Uint8Array, record: KvRecord | undefined): void {
    const versions = this.#versions.get(nameOf(key)) ?? [];
    versions.push({ revision: this.revision, record });
    this.#versions.set(nameOf(key), versions);
  }

  /** What stands under `key` right after `revision`. */
  at(key: Uint8Array, revision: number): KvRecord | undefined {
    return this.#versions.get(nameOf(key))?.findLast((each) => each.revision <= revision)?.record;
  }

  /** All records of the range in key order. */
  #shown(start: Uint8Array, end: Uint8Array | undefined, revision: number): readonly KvRecord[] {
    return this.#names(start, end)
      .map((name) => this.at(bytesOf(name), revision))
      .filter((record) => record !== undefined);
  }

  #names(start: Uint8Array, end: Uint8Array | undefined): readonly string[] {
    return [...this.#versions.keys()]
      .filter((name) => name >= nameOf(start) && (end === undefined || name < nameOf(end)))
      .sort((a, b) => a < b ? -1 : 1);
  }

  /** The highest revision that wrote or deleted in the range, up to `revision`; at least 1. */
  lastChange(start: Uint8Array, end: Uint8Array | undefined, revision: number): number {
    const revisions = this.#names(start, end)
      .flatMap((name) => this.#versions.get(name) ?? [])
      .map((version) => version.revision)
      .filter((each) => each <= revision);
    return Math.max(1, ...revisions);
  }

  /** Like the store's answer, with `changed` always there. */
  read(query: Query): Answer {
    const revision = query.revision ?? this.revision;
    if (revision > this.revision) return { kind: "future", revision: this.revision };
    if (revision < 1) return { kind: "compacted", oldest: 1 };
    if (query.kind === "range") return this.#range(query, revision);
    const records = recordsWithin(query, (key) => this.at(key, revision));
    return { kind: "records", revision, records };
  }

  #range(query: RangeQuery, revision: number): Answer {
    const records = [...this.#shown(query.start, query.end, revision)];
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
      changed: this.lastChange(query.start, query.end, revision),
    };
  }
}

function folderOf(name: string, delimiter: RangeQuery["delimiter"]): string | undefined {
  if (delimiter === undefined) return undefined;
  const text = nameOf(delimiter.bytes);
  const at = name.indexOf(text, delimiter.prefixLength);
  return at < 0 ? undefined : name.slice(0, at + text.length);
}

/** The records under `keys`, up to the one with which keys and values pass `bytesMax`. */
export function recordsWithin(
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
