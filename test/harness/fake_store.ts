/**
 * A multi-version map with the semantics of the replicated store: real, if slow, so that answers,
 * tags, cursors and past revisions mean what they mean in production.
 */

import { compareBytes, equalBytes, hex } from "../../src/lib/bytes.ts";
import {
  type Answer,
  changesPerRevisionMax,
  type Conditions,
  type GetQuery,
  type KvRecord,
  type Operation,
  type Query,
  type RangeQuery,
  type Result,
  type Revision,
} from "../../src/service/contract.ts";
import { recordsWithin } from "./kv_model.ts";

/** One version of a key, deletions included. */
interface Version {
  readonly mod: Revision;
  readonly record: KvRecord | undefined;
}

interface History {
  readonly key: Uint8Array;
  readonly versions: Version[];
}

/** A multi-version map with the semantics of the replicated store. */
export class FakeStore {
  readonly #histories = new Map<string, History>();
  revision: Revision = 1;
  /** The oldest revision that can still be read. */
  oldest: Revision = 1;

  read(query: Query): Answer {
    const revision = query.revision ?? this.revision;
    if (revision > this.revision) return { kind: "future", revision: this.revision };
    if (revision < this.oldest) return { kind: "compacted", oldest: this.oldest };
    return query.kind === "get" ? this.#get(query, revision) : this.#range(query, revision);
  }

  apply(operation: Operation): Result {
    if (operation.kind === "nothing") return { kind: "nothing", revision: this.revision };
    if (operation.kind === "put") return this.#put(operation);
    const target = operation.target;
    const targets = target.kind === "key"
      ? [this.#at(target.key, this.revision)].filter((record) => record !== undefined)
      : this.#records(target.start, target.end, this.revision);
    const current = target.kind === "key" ? targets[0] : undefined;
    const tag = Math.max(0, ...targets.map((record) => record.mod));
    if (!holds(operation.conditions, tag, current)) return this.#conditionFailed(current);
    if (operation.limit === undefined && targets.length > changesPerRevisionMax) {
      return { kind: "rangeTooLarge", revision: this.revision, keys: targets.length };
    }
    const doomed = targets.slice(0, operation.limit);
    if (doomed.length > 0) this.revision += 1;
    for (const record of doomed) this.#write(record.key, undefined);
    return {
      kind: "delete",
      revision: this.revision,
      deleted: doomed.length,
      more: doomed.length < targets.length,
      prev: operation.prev ? doomed : [],
    };
  }

  #put(operation: Extract<Operation, { kind: "put" }>): Result {
    const current = this.#at(operation.key, this.revision);
    if (!holds(operation.conditions, current?.mod ?? 0, current)) {
      return this.#conditionFailed(current);
    }
    this.revision += 1;
    const record: KvRecord = {
      key: operation.key.slice(),
      value: operation.value.slice(),
      create: current?.create ?? this.revision,
      mod: this.revision,
      version: (current?.version ?? 0) + 1,
      ...(operation.lease === undefined ? {} : { lease: operation.lease }),
      ...(operation.mediaType === undefined ? {} : { mediaType: operation.mediaType }),
    };
    this.#write(record.key, record);
    return {
      kind: "put",
      revision: record.mod,
      create: record.create,
      version: record.version,
      ...(operation.prev && current !== undefined ? { prev: current } : {}),
    };
  }

  #conditionFailed(current: KvRecord | undefined): Result {
    return {
      kind: "conditionFailed",
      revision: this.revision,
      ...(current === undefined ? {} : { current }),
    };
  }

  #write(key: Uint8Array, record: KvRecord | undefined): void {
    const name = hex(key);
    const history = this.#histories.get(name) ?? { key, versions: [] };
    history.versions.push({ mod: this.revision, record });
    this.#histories.set(name, history);
  }

  #at(key: Uint8Array, revision: Revision): KvRecord | undefined {
    const versions = this.#histories.get(hex(key))?.versions ?? [];
    return versions.findLast((version) => version.mod <= revision)?.record;
  }

  #get(query: GetQuery, revision: Revision): Answer {
    const records = recordsWithin(query, (key) => this.#at(key, revision));
    return { kind: "records", revision, records };
  }

  #historiesIn(start: Uint8Array, end: Uint8Array | undefined): readonly History[] {
    return [...this.#histories.values()]
      .filter(({ key }) =>
        compareBytes(key, start) >= 0 && (end === undefined || compareBytes(key, end) < 0)
      )
      .sort((a, b) => compareBytes(a.key, b.key));
  }

  #records(
    start: Uint8Array,
    end: Uint8Array | undefined,
    revision: Revision,
  ): readonly KvRecord[] {
    return this.#historiesIn(start, end)
      .map(({ key }) => this.#at(key, revision))
      .filter((record) => record !== undefined);
  }

  #range(query: RangeQuery, revision: Revision): Answer {
    const records = [...this.#records(query.start, query.end, revision)];
    if (query.reverse) records.reverse();
    const page = new Page(query);
    for (const record of records) if (!page.take(record)) break;
    const mods = this.#historiesIn(query.start, query.end)
      .flatMap(({ versions }) => versions.map(({ mod }) => mod))
      .filter((mod) => mod <= revision);
    return {
      kind: "range",
      revision,
      items: query.countOnly ? [] : page.items,
      prefixes: page.prefixes,
      count: page.count,
      ...(page.next === undefined ? {} : { next: page.next }),
      changed: Math.max(0, ...mods),
    };
  }
}

/** Collects one page of a range until its limits are reached. */
class Page {
  readonly items: KvRecord[] = [];
  readonly prefixes: Uint8Array[] = [];
  next: Uint8Array | undefined;
  count = 0;
  #bytes = 0;
  #last: Uint8Array | undefined;
  readonly #query: RangeQuery;

  constructor(query: RangeQuery) {
    this.#query = query;
  }

  /** False when the page was full before this record; `next` is set then. */
  take(record: KvRecord): boolean {
    const folder = this.#folder(record.key);
    const known = this.prefixes.at(-1);
    if (folder !== undefined && known !== undefined && equalBytes(folder, known)) {
      this.#last = record.key;
      return true;
    }
    if (this.count >= this.#query.limit || this.#bytes > this.#query.bytesMax) {
      this.next = this.#query.reverse ? this.#last : record.key;
      return false;
    }
    this.count += 1;
    this.#last = record.key;
    if (folder !== undefined) {
      this.#bytes += folder.length;
      this.prefixes.push(folder);
    } else {
      const item = this.#query.keysOnly ? { ...record, value: new Uint8Array(0) } : record;
      this.#bytes += item.key.length + item.value.length;
      this.items.push(item);
    }
    return true;
  }

  #folder(key: Uint8Array): Uint8Array | undefined {
    const delimiter = this.#query.delimiter;
    if (delimiter === undefined) return undefined;
    for (let at = delimiter.prefixLength; at + delimiter.bytes.length <= key.length; at++) {
      const end = at + delimiter.bytes.length;
      if (equalBytes(key.subarray(at, end), delimiter.bytes)) return key.slice(0, end);
    }
    return undefined;
  }
}

function holds(conditions: Conditions, tag: Revision, current: KvRecord | undefined): boolean {
  const { ifMatch, ifNoneMatch, ifValue } = conditions;
  if (ifMatch === "any" && tag === 0) return false;
  if (Array.isArray(ifMatch) && !ifMatch.includes(tag)) return false;
  if (ifNoneMatch === "any" && tag !== 0) return false;
  if (Array.isArray(ifNoneMatch) && ifNoneMatch.includes(tag)) return false;
  if (ifValue === undefined) return true;
  if (ifValue === "absent") return current === undefined;
  return current !== undefined && equalBytes(current.value, ifValue.equals);
}
