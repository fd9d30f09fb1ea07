/** What a node is made of, and what it says of itself. */

import type { Rng } from "../raft/ports.ts";
import type { Loss } from "../raft/ready.ts";
import type { RaftStatus } from "../raft/status.ts";
import type { LogPosition, RaftOptions, RestoredState } from "../raft/types.ts";
import type { InboxLimits } from "./inbox.ts";
import type { SnapshotOptions } from "./snapshots.ts";
import type { Clock, StateMachine, StorageEngine, Transport } from "./ports.ts";

/** Limits of one node's work; none of them alters the protocol. */
export interface NodeLimits extends InboxLimits {
  /** Client inputs taken in one turn, by count and by bytes. */
  readonly turnInputsMax: number;
  readonly turnBytesMax: number;
  /** Entries applied in one turn, bytes: others are served between two turns. */
  readonly applyBytesMax: number;
  /** Writes under way at once: 1, or 2 where storage works beside the node. */
  readonly writesInflightMax: number;
}

/** A report, for people, metrics and the services. */
export interface NodeStatus extends RaftStatus {
  /** Everything that was committed when the node started is applied. */
  readonly replayed: boolean;
  /** The store holds all that was handed to it (a full disk can undo that for a while). */
  readonly storeIsWhole: boolean;
  readonly stalenessMs: number;
  readonly pendingProposals: number;
  readonly receivedDropped: number;
}

/** Everything that a node stands on. It opens and closes none of it. */
export interface NodeParts<Query, Answer, Result> {
  readonly raft: RaftOptions;
  readonly limits: NodeLimits;
  readonly snapshots: SnapshotOptions;
  readonly restored: RestoredState;
  readonly storage: StorageEngine;
  readonly machine: StateMachine<Query, Answer, Result>;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly rng: Rng;
  /** Recovering ended: the log holds again what it may have lost. */
  readonly onRecovered: () => void;
  /**
   * Another node has shown that the log lost something, and this one does nothing more: to be
   * remembered in the identity before the process ends. It heals when it is started again.
   */
  readonly onLost: (loss: Loss) => void;
  /** The store has become an image of the leader's. */
  readonly onAdopted: (position: LogPosition) => void;
  /** For people: something did not work that is tried again. */
  readonly onProblem: (what: string) => void;
  /** A broken invariant or a failed write: the process must end. */
  readonly onFatal: (error: unknown) => void;
}

/**
 * Five looks a heartbeat: timers are late by a fifth of it at most, and an idle peer learns of a
 * commit as soon.
 */
export function tickMsOf(
  { heartbeatIntervalMs }: Pick<RaftOptions, "heartbeatIntervalMs">,
): number {
  return Math.max(1, Math.floor(heartbeatIntervalMs / 5));
}
