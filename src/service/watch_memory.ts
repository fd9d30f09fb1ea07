/**
 * What the queues of all watches of a node hold together. A record that was handed to many of them
 * is in memory once, and counts once.
 */

import type { ChangeEvent, RevisionChanges } from "../kv/query.ts";
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
    let bytes = bytesOfChanges(changes);
    for (const event of changes.events) {
      if (event.kind === "put") bytes -= this.#sharedBytes(event.record);
      if (event.prev !== undefined) bytes -= this.#sharedBytes(event.prev);
    }
    return bytes <= this.room;
  }

  #sharedBytes(record: KvRecord): number {
    return this.#holders.has(record) ? bytesOf(record) : 0;
  }

  /** Whether there is room or not: that is asked before. */
  hold(changes: RevisionChanges): void {
    for (const event of changes.events) {
      this.#heldBytes += overheadOf(event);
      if (event.kind === "put") this.#holdRecord(event.record);
      if (event.prev !== undefined) this.#holdRecord(event.prev);
    }
  }

  #holdRecord(record: KvRecord): void {
    const holders = this.#holders.get(record) ?? 0;
    if (holders === 0) this.#heldBytes += bytesOf(record);
    this.#holders.set(record, holders + 1);
  }

  /** Of what was held; once. */
  release(changes: RevisionChanges): void {
    for (const event of changes.events) {
      this.#heldBytes -= overheadOf(event);
      if (event.kind === "put") this.#releaseRecord(event.record);
      if (event.prev !== undefined) this.#releaseRecord(event.prev);
    }
  }

  #releaseRecord(record: KvRecord): void {
    const holders = this.#holders.get(record) ?? 0;
    if (holders > 1) return void this.#holders.set(record, holders - 1);
    this.#holders.delete(record);
    this.#heldBytes -= bytesOf(record);
  }
}

/** The bytes of changes, whoever else holds them. */
export function bytesOfChanges({ events }: RevisionChanges): number {
  let bytes = 0;
  for (const event of events) {
    bytes += overheadOf(event);
    if (event.kind === "put") bytes += bytesOf(event.record);
    if (event.prev !== undefined) bytes += bytesOf(event.prev);
  }
  return bytes;
}

function bytesOf({ key, value }: KvRecord): number {
  return key.length + value.length;
}

function overheadOf(event: ChangeEvent): number {
  return changeBytes + (event.kind === "delete" ? event.key.length : 0);
}
