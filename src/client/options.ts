/** What calls take besides their subject, and how REST is told. */

import type { RestRequest } from "./connection.ts";
import { bytesOf, type KeyBytes, type queryString, type QueryValue } from "./paths.ts";

export type ReadLevel = "linearizable" | "lease" | "eventual";

/** Of every call. */
export interface CallOptions {
  /** How long the call may take, ms, repetitions included. */
  readonly timeoutMs?: number;
}

/** Of reads. */
export interface ReadOptions extends CallOptions {
  /** Linearizable unless given. */
  readonly consistency?: ReadLevel;
  /** Wait until the node has applied this revision: read your own writes at any level. */
  readonly minRevision?: number;
}

/** Of reads that can look at the past. */
export interface ViewOptions extends ReadOptions {
  /** As it was at this revision. A compacted one is refused: `revision_compacted`. */
  readonly revision?: number;
}

/** Of every write of the store. It is applied once, however often it has to be sent. */
export interface StoreOptions extends CallOptions {
  /**
   * The write is remembered under this key, 1 to 255 printable characters of ASCII: a call that
   * repeats it, even from another process, gets the first answer, for 10 minutes. The client takes
   * a key of its own unless one is given, and repeats the write under it while its time lasts.
   */
  readonly idempotencyKey?: string;
}

/** Of writes of one key; all conditions must hold. */
export interface WriteOptions extends StoreOptions {
  /** Only if the key's record has this mod revision; `*`: only if the key exists. */
  readonly ifMatch?: number | "*";
  /** Only if the key does not exist. */
  readonly ifAbsent?: boolean;
  /** The result carries the record before this write. */
  readonly prev?: boolean;
}

/** Of putting a value. */
export interface PutOptions extends WriteOptions {
  /** What GET answers the value with; `application/octet-stream` unless given. */
  readonly contentType?: string;
  /** The key lives so long, ms, from 1,000 on. Not together with `lease`. */
  readonly ttlMs?: number;
  /** The key goes when this lease ends. Without either the key hangs on nothing. */
  readonly lease?: string;
}

/** Which keys: a prefix, or a range; all without either. */
export interface KeyRange {
  readonly prefix?: KeyBytes;
  readonly start?: KeyBytes;
  /** Exclusive. */
  readonly end?: KeyBytes;
}

/** Of pages. */
export interface PageOptions {
  /** 1,000 unless given, 10,000 at most. */
  readonly limit?: number;
  /** From the page before. */
  readonly cursor?: string;
}

type Query = Parameters<typeof queryString>[0];

/** The time of a call, as a part of its request. */
export function limited(options: CallOptions): Pick<RestRequest, "timeoutMs"> {
  return options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs };
}

/** The parts of a request that every write of the store has. */
export function stored(options: StoreOptions): Pick<RestRequest, "kind" | "once" | "timeoutMs"> {
  return { kind: "write", once: { key: options.idempotencyKey }, ...limited(options) };
}

/** The level of a read, as options of its URL. */
export function readQuery(options: ReadOptions): Query {
  return { consistency: options.consistency, min_revision: options.minRevision };
}

/** A range, as options of a URL. */
export function rangeQuery({ prefix, start, end }: KeyRange): Query {
  return { prefix: bytes(prefix), start: bytes(start), end: bytes(end) };
}

function bytes(key: KeyBytes | undefined): QueryValue {
  return key === undefined ? undefined : bytesOf(key);
}

/** Conditions, as headers. */
export function writeHeaders(options: WriteOptions): Readonly<Record<string, string>> {
  const { ifMatch, ifAbsent } = options;
  return {
    ...(ifMatch === undefined ? {} : { "if-match": ifMatch === "*" ? "*" : `"${ifMatch}"` }),
    ...(ifAbsent === true ? { "if-none-match": "*" } : {}),
  };
}

/** A duration as REST takes it. */
export function durationText(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : `${ms}ms`;
}
