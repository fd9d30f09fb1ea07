/**
 * How the store keeps what happened: a log of changes, each one version of one key or the mark of
 * its deletion, numbered in the order of (revision, place within the revision). Rows are written
 * once and never rewritten; only compaction removes them.
 */

import { userKey } from "./key_space.ts";
import type { KvRecord, LeaseId, Revision } from "./record.ts";

/**
 * Counts the changes ever made, from 1; 0 stands for none. A revision of one change takes one
 * number, a revision of a thousand takes a thousand.
 */
export type ChangeNumber = number;

/** The way from a change to earlier ones of the same key (version_chain.ts). */
export interface ChangeLink {
  readonly number: ChangeNumber;
  /** The change of this key before this one; 0 when there is none. Perhaps compacted. */
  readonly previous: ChangeNumber;
  /** An earlier change of this key, further back; 0 when there is none. */
  readonly skip: ChangeNumber;
  /** The length of the chain up to here: 1 for the first change of a key. */
  readonly depth: number;
}

/** A change without its key and value. */
export interface ChangeHead extends ChangeLink {
  readonly revision: Revision;
  /** The revision that created the key; 0 in a deletion. */
  readonly create: Revision;
  /** 1 at creation, one more with each write; 0 in a deletion. */
  readonly version: number;
  readonly lease: LeaseId | undefined;
  readonly mediaType: string | undefined;
  readonly valueBytes: number;
}

/** A change with its key, and with its value where that was asked for and is short enough. */
export interface KeyedChange extends ChangeHead {
  readonly key: Uint8Array;
  readonly value?: Uint8Array;
}

/** When a change was made. */
export interface ChangeTimes {
  /** Cluster time, ms: never runs backwards from one change to the next. */
  readonly timeMs: number;
  /** The leader's wall clock, ms: for people. */
  readonly wallMs: number;
}

/** A change with its key, its times, and perhaps its value. */
export type TimedChange = KeyedChange & ChangeTimes;

/** A whole change: one row. */
export interface Change extends ChangeHead, ChangeTimes {
  readonly key: Uint8Array;
  /** Empty in a deletion. */
  readonly value: Uint8Array;
  /** Over all columns (checksum.ts). */
  readonly crc32c: number;
}

/** True for the mark of a deletion, false for a version. */
export function isDeletion(change: ChangeHead): boolean {
  return change.version === 0;
}

/** The record that a change, no deletion, left under `stored`; its key is the user's. */
export function recordOf(change: ChangeHead, stored: Uint8Array, value: Uint8Array): KvRecord {
  const { create, revision: mod, version, lease, mediaType } = change;
  const record = { key: userKey(stored), value, create, mod, version };
  if (lease === undefined && mediaType === undefined) return record;
  return {
    ...record,
    ...(lease === undefined ? {} : { lease }),
    ...(mediaType === undefined ? {} : { mediaType }),
  };
}
