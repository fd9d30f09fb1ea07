/** A member of the cluster. */

import type { NodeId, Role, Suffrage } from "../../raft/types.ts";

/** Where a member is, and what it may decide. */
export interface MemberPlace {
  readonly id: NodeId;
  readonly suffrage: Suffrage;
  readonly http: string | undefined;
  readonly rpc: string | undefined;
  readonly clientRpc: string | undefined;
}

/** A member as this node sees it. */
export interface MemberView extends MemberPlace {
  /** Undefined where the leader has not heard the node, and for other nodes on a follower. */
  readonly role: Role | undefined;
  /** What only the leader knows is undefined elsewhere; 0 before it knows what the node holds. */
  readonly match: number | undefined;
  readonly applied: number | undefined;
  readonly lagMs: number | undefined;
  readonly healthy: boolean | undefined;
  readonly version: string | undefined;
}
