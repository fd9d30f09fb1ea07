/**
 * What was read for the reader of a watch, and not taken yet: a little of it, and under one limit
 * for all watches of a node together, so that many readers that take nothing cost no more than few.
 */

import type { RevisionChanges } from "../kv/query.ts";
import type { ByteBudget } from "../lib/byte_budget.ts";

const queueBytesMax = 1024 * 1024;
const queueRevisionsMax = 1_024;
/** So much may be read for a reader who has nothing, whatever the others hold. */
const lookBytesMin = 16 * 1024;

interface Queued {
  readonly changes: RevisionChanges;
  /** What it holds of the budget. */
  readonly heldBytes: number;
}

/** Of one watch, in order. */
export class WatchQueue {
  readonly #budget: ByteBudget;
  #queued: Queued[] = [];
  #bytes = 0;

  constructor(budget: ByteBudget) {
    this.#budget = budget;
  }

  get length(): number {
    return this.#queued.length;
  }

  /** How much may be read from history for a queue that is empty. */
  get lookBytes(): number {
    const { bytesMax, heldBytes } = this.#budget;
    return Math.max(lookBytesMin, Math.min(queueBytesMax, bytesMax - heldBytes));
  }

  /** For one revision there always is. */
  hasRoomFor(changes: RevisionChanges): boolean {
    if (this.#queued.length === 0) return true;
    const bytes = bytesOf(changes);
    return this.#queued.length < queueRevisionsMax && this.#bytes + bytes <= queueBytesMax &&
      this.#budget.hasRoomFor(bytes);
  }

  /** Whether there is room was asked before: what was read is not thrown away. */
  push(changes: RevisionChanges): void {
    const bytes = bytesOf(changes);
    this.#queued.push({ changes, heldBytes: this.#budget.take(bytes) ? bytes : 0 });
    this.#bytes += bytes;
  }

  shift(): RevisionChanges | undefined {
    const first = this.#queued.shift();
    if (first === undefined) return undefined;
    this.#bytes -= bytesOf(first.changes);
    this.#budget.give(first.heldBytes);
    return first.changes;
  }

  clear(): void {
    for (const { heldBytes } of this.#queued) this.#budget.give(heldBytes);
    this.#queued = [];
    this.#bytes = 0;
  }
}

function bytesOf({ events }: RevisionChanges): number {
  let bytes = 64;
  for (const event of events) {
    bytes += event.kind === "put"
      ? event.record.key.length + event.record.value.length
      : event.key.length;
    bytes += event.prev?.value.length ?? 0;
  }
  return bytes;
}
