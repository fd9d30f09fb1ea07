/**
 * What the queues of all watches of a node hold together. A record that was handed to many of them
 * is in memory once, and counts once.
 */

import type { RevisionChanges } from "../kv/query.ts";
import type { KvRecord } from "../kv/record.ts";

/** What is held of a change beside its records. */
const changeBytes = 64;

/** See the head of this file. */
export class WatchMemory {
  readonly #bytesMax: number;
  /** How many queues hold the record. */
  readonly #holders = new Map<KvRecord, number>();
  #heldBytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Bytes that may be read ahead; 0 where that is nothing. */
  get room(): number {
    return Math.max(0, this.#bytesMax - this.#heldBytes);
  }

  hasRoomFor(changes: RevisionChanges): boolean {
    let bytes = overheadOf(changes);
    for (const record of recordsOf(changes)) {
      if (!this.#holders.has(record)) bytes += bytesOf(record);
    }
    return bytes <= this.room;
  }

  /** Whether there is room or not: that is asked before. */
  hold(changes: RevisionChanges): void {
    this.#heldBytes += overheadOf(changes);
    for (const record of recordsOf(changes)) {
      const holders = this.#holders.get(record) ?? 0;
      if (holders === 0) this.#heldBytes += bytesOf(record);
      this.#holders.set(record, holders + 1);
    }
  }

  /** Of what was held; once. */
  release(changes: RevisionChanges): void {
    this.#heldBytes -= overheadOf(changes);
    for (const record of recordsOf(changes)) {
      const holders = this.#holders.get(record) ?? 0;
      if (holders > 1) {
        this.#holders.set(record, holders - 1);
      } else {
        this.#holders.delete(record);
        this.#heldBytes -= bytesOf(record);
      }
    }
  }
}

/** The bytes of changes, whoever else holds them. */
export function bytesOfChanges(changes: RevisionChanges): number {
  let bytes = overheadOf(changes);
  for (const record of recordsOf(changes)) bytes += bytesOf(record);
  return bytes;
}

function* recordsOf({ events }: RevisionChanges): Iterable<KvRecord> {
  for (const event of events) {
    if (event.kind === "put") yield event.record;
    if (event.prev !== undefined) yield event.prev;
  }
}

function bytesOf({ key, value }: KvRecord): number {
  return key.length + value.length;
}

function overheadOf({ events }: RevisionChanges): number {
  let bytes = 0;
  for (const event of events) {
    bytes += changeBytes + (event.kind === "delete" ? event.key.length : 0);
  }
  return bytes;
}
