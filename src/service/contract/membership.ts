/** Who shall belong to the cluster: what can be asked for, and what is answered. */

import type { MemberChange } from "../../node/plan_change.ts";
import type { MemberAddresses, NodeId } from "../../raft/types.ts";
import type { MemberView } from "./members.ts";

/** A node that shall belong to the cluster. */
export interface OfferedMember {
  /** The next free one when absent. */
  readonly id?: NodeId;
  /** Sixteen lower-case hexadecimal digits. When absent, whoever listens at `rpc` is asked. */
  readonly incarnation?: string;
  readonly addresses: MemberAddresses;
}

/** One change of members, of however many steps. */
export type MembershipChange = MemberChange<OfferedMember>;

/** How a change is asked for. */
export interface MembershipRequest {
  readonly change: MembershipChange;
  /** Refuse with `precondition_failed` unless the configuration has one of these indexes. */
  readonly expected?: readonly number[];
  /** Answer what would be, and change nothing. */
  readonly dryRun: boolean;
}

/** What the members are after a change, or would be. */
export interface MembershipAnswer {
  /** Whom it was about; of a replacement, the new one. */
  readonly id: NodeId;
  /** The node has come to belong to the cluster, or would. */
  readonly added: boolean;
  readonly members: readonly MemberView[];
  /** The configuration in force, of a dry run as well. */
  readonly configuration: { readonly index: number; readonly joint: boolean };
  /** How many voters a decision needs afterwards. */
  readonly quorum: number;
  readonly voters: number;
  /** Voters that the leader has heard of late. */
  readonly healthyVoters: number;
}
