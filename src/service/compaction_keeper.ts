/**
 * Gives up old revisions: the leader proposes it from time to time, by age and by count. What is
 * given up on request goes the same way.
 */

import { encodeCommand } from "../kv/command_encoding.ts";
import type { Revision } from "../kv/record.ts";
import type { ServedNode } from "./node_port.ts";

/** How often {@link CompactionKeeper.look} is to be called. */
export const compactionLookEveryMs = 10_000;
/** So much is kept whatever is configured. */
export const revisionsKeptMin = 10_000;
export const ageKeptMsMin = 5 * 60 * 1_000;
/** A command that is not settled by then may be proposed again. */
const patienceMs = 5_000;

/** How much of the past is kept. */
export interface Retention {
  /** Revisions that are younger are kept, ms of cluster time. */
  readonly ageMsMax: number;
  /** So many of the newest revisions are kept. */
  readonly revisionsMax: number;
}

/** What the keeper asks the store. */
export interface CompactedStore {
  readonly revision: Revision;
  readonly oldest: Revision;
  /** The newest revision that was made at or before a moment of cluster time. */
  revisionAt(timeMs: number): Revision;
}

/** What the keeper stands on. */
export interface CompactionKeeperParts {
  readonly node: Pick<ServedNode, "propose" | "clusterTimeMs">;
  readonly store: CompactedStore;
  readonly retention: Retention;
  readonly monotonicMs: () => number;
  readonly wallMs: () => number;
}

/** See the head of this file. */
export class CompactionKeeper {
  readonly #parts: CompactionKeeperParts;
  #isWaiting = false;

  constructor(parts: CompactionKeeperParts) {
    this.#parts = parts;
  }

  /** Does nothing where this node does not lead, or nothing is old enough. */
  look(): void {
    const { node, store, retention, monotonicMs, wallMs } = this.#parts;
    const nowMs = node.clusterTimeMs();
    if (nowMs === undefined || this.#isWaiting) return;
    const revision = oldestToKeep(store, retention, nowMs);
    if (revision <= store.oldest) return;
    this.#isWaiting = true;
    const data = encodeCommand({ wallMs: wallMs(), operation: { kind: "compact", revision } });
    node.propose(data, monotonicMs() + patienceMs, () => this.#isWaiting = false);
  }
}

/** What is too old, or one too many, goes; but not what is kept whatever is configured. */
function oldestToKeep(
  store: CompactedStore,
  { ageMsMax, revisionsMax }: Retention,
  nowMs: number,
): Revision {
  const newestKept = store.revision - revisionsKeptMin;
  if (newestKept <= store.oldest) return store.oldest;
  const wanted = Math.max(store.revision - revisionsMax, store.revisionAt(nowMs - ageMsMax));
  return Math.min(wanted, newestKept, store.revisionAt(nowMs - ageKeptMsMin));
}
