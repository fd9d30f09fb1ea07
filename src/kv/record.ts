/** What the store holds under a key, and the identifiers around it. */

/**
 * Counts the mutating transactions of the whole store; 1 is the empty store. A safe integer,
 * asserted.
 */
export type Revision = number;

/** A signed 64-bit integer as canonical decimal text: it may exceed 2^53 − 1. */
export type LeaseId = string;

/** True for the canonical decimal text of a signed 64-bit integer: a {@link LeaseId}. */
export function isLeaseId(text: string): boolean {
  if (!/^(0|-?[1-9][0-9]{0,18})$/.test(text)) return false;
  const negative = text.startsWith("-");
  const digits = negative ? text.slice(1) : text;
  // Texts of nineteen digits compare as their numbers do; shorter ones are below the limit.
  return digits.length < 19 || digits <= (negative ? "9223372036854775808" : "9223372036854775807");
}

/** `start` ≤ key < `end`; no `end` is no upper bound. */
export interface KeyRange {
  readonly start: Uint8Array;
  readonly end?: Uint8Array;
}

/** One version of one key. */
export interface KvRecord {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  /** The revision that created the key, since its last deletion. */
  readonly create: Revision;
  /** The revision that wrote this version. */
  readonly mod: Revision;
  /** 1 at creation, one more with each write, reset by deletion. */
  readonly version: number;
  readonly lease?: LeaseId;
  /** The Content-Type that GET gives back; absent is application/octet-stream. */
  readonly mediaType?: string;
}

/** Limits of the data model (docs: api "Data model"). Bytes are of the key or value alone. */
export const keyBytesMax = 8 * 1024;
export const valueBytesMax = 8 * 1024 * 1024;
/** A media type is 1 … this many characters of printable ASCII. */
export const mediaTypeLengthMax = 255;
/** One revision changes at most this many keys. */
export const changesPerRevisionMax = 10_000;
/** Operations of one transaction, nested ones counted; compares likewise. */
export const txnOperationsMax = 128;
/** Items of one batch. */
export const batchItemsMax = 1_000;
/** The revision of the empty store. */
export const emptyRevision: Revision = 1;
