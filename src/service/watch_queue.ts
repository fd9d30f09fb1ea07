/** What was read for the reader of a watch, and not taken yet: a little of it. */

import type { RevisionChanges } from "../kv/query.ts";
import { bytesOfChanges, type WatchMemory } from "./watch_memory.ts";

const queueBytesMax = 1024 * 1024;
const queueRevisionsMax = 1_024;
/** So much is read and kept for a reader who has nothing, whatever the others hold. */
const alwaysBytes = 16 * 1024;

/** Of one watch, in order. */
export class WatchQueue {
  readonly #memory: WatchMemory;
  #queued: RevisionChanges[] = [];
  #bytes = 0;

  constructor(memory: WatchMemory) {
    this.#memory = memory;
  }

  get length(): number {
    return this.#queued.length;
  }

  /**
   * How much may be read from history for a queue that is empty. One change may be more, but then
   * it is alone, and is taken at once.
   */
  get lookBytes(): number {
    return Math.max(alwaysBytes, Math.min(queueBytesMax, this.#memory.room));
  }

  hasRoomFor(changes: RevisionChanges): boolean {
    const bytes = bytesOfChanges(changes);
    if (this.#queued.length === 0) {
      return bytes <= alwaysBytes || this.#memory.hasRoomFor(changes);
    }
    return this.#queued.length < queueRevisionsMax && this.#bytes + bytes <= queueBytesMax &&
      this.#memory.hasRoomFor(changes);
  }

  /** Whether there is room was asked before: what was read is not thrown away. */
  push(changes: RevisionChanges): void {
    this.#queued.push(changes);
    this.#bytes += bytesOfChanges(changes);
    this.#memory.hold(changes);
  }

  shift(): RevisionChanges | undefined {
    const first = this.#queued.shift();
    if (first === undefined) return undefined;
    this.#bytes -= bytesOfChanges(first);
    this.#memory.release(first);
    return first;
  }

  clear(): void {
    for (const changes of this.#queued) this.#memory.release(changes);
    this.#queued = [];
    this.#bytes = 0;
  }
}
