/** Short words for what tests ask of the store. */

import { encodeCommand } from "../../src/kv/command_encoding.ts";
import type { Conditions, Delete, Idempotency, Operation, Put } from "../../src/kv/command.ts";
import type { GetQuery, RangeQuery } from "../../src/kv/query.ts";
import { prefixEnd, utf8 } from "../../src/lib/bytes.ts";
import { encodeConfiguration, makeEntry } from "../../src/raft/encoding.ts";
import type { Configuration, Entry, Index } from "../../src/raft/types.ts";

export type Bytes = string | Uint8Array;

export function bytes(value: Bytes): Uint8Array {
  return typeof value === "string" ? utf8(value) : value;
}

export function put(key: Bytes, value: Bytes, more: Partial<Put> = {}): Put {
  const conditions: Conditions = {};
  return { kind: "put", key: bytes(key), value: bytes(value), conditions, prev: false, ...more };
}

export function del(key: Bytes, more: Partial<Delete> = {}): Delete {
  const target = { kind: "key", key: bytes(key) } as const;
  return { kind: "delete", target, conditions: {}, prev: false, ...more };
}

/** `end` absent: no upper bound. */
export function delRange(start: Bytes, end?: Bytes, more: Partial<Delete> = {}): Delete {
  const target = {
    kind: "range",
    start: bytes(start),
    ...(end === undefined ? {} : { end: bytes(end) }),
  } as const;
  return { kind: "delete", target, conditions: {}, prev: false, ...more };
}

export function get(...keys: readonly Bytes[]): GetQuery {
  return { kind: "get", keys: keys.map(bytes), bytesMax: 16 * 1024 * 1024 };
}

export function range(more: Partial<RangeQuery> = {}): RangeQuery {
  return {
    kind: "range",
    start: new Uint8Array(0),
    limit: 1_000,
    bytesMax: 16 * 1024 * 1024,
    reverse: false,
    keysOnly: false,
    countOnly: false,
    ...more,
  };
}

export function prefix(text: Bytes, more: Partial<RangeQuery> = {}): RangeQuery {
  const end = prefixEnd(bytes(text));
  return range({ start: bytes(text), ...(end === undefined ? {} : { end }), ...more });
}

/** The wall time of every command that an {@link EntryMaker} makes. */
export const wallMs = 1_700_000_000_000;

/**
 * Numbers entries as a log does. Cluster time is ten times the index and what was skipped, wall
 * time a constant.
 */
export class EntryMaker {
  #index: Index;
  #skippedMs = 0;
  readonly #term: number;

  constructor(after: Index = 0, term = 1) {
    this.#index = after;
    this.#term = term;
  }

  get lastIndex(): Index {
    return this.#index;
  }

  /** Cluster time of the entry that is made next. */
  get nextTimeMs(): number {
    return (this.#index + 1) * 10 + this.#skippedMs;
  }

  /** So long nothing happens. */
  skip(ms: number): void {
    this.#skippedMs += ms;
  }

  command(operation: Operation, idempotency?: Idempotency): Entry {
    const once = idempotency === undefined ? {} : { idempotency };
    return this.raw(encodeCommand({ wallMs, operation, ...once }));
  }

  commands(operations: readonly Operation[]): readonly Entry[] {
    return operations.map((operation) => this.command(operation));
  }

  raw(data: Uint8Array): Entry {
    return this.#make("command", data);
  }

  noop(): Entry {
    return this.#make("noop", new Uint8Array(0));
  }

  configuration(configuration: Configuration): Entry {
    return this.#make("configuration", encodeConfiguration(configuration));
  }

  #make(kind: Entry["kind"], data: Uint8Array): Entry {
    const timeMs = this.nextTimeMs;
    return makeEntry({ index: ++this.#index, term: this.#term, kind, timeMs, data });
  }
}
