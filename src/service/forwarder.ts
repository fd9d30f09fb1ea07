/**
 * How a node that is not the leader hands a client's request on to it: one hop, node to node. The
 * leader proxy stands on this port; grpc/forward.ts implements it, for both ends.
 *
 * Operations and results cross as the bytes of their one encoding (kv/), so that what the leader
 * proposes is what the asking node was given. The command itself is encoded on the leader, because
 * the wall time in it is the leader's.
 */

import type { PositionedHash } from "../kv/past_hashes.ts";
import type { NodeId } from "../raft/types.ts";
import type {
  ClusterView,
  Header,
  Idempotency,
  MembershipAnswer,
  MembershipRequest,
} from "./contract.ts";
import type { ServiceError } from "./errors.ts";

export type { PositionedHash } from "../kv/past_hashes.ts";

/** A client's request on its way to the leader. */
export interface ForwardRequest {
  /** The cluster that the asking node belongs to; the answering one refuses another's. */
  readonly clusterId: string;
  readonly from: NodeId;
  readonly requestId: string;
  /** How long the client still waits, ms from now. */
  readonly timeoutMs: number;
  readonly body: ForwardBody;
}

export type ForwardBody =
  | {
    readonly kind: "write";
    /** An encoded operation. */
    readonly operation: Uint8Array;
    readonly idempotency?: Idempotency;
  }
  /** What only the leader knows of the members. */
  | { readonly kind: "view" }
  | { readonly kind: "transferLeadership"; readonly target?: NodeId }
  /** What the asked node's own store holds: not only the leader answers. */
  | { readonly kind: "stateHashes" }
  | {
    readonly kind: "changeMembers";
    readonly request: MembershipRequest;
    /** It was sent before, and nobody knows what became of it. */
    readonly again: boolean;
  };

export type ForwardAnswer =
  | {
    readonly kind: "written";
    /** An encoded result. */
    readonly result: Uint8Array;
    readonly header: Header;
  }
  | { readonly kind: "view"; readonly view: ClusterView }
  | { readonly kind: "transferred"; readonly leader: NodeId }
  | { readonly kind: "stateHashes"; readonly hashes: readonly PositionedHash[] }
  | { readonly kind: "membersChanged"; readonly changed: MembershipAnswer };

export type ForwardOutcome =
  | { readonly kind: "answered"; readonly answer: ForwardAnswer }
  /**
   * What the other node said instead. Its `outcome` tells whether it was appended: `not_applied` is
   * proof that it was not, and the request may be sent to another node.
   */
  | { readonly kind: "failed"; readonly error: ServiceError }
  /** No connection came about: nothing left this node, so nothing was appended. */
  | { readonly kind: "notSent"; readonly detail: string }
  /** The connection broke, or the time was up, after the first byte had left. */
  | { readonly kind: "unknown"; readonly detail: string };

/** The asking side. */
export interface Forwarder {
  /**
   * Sends `request` to the rpc listener at `address` (`host:port`). Never rejects. `signal` gives
   * up waiting; what has been sent is `unknown` then.
   */
  forward(address: string, request: ForwardRequest, signal?: AbortSignal): Promise<ForwardOutcome>;
}

/**
 * The answering side: asked only for this node's own cluster. It throws ServiceError; a node that
 * is not the leader refuses with `leader_changed` and outcome `not_applied`, and never forwards
 * again. Any other error is answered as `internal` with outcome `unknown`.
 */
export type ForwardHandler = (
  request: ForwardRequest,
  signal: AbortSignal,
) => Promise<ForwardAnswer>;
