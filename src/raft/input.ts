/** Everything that can happen to the core. There is no other way in. */

import type { Envelope, InstallSnapshot } from "./message.ts";
import type {
  BatchNumber,
  ConfigurationChange,
  Index,
  LogPosition,
  NodeId,
  ProposalId,
  ReadId,
  SnapshotMeta,
} from "./types.ts";

export type Input =
  /** "Look at the time." At most one waits; after a stall it stands for all that were due. */
  | { readonly kind: "tick" }
  | { readonly kind: "receive"; readonly envelope: Envelope }
  | { readonly kind: "propose"; readonly id: ProposalId; readonly data: Uint8Array }
  | {
    readonly kind: "changeConfiguration";
    readonly id: ProposalId;
    /**
     * Position of the configuration that the caller saw; the change is dropped when another one is
     * in force.
     */
    readonly expected: LogPosition;
    readonly change: ConfigurationChange;
  }
  | { readonly kind: "transferLeadership"; readonly id: ProposalId; readonly target?: NodeId }
  /** One per turn, not per read: the node keeps the readers. */
  | { readonly kind: "readIndex"; readonly id: ReadId; readonly level: "quorum" | "lease" }
  /** The write of this number is durable, and so is every one before it. */
  | { readonly kind: "persisted"; readonly number: BatchNumber }
  | { readonly kind: "applied"; readonly position: LogPosition }
  /**
   * The store is durable up to here. The core adds time and configuration and moves the boundary.
   */
  | { readonly kind: "compact"; readonly to: Index }
  /** A chunk of an image for a peer; it leaves if the peer still waits for one. */
  | { readonly kind: "snapshotChunk"; readonly peer: NodeId; readonly chunk: InstallSnapshot }
  | { readonly kind: "snapshotStaged"; readonly meta: SnapshotMeta }
  | {
    readonly kind: "snapshotChunkStored";
    readonly peer: NodeId;
    readonly position: LogPosition;
    readonly nextOffset: number;
    readonly refused?: "corrupt" | "busy";
  }
  /** The peer has the image of this position, or needs none any more. */
  | { readonly kind: "snapshotInstalled"; readonly peer: NodeId; readonly position: LogPosition }
  /** A stream to this peer closed, or dropped something. */
  | { readonly kind: "peerUnreachable"; readonly peer: NodeId };
