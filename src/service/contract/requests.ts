/** What every request says of itself, and every answer of where it comes from. */

import type { Idempotency } from "../../kv/command.ts";
import type { Revision } from "../../kv/record.ts";
import type { NodeId } from "../../raft/types.ts";

/**
 * From strongest to weakest. A level that the configuration does not allow is served by the next
 * stronger one.
 */
export type ReadLevel = "linearizable" | "lease" | "eventual";

/** What every request says of itself. */
export interface RequestOptions {
  /** How long the caller waits, ms from now. */
  readonly timeoutMs: number;
  readonly requestId: string;
  /** Aborted when the client is gone: nobody waits for the answer any more. */
  readonly signal?: AbortSignal;
}

/** Keys and values that one answer holds, bytes, unless the configuration says otherwise. */
export const answerBytesMax = 16 * 1024 * 1024;

/** How fresh a read has to be. */
export interface ReadOptions extends RequestOptions {
  readonly level: ReadLevel;
  /** Wait until this node has applied that revision. */
  readonly minRevision?: Revision;
  /** Refuse with `too_stale` beyond this (see Header.stalenessMs). */
  readonly maxStalenessMs?: number;
}

/** How a write is asked for. */
export interface WriteOptions extends RequestOptions {
  readonly idempotency?: Idempotency;
}

/** Stands on every answer that comes from the store. */
export interface Header {
  /** Of a write: its own; else the store's revision that the answer reflects. */
  readonly revision: Revision;
  readonly servedBy: NodeId;
  readonly leader: NodeId | undefined;
  readonly clusterId: string;
  /** Of a write that this node handed on to the leader: the answer is the leader's. */
  readonly forwarded?: true;
  /** The level really used; absent on writes. */
  readonly level?: ReadLevel;
  /**
   * On reads below linearizable: how far behind the leader this node may be; infinite when unknown.
   */
  readonly stalenessMs?: number;
}
